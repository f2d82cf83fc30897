"""One of several, or several of many: options as rows with what helps to choose."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFontMetricsF, QKeyEvent, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QAbstractButton, QButtonGroup, QGridLayout, QSizePolicy, QWidget

from machina_desktop.views import theme
from machina_desktop.views.icons import draw_icon
from machina_desktop.views.models.status import StatusMark
from machina_desktop.views.theme import Radius, Space, Type
from machina_desktop.views.widgets.painting import draw_focus_ring, draw_text, fill_rounded
from machina_desktop.views.widgets.status import paint_glyph

_HEIGHT = 56
_ICON = 20
_GLYPH = 10
_MARK = 16


@dataclass(frozen=True, kw_only=True)
class Option:
    """One thing to choose.

    Attributes:
        side: The first line at the right, such as a price; ``side_text`` is the quiet one under it.
        side_mark: The glyph before ``side``, which has its colour; ``None`` for neither.
        why_not: Why it cannot be chosen; empty when it can. It takes the place of ``text``.
    """

    key: str
    title: str
    text: str = ""
    icon_name: str = ""
    side: str = ""
    side_text: str = ""
    side_mark: StatusMark | None = None
    why_not: str = ""


class OptionButton(QAbstractButton):
    """A row with a mark that shows whether it is chosen: a ring for one of several, a box for several of many.

    Signals:
        confirmed(): Enter or a double click: chosen, and done with choosing.
    """

    confirmed = Signal()

    def __init__(self, option: Option, *, is_multiple: bool, has_mark: bool, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._is_multiple = is_multiple
        self._has_mark = has_mark
        self.setCheckable(has_mark)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.show_option(option)

    def show_option(self, option: Option) -> None:
        """Show another text for the same thing."""
        self.option = option
        self.setText(option.title)
        self.setEnabled(not option.why_not)
        self.setAccessibleName(option.title)
        self.setAccessibleDescription(", ".join(part for part in (option.why_not or option.text, option.side) if part))
        # Long names are cut in the row; here they can be read in full.
        self.setToolTip("\n".join(part for part in (option.title, option.why_not or option.text) if part))
        self.setCursor(Qt.CursorShape.ArrowCursor if option.why_not else Qt.CursorShape.PointingHandCursor)
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(220, _HEIGHT)

    def minimumSizeHint(self) -> QSize:
        return QSize(160, _HEIGHT)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._confirm()
            return
        super().keyPressEvent(event)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        if self._has_mark and not self._is_multiple:
            self._confirm()
            return
        super().mouseDoubleClickEvent(event)

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        rect = QRectF(self.rect())
        is_hot = self.isEnabled() and self.underMouse()
        fill = "selection" if self.isChecked() else "surface-hover" if is_hot else "surface-elevated"
        border = "accent-primary" if self.isChecked() else "border"
        fill_rounded(painter, rect, Radius.CARD, theme.color(fill), theme.color(border))
        room = rect.adjusted(Space.M, Space.S, -Space.M, -Space.S)
        if self._has_mark:
            self._paint_mark(painter, QRectF(room.left(), room.center().y() - _MARK / 2, _MARK, _MARK))
            room.adjust(_MARK + Space.M, 0, 0, 0)
        if self.option.icon_name:
            token = "text-secondary" if self.isEnabled() else "text-disabled"
            glyph = QRectF(room.left(), room.center().y() - _ICON / 2, _ICON, _ICON)
            draw_icon(painter, glyph, self.option.icon_name, token)
            room.adjust(_ICON + Space.M, 0, 0, 0)
        self._paint_words(painter, room)
        if self.hasFocus():
            draw_focus_ring(painter, rect, Radius.CARD)

    def _confirm(self) -> None:
        if not self._has_mark:
            self.click()
            return
        if not self._is_multiple:
            self.setChecked(True)
        self.confirmed.emit()

    def _paint_words(self, painter: QPainter, room: QRectF) -> None:
        strong, quiet = theme.font(Type.MEDIUM), theme.font(Type.SECONDARY)
        ink = theme.color("text-primary" if self.isEnabled() else "text-disabled")
        grey = theme.color("text-secondary")
        upper, lower = room.adjusted(0, 0, 0, -room.height() / 2), room.adjusted(0, room.height() / 2, 0, 0)
        text = self.option.why_not or self.option.text
        if not text and not self.option.side_text:
            upper = room
        mark = self.option.side_mark
        side_ink = theme.color(mark.token) if mark is not None and self.isEnabled() else ink
        for line, word, font, color in (
            (upper, self.option.side, theme.tabular_font(Type.MEDIUM), side_ink),
            (lower, self.option.side_text, theme.tabular_font(Type.SECONDARY), grey),
        ):
            if word:
                width = min(QFontMetricsF(font).horizontalAdvance(word) + 1, line.width() / 2)
                draw_text(painter, QRectF(line.right() - width, line.top(), width, line.height()), word, font, color)
                line.adjust(0, 0, -width - Space.S, 0)
        if mark is not None:
            paint_glyph(painter, QRectF(upper.right() - _GLYPH, upper.center().y() - _GLYPH / 2, _GLYPH, _GLYPH), mark)
            upper.adjust(0, 0, -_GLYPH - Space.M, 0)
        draw_text(painter, upper, self.option.title, strong, ink)
        if text:
            draw_text(painter, lower, text, quiet, grey)

    def _paint_mark(self, painter: QPainter, box: QRectF) -> None:
        radius = Space.XS if self._is_multiple else _MARK / 2
        if not self.isChecked():
            token = "outline" if self.isEnabled() else "border"
            fill_rounded(painter, box, radius, theme.color("surface"), theme.color(token))
            return
        fill_rounded(painter, box, radius, theme.color("accent-primary"))
        if self._is_multiple:
            draw_icon(painter, box.adjusted(2, 2, -2, -2), "check", "on-accent")
        else:
            fill_rounded(painter, box.adjusted(5, 5, -5, -5), 3, theme.color("on-accent"))


class ChoiceList(QWidget):
    """Options under or beside each other. Arrow keys move the choice, Space and a click make it.

    Signals:
        chosen(str): An option was chosen, or pressed where nothing stays chosen.
        changed(tuple): The keys of all that are chosen now, in the order shown; only with several of many.
        confirmed(): Enter or a double click on an option: done with choosing.
    """

    chosen = Signal(str)
    changed = Signal(tuple)
    confirmed = Signal()

    def __init__(
        self,
        *,
        name: str,
        prefix: str,
        in_a_row: int = 1,
        is_multiple: bool = False,
        has_mark: bool = True,
        parent: QWidget | None = None,
    ) -> None:
        """Options get the object name ``prefix.key``; ``has_mark`` false makes them buttons that only act."""
        super().__init__(parent)
        self._prefix = prefix
        self._in_a_row = in_a_row
        self._is_multiple = is_multiple
        self._has_mark = has_mark
        self._buttons: dict[str, OptionButton] = {}
        self._group = QButtonGroup(self)
        self._group.setExclusive(has_mark and not is_multiple)
        self._group.buttonClicked.connect(self._on_clicked)
        self.setAccessibleName(name)
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setSpacing(Space.S)
        for column in range(in_a_row):
            self._grid.setColumnStretch(column, 1)

    def set_options(self, options: Sequence[Option], chosen: Collection[str] = ()) -> None:
        """Show these options; buttons that stay keep the focus."""
        wanted = [option.key for option in options]
        if wanted != list(self._buttons):
            self._arrange(options)
        for option in options:
            if self._buttons[option.key].option != option:
                self._buttons[option.key].show_option(option)
        self.set_chosen(chosen)

    def set_chosen(self, chosen: Collection[str]) -> None:
        """Mark what is chosen, without telling anybody."""
        if not self._has_mark:
            return
        self._group.setExclusive(False)
        for key, button in self._buttons.items():
            button.setChecked(key in chosen)
        self._group.setExclusive(not self._is_multiple)

    def keys(self) -> tuple[str, ...]:
        """The options shown."""
        return tuple(self._buttons)

    def focus_choice(self, preferred: str = "") -> bool:
        """Put the keyboard onto the chosen option, else the preferred, else the first; whether there was one."""
        ready = [button for button in self._buttons.values() if button.isEnabled()]
        ready.sort(key=lambda button: (not button.isChecked(), button.option.key != preferred))
        button = ready[0] if ready else None
        if button is not None:
            button.setFocus(Qt.FocusReason.OtherFocusReason)
        return button is not None

    def _arrange(self, options: Sequence[Option]) -> None:
        kept = {option.key for option in options}
        for key in tuple(self._buttons):
            button = self._buttons[key]
            self._grid.removeWidget(button)
            if key not in kept:
                self._group.removeButton(button)
                button.hide()
                button.deleteLater()
                del self._buttons[key]
        self._buttons = {option.key: self._buttons.get(option.key) or self._new(option) for option in options}
        before: QWidget | None = None
        for place, button in enumerate(self._buttons.values()):
            self._grid.addWidget(button, place // self._in_a_row, place % self._in_a_row)
            if before is not None:
                QWidget.setTabOrder(before, button)
            before = button

    def _new(self, option: Option) -> OptionButton:
        button = OptionButton(option, is_multiple=self._is_multiple, has_mark=self._has_mark, parent=self)
        button.setObjectName(f"{self._prefix}.{option.key}")
        self._group.addButton(button)
        button.confirmed.connect(self.confirmed)
        # Arrow keys in an exclusive group choose by themselves, without a click.
        button.toggled.connect(lambda is_on, key=option.key: self._on_toggled(key, is_on=is_on))
        return button

    def _on_toggled(self, key: str, *, is_on: bool) -> None:
        if is_on and self._group.exclusive():
            self.chosen.emit(key)

    def _on_clicked(self, button: QAbstractButton) -> None:
        if self._is_multiple:
            self.changed.emit(tuple(key for key, each in self._buttons.items() if each.isChecked()))
        elif not self._has_mark and isinstance(button, OptionButton):
            self.chosen.emit(button.option.key)
