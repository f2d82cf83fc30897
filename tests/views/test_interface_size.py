"""The window is drawn as large as was set, from its start on; a scale the person gave Qt itself stays."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from machina_desktop.core.config import INTERFACE_SIZE, REPOSITORY

START = """
import os
import sys
from PySide6.QtGui import QGuiApplication
from machina_desktop.core.config import interface_scaled
before = dict(os.environ)
with interface_scaled(sys.argv[1]):
    app = QGuiApplication(sys.argv[:1])
assert dict(os.environ) == before, "programs started later would be scaled too"
print(app.primaryScreen().devicePixelRatio())
"""


def ratio_at(percent: str, **given: str) -> float:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("QT_SCALE")} | given
    done = subprocess.run(
        [sys.executable, "-c", START, percent],
        cwd=REPOSITORY,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return float(done.stdout)


@pytest.mark.parametrize("percent", [INTERFACE_SIZE.choices[0], "100", INTERFACE_SIZE.choices[-1]])
def test_everything_is_drawn_as_large_as_was_set(percent: str) -> None:
    assert ratio_at(percent) == int(percent) / 100


def test_a_scale_of_the_persons_own_stays() -> None:
    assert ratio_at("150", QT_SCALE_FACTOR="2") == 2
