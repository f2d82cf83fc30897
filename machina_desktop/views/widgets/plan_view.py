"""A plan as a tree: what is destroyed or replaced first, each attribute's old and new value."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QCoreApplication, QModelIndex, QPersistentModelIndex, QRectF, QSize, Qt
from PySide6.QtGui import QFont, QFontMetricsF, QPainter, QResizeEvent
from PySide6.QtWidgets import (
    QStackedWidget,
    QStyle,
    QStyleOptionViewItem,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from machina_desktop.core.domain.plan import AttributeChange, PlanAction, PlanSummary, ResourceChange
from machina_desktop.core.secret import DOTS
from machina_desktop.views import theme
from machina_desktop.views.theme import Space, Type
from machina_desktop.views.widgets.delegate import TellingDelegate
from machina_desktop.views.widgets.feedback import Badge
from machina_desktop.views.widgets.flow import FlowBox
from machina_desktop.views.widgets.painting import draw_text
from machina_desktop.views.widgets.states import EmptyState

EXPANDED_AT_MOST = 12
_RESOURCE_HEIGHT = 34
_ATTRIBUTE_HEIGHT = 24
_CHANGE_ROLE = Qt.ItemDataRole.UserRole
_ACTION_ROLE = Qt.ItemDataRole.UserRole + 1


@dataclass(frozen=True)
class ActionMark:
    """How an action looks: its sign, its colour token, and where it stands in the list."""

    sign: str
    token: str
    rank: int


_MARKS = {
    PlanAction.DELETE: ActionMark("-", "accent-error", 0),
    PlanAction.REPLACE: ActionMark("±", "accent-error", 1),
    PlanAction.FORGET: ActionMark("-", "accent-warning", 2),
    PlanAction.UPDATE: ActionMark("~", "accent-warning", 3),
    PlanAction.CREATE: ActionMark("+", "accent-success", 4),
    PlanAction.IMPORT: ActionMark("+", "accent-primary", 5),
    PlanAction.READ: ActionMark("<", "text-secondary", 6),
    PlanAction.NOTHING: ActionMark(" ", "text-secondary", 7),
}


# Attributes by which a person knows a machine again, in the order they are read.
_IDENTIFYING = ("name", "hostname", "host", "public_ip", "ipv4_address", "port", "region", "location", "size", "image")


def action_word(action: PlanAction) -> str:
    """What happens to the resource, in one word of the user's language."""
    words = {
        PlanAction.DELETE: QCoreApplication.translate("Plan", "destroy"),
        PlanAction.REPLACE: QCoreApplication.translate("Plan", "replace"),
        PlanAction.FORGET: QCoreApplication.translate("Plan", "forget"),
        PlanAction.UPDATE: QCoreApplication.translate("Plan", "change"),
        PlanAction.CREATE: QCoreApplication.translate("Plan", "create"),
        PlanAction.IMPORT: QCoreApplication.translate("Plan", "import"),
        PlanAction.READ: QCoreApplication.translate("Plan", "read"),
        PlanAction.NOTHING: QCoreApplication.translate("Plan", "leave as it is"),
    }
    return words[action]


def old_and_new(change: AttributeChange) -> tuple[str | None, str | None]:
    """The two values as they are shown; ``None`` where there is none."""
    if change.sensitive:
        return None, DOTS
    after = QCoreApplication.translate("Plan", "known after apply") if change.unknown else change.after
    return change.before, after


def is_identifying(change: AttributeChange) -> bool:
    """Whether the attribute tells which thing it is, as opposed to how it is set up."""
    path = change.path.removeprefix("input.")
    return path in _IDENTIFYING


def change_words(change: AttributeChange) -> str:
    """One attribute's change as a line of text, as it is read aloud and copied."""
    old, new = old_and_new(change)
    values = " → ".join(value for value in (old, new) if value is not None)
    reason = QCoreApplication.translate("Plan", "forces replacement") if change.forces_replacement else ""
    return f"{change.path}  {values}  {reason}".strip()


class PlanView(QWidget):
    """Shows one plan."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._plan: PlanSummary | None = None
        counts = FlowBox()
        self._counts = counts.row
        self._tree = _Tree()
        # In a low inspector it scrolls before the counts above it are pushed together.
        self._tree.setMinimumHeight(_RESOURCE_HEIGHT)
        self._empty = EmptyState(icon_name="circle-check", title="")
        self._stack = QStackedWidget()
        self._stack.addWidget(self._tree)
        self._stack.addWidget(self._empty)
        self._set_up_tree()
        self.setFocusProxy(self._tree)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(Space.S)
        column.addWidget(counts)
        column.addWidget(self._stack, 1)
        self.set_plan(None)

    def plan(self) -> PlanSummary | None:
        """What is shown."""
        return self._plan

    def set_plan(self, plan: PlanSummary | None) -> None:
        """Show ``plan``; ``None`` says that none has been made yet."""
        self._plan = plan
        self._tree.clear()
        self._show_counts(plan)
        if plan is None:
            self._empty.set_message(
                self.tr("No plan yet"), self.tr("It appears here as soon as Terraform has made it.")
            )
        elif plan.is_empty and not plan.drift:
            self._empty.set_message(self.tr("No changes"), self.tr("Everything is already as described."))
        else:
            self._fill(plan)
            self._stack.setCurrentWidget(self._tree)
            return
        self._stack.setCurrentWidget(self._empty)

    def lines(self) -> tuple[str, ...]:
        """All rows that are not folded away, from the top, as screen readers read them."""
        found = []
        index = self._tree.model().index(0, 0)
        while index.isValid():
            found.append(str(index.data()))
            index = self._tree.indexBelow(index)
        return tuple(found)

    def _set_up_tree(self) -> None:
        self._tree.setAccessibleName(self.tr("Plan"))
        self._tree.setProperty("role", "framed")
        self._tree.setHeaderHidden(True)
        self._tree.setItemDelegate(_PlanDelegate(self._tree))
        self._tree.setIndentation(Space.L)
        self._tree.setVerticalScrollMode(QTreeWidget.ScrollMode.ScrollPerPixel)
        self._tree.setUniformRowHeights(False)
        self._tree.setRootIsDecorated(True)

    def _show_counts(self, plan: PlanSummary | None) -> None:
        while (entry := self._counts.takeAt(0)) is not None:
            widget = entry.widget()
            if widget is not None:
                widget.deleteLater()
        if plan is None:
            return
        counts = (
            (plan.remove, "-", self.tr("{0} to destroy"), "error"),
            (plan.change, "~", self.tr("{0} to change"), "warning"),
            (plan.add, "+", self.tr("{0} to add"), "success"),
            (plan.imports, "+", self.tr("{0} to import"), "accent"),
        )
        for number, sign, text, tone in counts:
            if number:
                self._counts.addWidget(Badge(f"{sign} {text.format(number)}", tone=tone))
        if plan.outputs:
            count = len(plan.outputs)
            words = self.tr("1 output changes") if count == 1 else self.tr("{0} outputs change").format(count)
            self._counts.addWidget(Badge(words))
        if plan.drift:
            words = self.tr("{0} changed outside").format(len(plan.drift))
            self._counts.addWidget(Badge(words, tone="warning", icon_name="triangle-alert"))

    def _fill(self, plan: PlanSummary) -> None:
        changes = sorted(plan.resources, key=lambda each: (_MARKS[each.action].rank, each.address))
        shown = [change for change in changes if change.action is not PlanAction.NOTHING]
        for change in shown:
            item = self._add_resource(change, change.reason)
            is_grave = change.action in (PlanAction.DELETE, PlanAction.REPLACE)
            item.setExpanded(is_grave or len(shown) <= EXPANDED_AT_MOST)
        for change in plan.drift:
            self._add_resource(change, self.tr("changed outside since the last run"))
        for output in plan.outputs:
            item = QTreeWidgetItem(self._tree, [self.tr("output {0}").format(output)])
            item.setData(0, _ACTION_ROLE, PlanAction.UPDATE)

    def _add_resource(self, change: ResourceChange, reason: str) -> QTreeWidgetItem:
        words = f"{action_word(change.action)} {change.address}"
        item = QTreeWidgetItem(self._tree, [f"{words}  {reason}".strip()])
        item.setData(0, _CHANGE_ROLE, (change, reason))
        item.setData(0, _ACTION_ROLE, change.action)
        item.setToolTip(0, reason)
        first = sorted(filter(is_identifying, change.attributes), key=_reading_order)
        rest = tuple(each for each in change.attributes if not is_identifying(each))
        for attribute in first:
            self._add_attribute(item, change.action, attribute)
        under = item
        if first and len(rest) > 1 and change.action is PlanAction.DELETE:
            # What is lost is known by its name and address; the rest is there for who wants it.
            under = QTreeWidgetItem(item, [self.tr("{0} more attributes").format(len(rest))])
            under.setData(0, _ACTION_ROLE, change.action)
        for attribute in rest:
            self._add_attribute(under, change.action, attribute)
        return item

    def _add_attribute(self, parent: QTreeWidgetItem, action: PlanAction, attribute: AttributeChange) -> None:
        words = change_words(attribute)
        child = QTreeWidgetItem(parent, [words])
        child.setData(0, _CHANGE_ROLE, attribute)
        child.setData(0, _ACTION_ROLE, action)
        child.setToolTip(0, words)


class _Tree(QTreeWidget):
    """How high its rows are depends on how wide it is."""

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if event.size().width() != event.oldSize().width():
            self.scheduleDelayedItemsLayout()


def _reading_order(change: AttributeChange) -> int:
    return _IDENTIFYING.index(change.path.removeprefix("input."))


class _PlanDelegate(TellingDelegate):
    """Paints a resource as sign, word, address and reason; an attribute as name, old, arrow, new."""

    def __init__(self, tree: QTreeWidget) -> None:
        super().__init__(tree)
        self._tree = tree

    def sizeHint(self, _option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        change = index.data(_CHANGE_ROLE)
        if isinstance(change, AttributeChange) and self._is_tall(index):
            return QSize(200, 2 * _ATTRIBUTE_HEIGHT - 4)
        return QSize(200, _RESOURCE_HEIGHT if isinstance(change, tuple) else _ATTRIBUTE_HEIGHT)

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        room = QRectF(option.rect)
        painter.save()
        if option.state & QStyle.StateFlag.State_Selected:
            painter.fillRect(room, theme.color("selection"))
        elif option.state & QStyle.StateFlag.State_MouseOver:
            painter.fillRect(room, theme.color("surface-hover"))
        pen = _Pen(painter, room.adjusted(Space.XS, 0, -Space.S, 0))
        change, action = index.data(_CHANGE_ROLE), PlanAction(index.data(_ACTION_ROLE))
        if isinstance(change, AttributeChange):
            self._paint_attribute(painter, room.adjusted(Space.XS, 0, -Space.S, 0), _attribute_parts(change, action))
        elif isinstance(change, tuple):
            self._paint_resource(pen, change[0], change[1])
        elif index.parent().isValid():
            pen.write(str(index.data()), theme.font(Type.SECONDARY), "text-secondary")
        else:
            pen.write("~ ", theme.font(Type.MONO_STRONG), "accent-warning")
            pen.write(str(index.data()), theme.font(Type.MONO), "text-primary")
        painter.restore()

    def _paint_resource(self, pen: _Pen, change: ResourceChange, reason: str) -> None:
        mark = _MARKS[change.action]
        pen.write(f"{mark.sign} ", theme.font(Type.MONO_STRONG), mark.token)
        pen.write(f"{action_word(change.action)}  ", theme.font(Type.STRONG), mark.token)
        pen.write(f"{change.address}  ", theme.font(Type.MONO), "text-primary")
        pen.write(reason, theme.font(Type.SECONDARY), "text-secondary")

    def _paint_attribute(self, painter: QPainter, room: QRectF, parts: _AttributeParts) -> None:
        """In one line, or name and values in two where one is too short."""
        name, values, reason = parts
        if _width((*name, *values, *reason)) <= room.width():
            _Pen(painter, room).write_all((*name, *values, *reason))
            return
        first, second = (
            room.adjusted(0, 2, 0, -_ATTRIBUTE_HEIGHT + 4),
            room.adjusted(Space.M, _ATTRIBUTE_HEIGHT - 4, 0, -2),
        )
        _Pen(painter, first).write_all((*name, *reason))
        _Pen(painter, second).write_all(values)

    def _is_tall(self, index: QModelIndex | QPersistentModelIndex) -> bool:
        """Whether the attribute of ``index`` needs two lines in the width the tree has now."""
        change, depth, parent = index.data(_CHANGE_ROLE), 1, index.parent()
        while parent.isValid():
            depth, parent = depth + 1, parent.parent()
        room = self._tree.viewport().width() - depth * self._tree.indentation() - Space.XS - Space.S
        name, values, reason = _attribute_parts(change, PlanAction(index.data(_ACTION_ROLE)))
        return _width((*name, *values, *reason)) > room


@dataclass(frozen=True)
class _Piece:
    """Some text of a line, and how much of what is left of the line it may take."""

    text: str
    font: QFont
    token: str
    share: float = 1.0


_AttributeParts = tuple[tuple[_Piece, ...], tuple[_Piece, ...], tuple[_Piece, ...]]


def _attribute_parts(change: AttributeChange, action: PlanAction) -> _AttributeParts:
    """Name, values and the reason for a replacement."""
    mono, is_gone = theme.font(Type.MONO), action is PlanAction.DELETE
    old, new = old_and_new(change)
    values: list[_Piece] = []
    if old is not None:
        token = "accent-error" if is_gone or change.forces_replacement else "text-secondary"
        values.append(_Piece(old, mono, token, 1.0 if is_gone or new is None else 0.5))
    if new is not None and not (is_gone and old is not None):
        if old is not None:
            values.append(_Piece("  →  ", mono, "text-secondary"))
        is_plain = not change.unknown and not change.sensitive
        token = "text-primary" if is_plain else "text-secondary"
        values.append(_Piece(new, mono if is_plain else _slanted(mono), token))
    words = QCoreApplication.translate("Plan", "forces replacement")
    reason = (_Piece(f"   {words}", theme.font(Type.SECONDARY), "accent-error"),) if change.forces_replacement else ()
    return (_Piece(f"{change.path}  ", mono, "text-secondary"),), tuple(values), reason


def _width(pieces: tuple[_Piece, ...]) -> float:
    return sum(QFontMetricsF(piece.font).horizontalAdvance(piece.text) for piece in pieces)


def _slanted(font: QFont) -> QFont:
    made = QFont(font)
    made.setItalic(True)
    return made


class _Pen:
    """Writes pieces of text one after the other on one line."""

    def __init__(self, painter: QPainter, room: QRectF) -> None:
        self._painter = painter
        self._room = room

    def write(self, text: str, font: QFont, token: str, *, share: float = 1.0) -> None:
        """Write ``text`` into at most ``share`` of what is left of the line."""
        if not text or self._room.width() <= 0:
            return
        part = QRectF(self._room)
        part.setWidth(self._room.width() * share)
        used = draw_text(self._painter, part, text, font, theme.color(token), elide=Qt.TextElideMode.ElideMiddle)
        self._room.setLeft(self._room.left() + used)

    def write_all(self, pieces: tuple[_Piece, ...]) -> None:
        """Write the pieces one after the other."""
        for piece in pieces:
            self.write(piece.text, piece.font, piece.token, share=piece.share)
