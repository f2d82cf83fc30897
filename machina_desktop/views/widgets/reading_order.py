"""Tab goes through a window as one reads it: by rows from the top, in a row from the side where reading begins.

Qt's own order is the order in which widgets were made. Here controls are made when they are first needed, and rows
come and go, so each press of Tab looks at what stands where now.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from PySide6.QtCore import QRect, Qt
from PySide6.QtWidgets import QWidget

_Edges = Callable[[QRect], tuple[int, int]]


def move_focus(window: QWidget, *, forwards: bool, last: QWidget | None = None) -> bool:
    """Give the focus to the control after, or before, the one that has it; whether there is one.

    Call it from ``focusNextPrevChild`` of a window. What is in ``last`` comes at the end, wherever it stands.
    """
    order = list(_read(window))
    if last is not None:
        order.sort(key=lambda each: each is last or last.isAncestorOf(each))
    focus = window.focusWidget()
    at = order.index(focus) if focus in order else -1
    around = [*order[at + 1 :], *order[: max(at, 0)]]
    # Without a place to begin from, going back begins at the end.
    candidates = around if forwards else [*reversed(order[: max(at, 0)]), *reversed(order[at + 1 :])]
    for widget in candidates:
        if _takes_tab(widget):
            reason = Qt.FocusReason.TabFocusReason if forwards else Qt.FocusReason.BacktabFocusReason
            widget.setFocus(reason)
            return True
    return False


def first_control(within: QWidget) -> QWidget | None:
    """The control one comes by first; its layouts must have been activated."""
    return next((each for each in _read(within) if _takes_tab(each)), None)


def _takes_tab(widget: QWidget) -> bool:
    has_policy = bool(widget.focusPolicy() & Qt.FocusPolicy.TabFocus)
    return has_policy and widget.isEnabled() and widget.focusProxy() is None


def _read(widget: QWidget) -> Iterator[QWidget]:
    """``widget`` and all that shows in it, without what stands in a window of its own."""
    yield widget
    children = [
        each
        for each in widget.findChildren(QWidget, options=Qt.FindChildOption.FindDirectChildrenOnly)
        if not each.isHidden() and not each.isWindow()
    ]
    is_mirrored = widget.layoutDirection() == Qt.LayoutDirection.RightToLeft
    for child in _sorted(children, across=_from_right if is_mirrored else _from_left):
        yield from _read(child)


def _sorted(widgets: list[QWidget], *, across: _Edges) -> list[QWidget]:
    """In rows, then in columns, and so on, until nothing can be told apart any more."""
    for edges in (_from_top, across):
        groups = _groups(widgets, edges)
        if len(groups) > 1:
            return [widget for group in groups for widget in _sorted(group, across=across)]
    return widgets


def _groups(widgets: list[QWidget], edges: _Edges) -> list[list[QWidget]]:
    """The widgets apart from each other in one direction, in its order."""
    groups: list[list[QWidget]] = []
    reach = 0
    for widget in sorted(widgets, key=lambda each: edges(each.geometry())[0]):
        start, end = edges(widget.geometry())
        # A pixel or two over each other are no reason to read them as one.
        if groups and start < reach - 2:
            groups[-1].append(widget)
        else:
            groups.append([widget])
        reach = max(reach, end) if len(groups[-1]) > 1 else end
    return groups


def _from_top(rect: QRect) -> tuple[int, int]:
    return rect.top(), rect.top() + rect.height()


def _from_left(rect: QRect) -> tuple[int, int]:
    return rect.left(), rect.left() + rect.width()


def _from_right(rect: QRect) -> tuple[int, int]:
    return -(rect.left() + rect.width()), -rect.left()
