"""What fault tests need of the machine they run on."""

from __future__ import annotations

import shutil

import pytest


@pytest.fixture(scope="session")
def terraform() -> str:
    """The setting for the real engine: the program on PATH, or nothing for the bundled library."""
    return shutil.which("terraform") or ""
