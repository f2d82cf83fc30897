"""Notifications over a real session bus."""

from __future__ import annotations

import shutil
import subprocess
import sys

from tests.architecture.source import ROOT


def said(*arguments: str) -> list[str]:
    """What the program under a session bus of its own printed."""
    starter = shutil.which("dbus-run-session")
    assert starter, "dbus-run-session is missing: apt install dbus"
    done = subprocess.run(
        [starter, "--", sys.executable, "-m", "tests.fakes.notification_service", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_a_clicked_notification_leads_back_to_its_deployment() -> None:
    assert said() == ["activated|deployment-7", "given|Machina|web-1 is running.|2 to add|silent"]


def test_without_a_notification_service_the_tray_is_tried() -> None:
    assert said("none") == ["refused|web-1 is running."]
