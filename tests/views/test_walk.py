"""The walk finds what is wrong: each check, shown a widget that breaks it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from PySide6.QtCore import QRectF, Qt, QTimer
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QApplication, QComboBox, QLabel, QLineEdit, QPushButton, QToolButton, QWidget

from machina_desktop.views import theme
from machina_desktop.views.widgets.painting import draw_text
from tests.fakes import walk
from tests.fakes.tab_order import tab_order
from tests.fakes.walk import Finding

Check = Callable[[QWidget], Iterator[Finding]]


class Painted(QWidget):
    """Paints texts at places; it tells nobody what it cut."""

    def __init__(self, parent: QWidget, *texts: tuple[str, QRectF]) -> None:
        super().__init__(parent)
        self.texts = texts
        self.resize(300, 40)

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802 - Qt calls it
        painter = QPainter(self)
        for text, rect in self.texts:
            draw_text(painter, rect, text, theme.font(), theme.color("text-primary"))


def nameless(root: QWidget) -> None:
    QLineEdit(root)


def named_by_a_developer(root: QWidget) -> None:
    QPushButton("rotate-cw", root)


def bare_icon(root: QWidget) -> None:
    QToolButton(root).setAccessibleName("Copy")


def narrow_label(root: QWidget) -> None:
    QLabel("A sentence that is much longer than its place", root).resize(40, 20)


def narrow_choice(root: QWidget) -> None:
    combo = QComboBox(root)
    combo.addItem("A choice that is much longer than its place")
    combo.resize(60, 24)


def one_over_the_other(root: QWidget) -> None:
    for left in (10, 30):
        QLabel("words", root).setGeometry(left, 10, 60, 20)


def outside(root: QWidget) -> None:
    QLabel("words", root).setGeometry(380, 10, 60, 20)


def texts_over_each_other(root: QWidget) -> None:
    Painted(root, ("running", QRectF(10, 0, 100, 30)), ("stopped", QRectF(20, 0, 100, 30)))


def restless(root: QWidget) -> None:
    QTimer(root, interval=40).start()


def unreachable(root: QWidget) -> None:
    for name in ("first", "second"):
        button = QPushButton(name, root)
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus if name == "first" else Qt.FocusPolicy.NoFocus)


def backwards(root: QWidget) -> None:
    for top in (120, 80, 40, 0):
        QPushButton(f"at {top}", root).setGeometry(0, top, 80, 30)


@pytest.mark.parametrize(
    "check, breaks",
    [
        (walk.names, nameless),
        (walk.names, named_by_a_developer),
        (walk.names, bare_icon),
        (walk.cuts, narrow_label),
        (walk.cuts, narrow_choice),
        (walk.overlaps, one_over_the_other),
        (walk.overlaps, outside),
        (walk.overpainted, texts_over_each_other),
        (walk.movements, restless),
        (tab_order, unreachable),
        (tab_order, backwards),
    ],
    ids=lambda each: each.__name__,
)
def test_it_finds(check: Check, breaks: Callable[[QWidget], None], qapp: QApplication) -> None:
    root = QWidget()
    root.resize(400, 200)
    breaks(root)
    root.show()
    root.activateWindow()
    qapp.processEvents()
    found = list(check(root))
    root.close()
    assert found


def test_it_finds_nothing_where_nothing_is_wrong(qapp: QApplication) -> None:
    root = QWidget()
    root.resize(400, 200)
    QPushButton("Go on", root).setGeometry(10, 10, 120, 30)
    Painted(root, ("running", QRectF(10, 0, 100, 30)), ("stopped", QRectF(120, 0, 100, 30))).move(10, 60)
    root.show()
    root.activateWindow()
    qapp.processEvents()
    checks: tuple[Check, ...] = (walk.names, walk.cuts, walk.overlaps, walk.overpainted, walk.movements, tab_order)
    found = [each for check in checks for each in check(root)]
    root.close()
    assert not found, walk.report(found)
