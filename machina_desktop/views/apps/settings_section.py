"""A titled part of the settings: rows and blocks on one plate, found by words, and the list that leads to the parts."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QFontMetricsF, QPainter, QPaintEvent
from PySide6.QtWidgets import QAbstractButton, QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from machina_desktop.views import theme
from machina_desktop.views.icons import draw_icon
from machina_desktop.views.setting_row import SettingRow
from machina_desktop.views.theme import CONTROL_HEIGHT, Radius, Space, Type
from machina_desktop.views.widgets.layout import Card, Divider, SectionHeader
from machina_desktop.views.widgets.painting import draw_focus_ring, draw_text, fill_rounded
from machina_desktop.views.widgets.text import Label

_ICON = 16
_NAME_WIDTH = 96


@dataclass(frozen=True)
class _Block:
    """A widget of a section with the line above it, and what it is found by."""

    widget: QWidget
    divider: Divider
    words: str


class Section(QWidget):
    """One part, under its heading.

    Attributes:
        name: Identifier, also as a place on the page.
        title: What people read.
        rows: The rows of settings by key.
    """

    def __init__(self, name: str, title: str, *, hint: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName(f"settings.{name}")
        self.name = name
        self.title = title
        self.rows: dict[str, SettingRow] = {}
        self._blocks: list[_Block] = []
        self._card = Card(name=title)
        self._card.column.setContentsMargins(Space.S, Space.XS, Space.S, Space.XS)
        self._card.column.setSpacing(0)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(Space.S)
        self._header = SectionHeader(title)
        column.addWidget(self._header)
        if hint:
            column.addWidget(Label(hint, tone="secondary", wraps=True))
        column.addWidget(self._card)

    def add_action(self, button: QWidget) -> None:
        """Put a button beside the heading."""
        self._header.add_widget(button)

    def add_row(self, row: SettingRow) -> None:
        """Put a setting at the end."""
        self.rows[row.key] = row
        self.add(row, words=row.words)

    def add(self, widget: QWidget, *, words: str) -> None:
        """Put any widget at the end; ``words`` are what it is found by."""
        # With its parent from the start: shown without one it would flash as a window of its own.
        divider = Divider(self._card)
        divider.setVisible(bool(self._blocks))
        self._card.column.addWidget(divider)
        self._card.column.addWidget(widget)
        self._blocks.append(_Block(widget, divider, words.casefold()))

    def filter(self, words: tuple[str, ...]) -> int:
        """Show only what all of ``words``, in small letters, are found in; how many blocks that is."""
        heading = f"{self.title} {self.name}".casefold()
        shown = 0
        for block in self._blocks:
            is_found = all(word in f"{heading} {block.words}" for word in words)
            block.widget.setVisible(is_found)
            block.divider.setVisible(is_found and shown > 0)
            shown += is_found
        self.setVisible(shown > 0)
        return shown


class Block(QWidget):
    """A part of a section that is no setting: a column with the margins that rows have."""

    def __init__(self, *, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.column = QVBoxLayout(self)
        self.column.setContentsMargins(Space.S, Space.M, Space.S, Space.M)
        self.column.setSpacing(Space.S)
        self._content: QWidget | None = None

    def show_only(self, content: QWidget) -> None:
        """Put ``content`` in the place of what was shown this way before."""
        if self._content is not None:
            self._content.hide()
            self._content.deleteLater()
        self._content = content
        self.column.addWidget(content)


class SectionLink(QAbstractButton):
    """Leads to a part of the page; marked while that is what one looks at."""

    def __init__(self, icon_name: str, title: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._icon_name = icon_name
        self.setText(title)
        self.setAccessibleName(title)
        self.setCheckable(True)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:
        width = QFontMetricsF(theme.font(Type.MEDIUM)).horizontalAdvance(self.text())
        return QSize(round(width) + _ICON + 4 * Space.S, CONTROL_HEIGHT)

    def nextCheckState(self) -> None:
        """It is marked by what is looked at, not by being pressed."""

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        rect = QRectF(self.rect())
        if self.isChecked() or self.underMouse():
            fill_rounded(
                painter, rect, Radius.BUTTON, theme.color("selection" if self.isChecked() else "surface-hover")
            )
        ink = "text-primary" if self.isChecked() or self.underMouse() else "text-secondary"
        glyph = QRectF(Space.S, (rect.height() - _ICON) / 2, _ICON, _ICON)
        words = rect.adjusted(2 * Space.S + _ICON, 0, -Space.S, 0)
        align = Qt.AlignmentFlag.AlignLeft
        if self.isRightToLeft():
            glyph.moveRight(rect.right() - Space.S)
            words.moveRight(glyph.left() - Space.S)
            align = Qt.AlignmentFlag.AlignRight
        draw_icon(painter, glyph, self._icon_name, "accent-primary" if self.isChecked() else ink)
        font, align = theme.font(Type.MEDIUM), align | Qt.AlignmentFlag.AlignVCenter
        draw_text(painter, words, self.text(), font, theme.color(ink), align=align)
        if self.hasFocus():
            draw_focus_ring(painter, rect, Radius.BUTTON)


def head(title: QWidget, *after: QWidget) -> QHBoxLayout:
    """``title`` at the left, with the first of ``after`` beside it and the others at the right."""
    row = QHBoxLayout()
    row.setSpacing(Space.S)
    row.addWidget(title)
    for widget in after[:1]:
        row.addWidget(widget)
    row.addStretch()
    for widget in after[1:]:
        row.addWidget(widget)
    return row


def named(name: str, value: QWidget, *buttons: QWidget) -> QHBoxLayout:
    """A name, its value and what can be done with it, in columns that stand below each other."""
    row = QHBoxLayout()
    row.setSpacing(Space.S)
    label = Label(name, tone="secondary")
    label.setFixedWidth(_NAME_WIDTH)
    row.addWidget(label)
    row.addWidget(value, 1)
    for button in buttons:
        row.addWidget(button)
    return row
