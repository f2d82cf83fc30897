"""How the gallery lays widgets out: captioned cells in a grid that has as many columns as fit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from machina_desktop.views.theme import Space, Type
from machina_desktop.views.widgets.layout import SectionHeader
from machina_desktop.views.widgets.text import Label


@dataclass(frozen=True, kw_only=True)
class Section:
    """One page of the gallery.

    Attributes:
        key: Under which it is opened.
        title: The name in the specification.
        build: Makes the page; called when it is first opened.
        icon_name: The icon in the list of sections.
        hint: One sentence about its use.
    """

    key: str
    title: str
    build: Callable[[], QWidget]
    icon_name: str
    hint: str = ""


class Specimens(QWidget):
    """Widgets with a caption above each, in reading order."""

    def __init__(self, *, cell: int = 200, parent: QWidget | None = None) -> None:
        """``cell`` is the least width of a column, in pixels."""
        super().__init__(parent)
        self._cell = cell
        self._cells: list[QWidget] = []
        self._columns = 0
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(Space.XL)
        self._grid.setVerticalSpacing(Space.XL)

    def add(self, caption: str, widget: QWidget) -> Specimens:
        """Put a widget behind the others; answers itself."""
        cell = QWidget()
        column = QVBoxLayout(cell)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(Space.S)
        if caption:
            column.addWidget(Label(caption, style=Type.SECONDARY, tone="secondary"))
        is_fixed = widget.sizePolicy().horizontalPolicy() in (QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Maximum)
        is_fixed = is_fixed or widget.minimumWidth() == widget.maximumWidth()
        leading = Qt.AlignmentFlag.AlignLeading if is_fixed else Qt.AlignmentFlag(0)
        column.addWidget(widget, 0, leading)
        column.addStretch()
        self._cells.append(cell)
        self._lay_out(max(1, self._columns))
        return self

    def minimumSizeHint(self) -> QSize:
        # Fewer columns stand where there is less room, down to one.
        widest = max((cell.minimumSizeHint().width() for cell in self._cells), default=0)
        return QSize(widest, super().minimumSizeHint().height())

    def show_only(self, is_wanted: Callable[[QWidget], bool]) -> None:
        """Leave out the widgets that are not wanted; the others move together."""
        for cell in self._cells:
            cell.setVisible(any(is_wanted(child) for child in cell.findChildren(QWidget)))
        self._lay_out(max(1, self._columns))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        columns = max(1, (event.size().width() + Space.XL) // (self._cell + Space.XL))
        if columns != self._columns:
            self._lay_out(columns)

    def _lay_out(self, columns: int) -> None:
        for column in range(max(self._columns, columns)):
            self._grid.setColumnStretch(column, 1 if column < columns else 0)
        self._columns = columns
        shown = [cell for cell in self._cells if not cell.isHidden() or not self.isVisible()]
        for index, cell in enumerate(shown):
            self._grid.addWidget(cell, index // columns, index % columns)


def row(*widgets: QWidget) -> QWidget:
    """Widgets side by side, as narrow as they like to be."""
    made = QWidget()
    line = QHBoxLayout(made)
    line.setContentsMargins(0, 0, 0, 0)
    line.setSpacing(Space.S)
    for widget in widgets:
        line.addWidget(widget)
    line.addStretch()
    return made


def column(*widgets: QWidget, spacing: int = Space.XL) -> QWidget:
    """Widgets below each other over the whole width."""
    made = QWidget()
    lines = QVBoxLayout(made)
    lines.setContentsMargins(0, 0, 0, 0)
    lines.setSpacing(spacing)
    for widget in widgets:
        lines.addWidget(widget)
    return made


def part(title: str, content: QWidget, *, hint: str = "") -> QWidget:
    """A titled part of a page."""
    return column(SectionHeader(title, hint=hint), content, spacing=Space.L)


def off(widget: QWidget) -> QWidget:
    """``widget``, disabled."""
    widget.setEnabled(False)
    return widget


def hovered(widget: QWidget) -> QWidget:
    """``widget``, looking as if the mouse were over it, until the mouse has really been there."""
    widget.setAttribute(Qt.WidgetAttribute.WA_UnderMouse)
    return widget


def right_to_left(widget: QWidget) -> QWidget:
    """``widget``, as where people read from the right."""
    widget.setLayoutDirection(Qt.LayoutDirection.RightToLeft)
    return widget


def of_height(widget: QWidget, height: int) -> QWidget:
    """``widget`` at a height of its own, for views that would take all there is."""
    widget.setFixedHeight(height)
    return widget
