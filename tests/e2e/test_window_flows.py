"""The main job, in the real window on a virtual display, by mouse and keyboard, with real Terraform and real SSH.

Each flow runs the whole application in a process of its own; a picture of every stage is kept in the test's folder.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from machina_desktop.core.config import REPOSITORY
from tests.fakes import sshd
from tests.fakes.display import virtual_display

STAGES = ("first-run-look", "wizard-keys", "wizard-review", "plan", "deployed", "machine", "destroy-plan", "destroyed")


def _play(scenario: str, folder: Path, *arguments: str) -> list[str]:
    """Run the scenario; answers the names of the pictures taken."""
    pictures = folder / "pictures"
    with virtual_display() as environment:
        ended = subprocess.run(
            [sys.executable, "-m", "tests.e2e.window_driver", scenario, str(pictures), *arguments],
            cwd=REPOSITORY,
            env={**environment, "MACHINA_HOME": str(folder / "home"), "PYTHONFAULTHANDLER": "1"},
            capture_output=True,
            text=True,
            timeout=110,
            check=False,
        )
    assert ended.returncode == 0, ended.stdout[-4000:] + ended.stderr[-4000:]
    return [path.stem.partition("-")[2] for path in sorted(pictures.iterdir())]


@pytest.mark.window
def test_a_newcomer_deploys_reboots_and_destroys_a_practice_machine(tmp_path: Path) -> None:
    taken = _play("sandbox", tmp_path)
    assert set(STAGES) <= set(taken)
    assert "rebooted" in taken
    assert not list((tmp_path / "home" / "practice").iterdir())


@pytest.mark.window
def test_a_server_with_ssh_is_registered_looked_after_and_deregistered(tmp_path: Path) -> None:
    with sshd.running(tmp_path / "sshd") as server:
        key = sshd.KeyPair()
        server.authorize(key)
        private = key.write(tmp_path / "key")
        taken = _play(
            "baremetal", tmp_path, "127.0.0.1", str(server.port), server.user, server.fingerprint, str(private)
        )
    assert set(STAGES) <= set(taken)


@pytest.mark.window
def test_a_machine_lives_its_life_at_a_cloud(tmp_path: Path) -> None:
    """The cloud is a stand-in; Terraform is real."""
    taken = _play("cloud", tmp_path)
    assert {"account-refused", "wizard-size", "plan", "resize-plan", "resized", "drifted", "destroyed"} <= set(taken)
