"""Every scene of ``make screenshots``, once, in the real window over a believable team: nothing fails or stalls."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from machina_desktop.core.config import REPOSITORY, Paths
from tests.e2e.scenes import WALKS
from tests.fakes.believable_team import BelievableTeam, settle_in
from tests.fakes.display import virtual_display


def _walk(name: str, folder: Path, team: BelievableTeam | None) -> list[str]:
    """Go through the scenes of a walk; answers the names of the pictures, in order."""
    home, pictures = folder / "home", folder / "pictures"
    home.mkdir(exist_ok=True)
    (home / "settings.json").write_text('{"theme": "dark", "reduced_motion": true}')
    pairs = [f"{key}={value}" for key, value in team.named().items()] if team is not None else []
    with virtual_display() as environment:
        ended = subprocess.run(
            [sys.executable, "-m", "tests.e2e.picture_walk", name, str(pictures), "1", *pairs],
            cwd=REPOSITORY,
            env={**environment, "MACHINA_HOME": str(home)},
            capture_output=True,
            text=True,
            timeout=110,
            check=False,
        )
    assert ended.returncode == 0, ended.stdout[-2000:] + ended.stderr[-4000:]
    return [path.stem.partition("-")[2] for path in sorted(pictures.iterdir())]


@pytest.mark.window
async def test_every_scene_of_a_believable_team_can_be_shown(tmp_path: Path) -> None:
    team = await settle_in(Paths(home=tmp_path / "home"))
    assert _walk("team", tmp_path, team) == [scene.name for scene in WALKS["team"]]


@pytest.mark.window
async def test_every_scene_of_a_shared_team_can_be_shown(tmp_path: Path) -> None:
    team = await settle_in(Paths(home=tmp_path / "home"))
    assert _walk("shared", tmp_path, team) == [scene.name for scene in WALKS["shared"]]


@pytest.mark.window
def test_every_scene_of_a_first_start_can_be_shown(tmp_path: Path) -> None:
    assert _walk("first", tmp_path, None) == [scene.name for scene in WALKS["first"]]
