"""A newcomer comes to a team's server in the real window, by the link of an invite, with a real server at its end."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from machina_desktop.core.config import REPOSITORY
from tests.fakes.display import virtual_display
from tests.fakes.server import settled

PATIENCE_S = 100


@pytest.mark.window
async def test_an_invite_link_leads_from_the_first_start_into_the_team(tmp_path: Path) -> None:
    pictures = tmp_path / "pictures"
    async with settled(tmp_path / "server") as site:
        link = f"machina://join/{await site.code()}?server={site.url}"
        with virtual_display() as environment:
            # The server lives in this process, so nothing may stop its loop meanwhile.
            ended = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "tests.e2e.window_driver", "invited", str(pictures), link),
                cwd=REPOSITORY,
                env={**environment, "MACHINA_HOME": str(tmp_path / "home")},
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
            )
            said, _ = await asyncio.wait_for(ended.communicate(), PATIENCE_S)
    assert ended.returncode == 0, said.decode()[-5000:]
    taken = {path.stem.partition("-")[2] for path in pictures.iterdir()}
    assert {"account", "team", "members", "servers", "signed-out"} <= taken
