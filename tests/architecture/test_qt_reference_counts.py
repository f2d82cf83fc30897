"""Qt's calls leave the reference count of ``None`` alone.

PySide6 6.12.0 drops one reference per void call, and on CPython 3.11 the program then dies after some thousand calls.
"""

from __future__ import annotations

import sys

from PySide6.QtWidgets import QApplication, QLabel

CALLS = 200
NOISE = 50


def test_void_calls_drop_no_reference_to_none(qapp: QApplication) -> None:
    label = QLabel()
    qapp.processEvents()
    before = sys.getrefcount(None)
    for _ in range(CALLS):
        qapp.processEvents()
        label.update()
    assert abs(sys.getrefcount(None) - before) < NOISE
