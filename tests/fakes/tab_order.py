"""The keyboard's way through a window, with every Tab really pressed: what it misses, where it jumps, what hides it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from PySide6.QtCore import QPoint, QRect, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QAbstractItemView, QLineEdit, QWidget

from machina_desktop.views.terminal.view import TerminalView
from machina_desktop.views.terminal_files.file_table import FileTable
from machina_desktop.views.widgets.modal import Modal
from tests.fakes.walk import SLACK, Finding, interactive, lies_over, path_of

STOPS_AT_MOST = 400
CONTROL = Qt.KeyboardModifier.ControlModifier


def press(window: QWidget, key: Qt.Key, modifiers: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
    """Press a key as the keyboard does: the window decides who gets it."""
    handle = window.windowHandle()
    assert handle is not None, "the window is not on the screen"
    QTest.keyClick(handle, key, modifiers)


@dataclass(frozen=True)
class Stop:
    """A widget that Tab came by, where it stood then, and where the one before it stood at the same time."""

    widget: QWidget
    place: QRect
    before: QWidget | None
    place_before: QRect


def tab_stops(window: QWidget, key: Qt.Key = Qt.Key.Key_Tab) -> list[Stop]:
    """The widgets that Tab comes by, from where the focus is until it comes by the first one again, which ends it."""
    stops: list[Stop] = []
    modifiers = Qt.KeyboardModifier.ShiftModifier if key == Qt.Key.Key_Backtab else Qt.KeyboardModifier.NoModifier
    for _ in range(STOPS_AT_MOST):
        before = stops[-1].widget if stops else None
        # Tab itself is the shell's, or goes to the other list of files; this is the way out of both.
        is_in_terminal = isinstance(window.focusWidget(), (TerminalView, FileTable))
        press(window, key, modifiers | (CONTROL if is_in_terminal else Qt.KeyboardModifier.NoModifier))
        at = window.focusWidget()
        if at is None or at is before:
            break
        stops.append(Stop(at, _place(at, window), before, _place(before, window) if before else QRect()))
        if len(stops) > 1 and at is stops[0].widget:
            break
    return stops


def _place(widget: QWidget, window: QWidget) -> QRect:
    return QRect(widget.mapTo(window, QPoint(0, 0)), widget.size())


def tab_order(root: QWidget) -> Iterator[Finding]:
    """Controls that Tab does not come by, jumps against the reading order, traps, focus that cannot be seen."""
    window = root.window()
    stops = tab_stops(window)
    reached = {each.widget for each in stops}
    for each in interactive(root):
        if each.isEnabled() and each not in reached and not _is_reached_otherwise(each, reached):
            yield Finding(path_of(each, root), "Tab does not come by")
    back = {each.widget for each in tab_stops(window, Qt.Key.Key_Backtab)}
    if back != reached:
        odd = [path_of(each, window) for each in back ^ reached]
        yield Finding(path_of(root, root), f"Shift+Tab does not go Tab's way back: {odd[:3]}")
    yield from _jumps(stops, root)
    yield from _unseen_focus([each for each in reached if each is root or root.isAncestorOf(each)], root)


def _is_reached_otherwise(widget: QWidget, reached: set[QWidget]) -> bool:
    """Of a group of buttons Tab comes by one; the arrows lead to the others. A list may follow a line's arrows."""
    if isinstance(widget, QAbstractItemView):
        return any(_follows(widget, each) for each in reached if isinstance(each, QLineEdit))
    if not isinstance(widget, QAbstractButton):
        return False
    group = widget.group()
    if group is not None:
        return any(each in reached for each in group.buttons())
    return widget.autoExclusive() and any(
        isinstance(each, type(widget)) and each.parent() is widget.parent() for each in reached
    )


def _follows(view: QAbstractItemView, line: QLineEdit) -> bool:
    line.setFocus(Qt.FocusReason.TabFocusReason)
    before = view.currentIndex()
    press(line.window(), Qt.Key.Key_Down)
    return view.currentIndex() != before


def _jumps(stops: list[Stop], root: QWidget) -> Iterator[Finding]:
    if root.layoutDirection() != Qt.LayoutDirection.LeftToRight:
        return
    back: list[tuple[tuple[int, int], Finding]] = []
    for stop in stops:
        first, second = stop.before, stop.widget
        if first is None or _is_aside(first) or _is_aside(second):
            continue
        if first.isAncestorOf(second) or second.isAncestorOf(first):
            continue
        here, there = stop.place_before, stop.place
        is_above = there.bottom() <= here.top() + SLACK and there.left() < here.right()
        is_beside = there.top() < here.bottom() and there.bottom() > here.top()
        if is_above or (is_beside and there.right() <= here.left() + SLACK):
            told = f"comes after {path_of(first, root)} but stands before it"
            back.append(((there.top(), there.left()), Finding(path_of(second, root), told)))
    # Once the way leads from the end to the beginning.
    yield from (finding for _, finding in sorted(back, key=lambda each: each[0])[1:])


def _is_aside(widget: QWidget) -> bool:
    """What lies over the page, and the cross of a dialog, are in no line with the rest."""
    window = widget.window()
    is_cross = isinstance(window, Modal) and widget is window.close_button()
    return is_cross or lies_over(widget) or lies_over(widget.parentWidget())


def _unseen_focus(stops: list[QWidget], root: QWidget) -> Iterator[Finding]:
    for each in stops:
        # A card that lies over the window has the keys without being the active window.
        if not each.isVisible() or not each.isEnabled() or each.window().windowType() == Qt.WindowType.Popup:
            continue
        each.setFocus(Qt.FocusReason.TabFocusReason)
        shown = each.grab().toImage()
        each.clearFocus()
        if each.grab().toImage() == shown:
            yield Finding(path_of(each, root), "looks the same with the keyboard's focus as without")
