"""What is painted of a terminal is what the terminal holds."""

from __future__ import annotations

import pytest
from PySide6.QtWidgets import QApplication

from tests.terminal import sight_fuzz


@pytest.mark.parametrize("first", [0, 10])
def test_random_streams_are_painted_as_the_terminal_holds_them(qapp: QApplication, first: int) -> None:
    assert [wrong for wrong in map(sight_fuzz.difference, range(first, first + 10)) if wrong] == []
