"""What is wrong with the widgets on the screen: each check answers readable lines, ``path: what``, all at once.

    found = [*names(root), *cuts(root), *overlaps(root)]
    assert not found, report(found)

Everything is judged as a person meets it: names as a screen reader is told them, the Tab key really pressed, tooltips
really asked for.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache

import shiboken6
from PySide6.QtCore import (
    QAbstractAnimation,
    QAbstractListModel,
    QEvent,
    QModelIndex,
    QPoint,
    QRectF,
    Qt,
    QTimer,
)
from PySide6.QtGui import QAccessible, QFontMetrics, QHelpEvent
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractScrollArea,
    QAbstractSlider,
    QAbstractSpinBox,
    QApplication,
    QCheckBox,
    QComboBox,
    QDialog,
    QDockWidget,
    QHeaderView,
    QLabel,
    QLineEdit,
    QMenu,
    QPlainTextEdit,
    QRadioButton,
    QScrollBar,
    QTabBar,
    QToolButton,
    QToolTip,
    QWidget,
)

from machina_desktop.views import theme
from machina_desktop.views.terminal.asking import AskingCard
from machina_desktop.views.terminal.broadcast_frame import BroadcastFrame
from machina_desktop.views.terminal.search_bar import SearchBar
from machina_desktop.views.terminal.split_view import DividerGrip
from machina_desktop.views.toast import MoreLine, Toast
from machina_desktop.views.widgets.checkbox import Checkbox
from machina_desktop.views.widgets.feedback import Avatar
from machina_desktop.views.widgets.painting import Drawn, listening
from machina_desktop.views.widgets.scrim import Scrim
from machina_desktop.views.widgets.text import ElidedLabel, Label
from machina_desktop.views.widgets.toggles import Switch
from machina_desktop.views.widgets.tooltip import hide_tooltip, shown_tooltip

# Rounding of fonts and scale factors: what is this little too narrow is not cut to the eye.
SLACK = 2
# Faster timers than this one repaint something; slower ones look after things.
REPAINTS_WITHIN_MS = 200

_CONTROLS = (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSlider,
    QAbstractSpinBox,
    QComboBox,
    QLineEdit,
    QPlainTextEdit,
    QTabBar,
)


@dataclass(frozen=True)
class Finding:
    """Something that is wrong, and where."""

    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"


def report(findings: Iterable[Finding]) -> str:
    """One line each, equal ones once."""
    return "\n" + "\n".join(dict.fromkeys(str(each) for each in findings))


def path_of(widget: QWidget, root: QWidget) -> str:
    """The way from ``root`` to ``widget``, by object name, class and text."""
    parts: list[str] = []
    at: QWidget | None = widget
    while at is not None:
        words = at.text() if isinstance(at, (QLabel, QAbstractButton)) else ""
        label = words.replace("\n", " ")[:32] or at.accessibleName()[:32]
        name = at.objectName() if not at.objectName().startswith("qt_") else ""
        parts.append(name or type(at).__name__ + (f"[{label}]" if label else ""))
        at = at.parentWidget() if at is not root else None
    return " / ".join(reversed(parts))


def visible(root: QWidget) -> Iterator[QWidget]:
    """``root`` and every widget under it that shows, without what stands in a window of its own."""
    yield root
    for each in root.findChildren(QWidget):
        if shiboken6.isValid(each) and each.isVisibleTo(root) and each.window() is root.window():
            yield each


def is_part_of_a_control(widget: QWidget) -> bool:
    """Whether the control around it answers for it: scroll bars, the line inside a spin box, a table's header."""
    parent = widget.parentWidget()
    return (
        isinstance(widget, (QScrollBar, QHeaderView))
        or isinstance(parent, (QAbstractSpinBox, QComboBox, QTabBar))
        or (isinstance(parent, QLineEdit) and isinstance(widget, QToolButton))
        or (isinstance(parent, QAbstractItemView) and isinstance(widget, QAbstractButton))
        or widget.inherits("QComboBoxPrivateContainer")
        or widget.inherits("QComboBoxListView")
    )


def is_interactive(widget: QWidget) -> bool:
    """Whether a person can do something with it."""
    if is_part_of_a_control(widget):
        return False
    return isinstance(widget, _CONTROLS) or bool(widget.focusPolicy() & Qt.FocusPolicy.TabFocus)


def interactive(root: QWidget) -> Iterator[QWidget]:
    """Every visible widget a person can do something with."""
    return (each for each in visible(root) if is_interactive(each))


@cache
def icon_names() -> frozenset[str]:
    """Names a developer gave to pictures; nobody should hear them."""
    return frozenset(file.stem for file in (theme.RESOURCES / "icons").glob("*.svg"))


def spoken_name(widget: QWidget) -> str:
    """The name as a screen reader is told it."""
    if isinstance(widget, QComboBox):
        # On Linux the choice is told as the name, and the label beside it.
        return widget.accessibleName()
    told = QAccessible.queryAccessibleInterface(widget)
    return told.text(QAccessible.Text.Name).strip() if told is not None else ""


def names(root: QWidget) -> Iterator[Finding]:
    """Controls without a name, or with a developer's; bare icons without a tooltip; names given twice in a dialog."""
    heard: Counter[tuple[str, str]] = Counter()
    for each in interactive(root):
        where, name = path_of(each, root), spoken_name(each)
        heard[name, type(each).__name__] += isinstance(root, QDialog) and each.isEnabled()
        if not name:
            yield Finding(where, "has no accessible name")
        elif (not isinstance(each, QComboBox) and name in icon_names()) or name == each.objectName():
            yield Finding(where, f"is named {name!r} as only a developer would")
        is_bare = isinstance(each, QAbstractButton) and not isinstance(each, (QCheckBox, Switch)) and not each.text()
        if is_bare and not each.toolTip():
            yield Finding(where, "is an icon without a tooltip")
        if isinstance(each, QAbstractItemView):
            yield from _silent_cells(each, where)
    for (name, kind), count in heard.items():
        if name and count > 1:
            yield Finding(path_of(root, root), f"{count} × {kind} named {name!r}")


def _silent_cells(view: QAbstractItemView, where: str) -> Iterator[Finding]:
    model = view.model()
    if model is None:
        return
    for column in range(_columns(view)):
        cells = [model.index(row, column) for row in range(min(model.rowCount(), 40))]
        if cells and not any(_words_of(cell) for cell in cells):
            yield Finding(where, f"column {column} is read as nothing in every row")


def _columns(view: QAbstractItemView) -> int:
    model = view.model()
    # A list has one, and says so to Qt only.
    return 1 if isinstance(model, QAbstractListModel) else model.columnCount()


def _words_of(cell: QModelIndex) -> str:
    roles = (Qt.ItemDataRole.AccessibleTextRole, Qt.ItemDataRole.DisplayRole)
    return next((str(text) for role in roles if (text := cell.data(role))), "")


def texts_drawn(root: QWidget) -> list[Drawn]:
    """Every text that the widgets under ``root`` paint themselves, scrolled out of sight or not."""
    drawn: list[Drawn] = []
    with listening(drawn.append):
        root.grab()
        for each in visible(root):
            if isinstance(each, QAbstractScrollArea) and not isinstance(each, QAbstractItemView):
                for inner in each.viewport().findChildren(QWidget, options=Qt.FindChildOption.FindDirectChildrenOnly):
                    inner.grab()
    return drawn


def cuts(root: QWidget) -> Iterator[Finding]:
    """Texts of which a part is missing without an ellipsis and a tooltip that tells it all."""
    drawn_texts = texts_drawn(root)
    for each in visible(root):
        if isinstance(each, QLabel):
            yield from _cut_label(each, root)
        elif isinstance(each, (QCheckBox, QRadioButton)) and not isinstance(each, Checkbox):
            needed = each.fontMetrics().horizontalAdvance(each.text())
            if each.text() and each.sizeHint().width() > each.width() + SLACK and needed:
                yield Finding(path_of(each, root), f"needs {each.sizeHint().width()} px and has {each.width()}")
        elif isinstance(each, QComboBox):
            yield from _cut_combo(each, root)
        elif isinstance(each, QHeaderView):
            yield from _cut_header(each, root)
        if is_interactive(each) and min(each.width(), each.height()) < 8:
            yield Finding(path_of(each, root), f"is {each.width()} × {each.height()} px")
    told: set[tuple[int, str]] = set()
    for drawn in drawn_texts:
        if drawn.is_cut and drawn.widget is not None and (id(drawn.widget), drawn.text) not in told:
            told.add((id(drawn.widget), drawn.text))
            yield from _cut_drawing(drawn, drawn.widget, root)


def _cut_label(label: QLabel, root: QWidget) -> Iterator[Finding]:
    text, room = label.text(), label.contentsRect()
    if isinstance(label, ElidedLabel):
        # It tells its text in full as it is painted.
        if _width(label, text) > label.width() + SLACK and not label.toolTip():
            yield Finding(path_of(label, root), f"is shortened and {text[:40]!r} is told nowhere in full")
    elif isinstance(label, Label):
        # It shortens itself, which is seen where it is drawn; but it must have a line.
        if text and label.fontMetrics().height() > label.height() + SLACK:
            yield Finding(path_of(label, root), f"has {label.height()} px for a line")
    elif label.wordWrap():
        if label.heightForWidth(label.width()) > label.height() + SLACK:
            yield Finding(path_of(label, root), f"needs more than its {label.height()} px of height")
    elif text and _width(label, text) > room.width() + SLACK:
        yield Finding(path_of(label, root), f"needs {_width(label, text)} px and has {room.width()}")


def _width(label: QLabel, text: str) -> int:
    return max(QFontMetrics(label.font()).horizontalAdvance(line) for line in text.split("\n"))


def _cut_combo(combo: QComboBox, root: QWidget) -> Iterator[Finding]:
    text = combo.currentText()
    if combo.fontMetrics().horizontalAdvance(text) > combo.width() - 20 and text not in _tip_at(
        combo, combo.rect().center()
    ):
        yield Finding(path_of(combo, root), f"shortens {text[:40]!r}, which is told nowhere in full")


def _cut_header(header: QHeaderView, root: QWidget) -> Iterator[Finding]:
    if header.orientation() != Qt.Orientation.Horizontal:
        return
    metrics = header.fontMetrics()
    for section in range(header.count()):
        title = str(header.model().headerData(section, Qt.Orientation.Horizontal) or "")
        if header.isSectionHidden(section) or metrics.horizontalAdvance(title) <= header.sectionSize(section) - 8:
            continue
        at = QPoint(header.sectionViewportPosition(section) + header.sectionSize(section) // 2, header.height() // 2)
        if header.textElideMode() == Qt.TextElideMode.ElideNone:
            yield Finding(path_of(header, root), f"cuts {title!r} without an ellipsis")
        elif header.viewport().rect().contains(at) and title not in _tip_at(header.viewport(), at):
            yield Finding(path_of(header, root), f"shortens {title!r}, which is told nowhere in full")


def _cut_drawing(drawn: Drawn, widget: QWidget, root: QWidget) -> Iterator[Finding]:
    seen = drawn.rect.intersected(widget.rect())
    if seen.isEmpty():
        return
    spot = seen.center().toPoint()
    if drawn.text.strip() not in _tip_at(widget, spot):
        where = path_of(widget, root)
        yield Finding(where, f"shortens {drawn.text[:40]!r} to {drawn.rect.width():.0f} px, told nowhere in full")


def _tip_at(widget: QWidget, spot: QPoint) -> str:
    """The tooltip a mouse resting there brings up."""
    hide_tooltip()
    QToolTip.hideText()
    place = widget.mapToGlobal(spot)
    QApplication.sendEvent(widget, QHelpEvent(QEvent.Type.ToolTip, spot, place))
    text = QToolTip.text() if QToolTip.isVisible() else ""
    if (shown := shown_tooltip()) is not None:
        text = shown.words()
    return f"{text}\n{widget.toolTip()}"


def overlaps(root: QWidget) -> Iterator[Finding]:
    """Siblings that lie over each other, and widgets that stick out of what they stand in."""
    for parent in visible(root):
        children = [
            each
            for each in parent.findChildren(QWidget, options=Qt.FindChildOption.FindDirectChildrenOnly)
            if each.isVisibleTo(root) and not each.isWindow() and not lies_over(each)
            if not each.size().isEmpty() and not each.objectName().startswith("qt_")
        ]
        yield from _lying_over_each_other(parent, children, root)
        yield from _sticking_out(parent, children, root)


def _lying_over_each_other(parent: QWidget, children: list[QWidget], root: QWidget) -> Iterator[Finding]:
    if isinstance(parent, (QLineEdit, QAbstractItemView, QTabBar, QComboBox)):
        return
    for index, first in enumerate(children):
        for second in children[index + 1 :]:
            shared = first.geometry().intersected(second.geometry())
            if shared.width() > 1 and shared.height() > 1:
                size = f"{shared.width()} × {shared.height()} px"
                yield Finding(path_of(first, root), f"overlaps {path_of(second, parent)} by {size}")


def _sticking_out(parent: QWidget, children: list[QWidget], root: QWidget) -> Iterator[Finding]:
    if isinstance(parent, QAbstractScrollArea) or isinstance(parent.parentWidget(), QAbstractScrollArea):
        return
    room = parent.rect().adjusted(-1, -1, 1, 1)
    for each in children:
        if not room.contains(each.geometry()):
            place, size = each.geometry(), parent.size()
            told = f"{place.x()},{place.y()} {place.width()} × {place.height()} in {size.width()} × {size.height()}"
            yield Finding(path_of(each, root), f"sticks out of its place: {told}")


def overpainted(root: QWidget) -> Iterator[Finding]:
    """Texts that a widget paints over another of its own."""
    drawn: dict[QWidget, dict[tuple[str, int, int], QRectF]] = {}
    for each in texts_drawn(root):
        if each.widget is not None and each.text.strip():
            key = (each.text, round(each.rect.left()), round(each.rect.top()))
            drawn.setdefault(each.widget, {})[key] = each.rect
    for widget, texts in drawn.items():
        placed = list(texts.items())
        for index, (first, place) in enumerate(placed):
            for second, other in placed[index + 1 :]:
                shared = place.intersected(other)
                if shared.width() > SLACK and shared.height() > SLACK:
                    yield Finding(path_of(widget, root), f"paints {second[0][:30]!r} over {first[0][:30]!r}")


def sideways(root: QWidget) -> Iterator[Finding]:
    """Contents that are wider than the scroll area around them, where no scroll bar leads to the rest."""
    for each in visible(root):
        if not isinstance(each, QAbstractScrollArea) or isinstance(each, (QAbstractItemView, QPlainTextEdit)):
            continue
        for inner in each.viewport().findChildren(QWidget, options=Qt.FindChildOption.FindDirectChildrenOnly):
            is_off = each.horizontalScrollBarPolicy() == Qt.ScrollBarPolicy.ScrollBarAlwaysOff
            if is_off and inner.isVisibleTo(root) and inner.width() > each.viewport().width() + SLACK:
                width = f"{inner.width()} px in {each.viewport().width()}"
                yield Finding(path_of(inner, root), f"is wider than what shows it, and cannot be scrolled: {width}")


def movements(root: QWidget) -> Iterator[Finding]:
    """What still moves, or repaints itself on a clock."""
    for animation in root.findChildren(QAbstractAnimation):
        if animation.state() == QAbstractAnimation.State.Running:
            yield Finding(_owner(animation.parent(), root), "is animated")
    for timer in root.findChildren(QTimer):
        if timer.isActive() and not timer.isSingleShot() and timer.interval() <= REPAINTS_WITHIN_MS:
            yield Finding(_owner(timer.parent(), root), f"repaints itself each {timer.interval()} ms")


def _owner(each: object, root: QWidget) -> str:
    while each is not None and not isinstance(each, QWidget):
        each = each.parent()  # type: ignore[attr-defined]
    return path_of(each, root) if isinstance(each, QWidget) else "?"


def lies_over(widget: QWidget) -> bool:
    """Toasts, what dims a window, what asks, searches or frames a terminal, and dividers are meant to lie over it."""
    return isinstance(widget, (Toast, MoreLine, Scrim, SearchBar, AskingCard, BroadcastFrame, DividerGrip))


def said(root: QWidget) -> Iterator[tuple[str, str]]:
    """Every text a person reads or hears here, with the path of who says it."""
    for each in visible(root):
        where = path_of(each, root)
        if isinstance(each, Avatar):
            continue
        texts = [each.toolTip(), each.accessibleName(), each.accessibleDescription()]
        if each.isWindow() or isinstance(each, QDockWidget):
            texts.append(each.windowTitle())
        texts += _own_texts(each)
        yield from ((where, text) for text in texts if text)
    for drawn in texts_drawn(root):
        if not isinstance(drawn.widget, Avatar):
            where = path_of(drawn.widget, root) if drawn.widget is not None else "?"
            yield where, drawn.text


def _own_texts(widget: QWidget) -> list[str]:
    match widget:
        case QLabel() | QAbstractButton():
            texts = [widget.text()]
        case QLineEdit() | QPlainTextEdit():
            texts = [widget.placeholderText()]
        case QComboBox():
            texts = [widget.itemText(index) for index in range(widget.count())]
        case QTabBar():
            texts = [widget.tabText(index) for index in range(widget.count())]
        case QMenu():
            texts = [action.text() for action in widget.actions()]
        case QHeaderView() if (model := widget.model()) is not None:
            texts = [str(model.headerData(at, widget.orientation()) or "") for at in range(widget.count())]
        case QAbstractItemView() if (model := widget.model()) is not None:
            cells = [(row, at) for row in range(min(model.rowCount(), 40)) for at in range(_columns(widget))]
            texts = [_words_of(model.index(row, at)) for row, at in cells]
        case _:
            texts = []
    return texts
