"""Menus: rows with an icon, a shortcut as key caps, a tick; what destroys is told apart by colour and place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from PySide6.QtCore import QPoint, QRectF, QSize, Qt
from PySide6.QtGui import QAction, QFontMetricsF, QIcon, QKeyEvent, QKeySequence, QPainter, QPaintEvent, QShowEvent
from PySide6.QtWidgets import QMenu, QWidget

from machina_desktop.views import theme
from machina_desktop.views.icons import draw_icon
from machina_desktop.views.theme import Radius, Space, Type
from machina_desktop.views.widgets.buttons import Button, ButtonKind
from machina_desktop.views.widgets.compositor import can_blend
from machina_desktop.views.widgets.key_caps import keys_width, paint_keys
from machina_desktop.views.widgets.painting import draw_text, fill_rounded

_ICON = 16
_PADDING = 10
_TEXT_LEFT = _PADDING + _ICON + 10
_ARROW = 14
_WIDEST = 360
_NARROWEST = 176


@dataclass(frozen=True, kw_only=True)
class MenuItem:
    """How one row of a `Menu` looks.

    Attributes:
        icon_name: The icon before the words; empty for none.
        keys: The shortcut to show, as portable text; the menu does not install it.
        detail: A quiet word at the end, in the place of a shortcut.
        is_danger: Whether something is lost by it.
        is_heading: Whether it is no choice but the name of those below.
    """

    icon_name: str = ""
    keys: str = ""
    detail: str = ""
    is_danger: bool = False
    is_heading: bool = False


class Menu(QMenu):
    """A menu that paints its own rows. Show it with ``popup_under()``, or where the mouse is with ``popup()``.

    Rows may also be added as to any menu; their icon and their shortcut are shown as well. Who types the beginning of
    a row's words, or of one of them, gets to that row.
    """

    def __init__(self, name: str = "", *, parent: QWidget | None = None) -> None:
        """``name`` is for screen readers, and the words of its row where it is part of another menu."""
        super().__init__(name, parent)
        self._items: dict[QAction, MenuItem] = {}
        self._typed = ""
        self.setAccessibleName(name)
        self.setProperty("role", "menu")
        self.aboutToShow.connect(self._fit)
        if can_blend():
            self.setWindowFlags(
                self.windowFlags() | Qt.WindowType.FramelessWindowHint | Qt.WindowType.NoDropShadowWindowHint
            )
            self.setAttribute(Qt.WidgetAttribute.WA_TranslucentBackground)

    def add_item(
        self,
        text: str,
        run: Callable[[], object],
        *,
        icon_name: str = "",
        keys: str = "",
        detail: str = "",
        is_danger: bool = False,
        is_enabled: bool = True,
        is_checked: bool | None = None,
    ) -> QAction:
        """Put a row at the end; ``is_checked`` other than ``None`` gives it a place for a tick."""
        action = self.addAction(_as_it_is(text))
        action.triggered.connect(lambda _checked=False: run())
        action.setEnabled(is_enabled)
        if is_checked is not None:
            action.setCheckable(True)
            action.setChecked(is_checked)
        self._items[action] = MenuItem(icon_name=icon_name, keys=keys, detail=detail, is_danger=is_danger)
        return action

    def mark_dangerous(self, action: QAction) -> None:
        """Paint a row that was added before as one by which something is lost."""
        self._items[action] = replace(self._item(action), is_danger=True)

    def add_heading(self, text: str) -> None:
        """Put a quiet title above the rows that follow."""
        action = self.addAction(_as_it_is(text))
        action.setEnabled(False)
        self._items[action] = MenuItem(is_heading=True)

    def add_menu(self, text: str, *, icon_name: str = "") -> Menu:
        """Put a row that opens a further menu, and answer that menu."""
        part = Menu(text, parent=self)
        part.setTitle(_as_it_is(text))
        self._items[self.addMenu(part)] = MenuItem(icon_name=icon_name)
        return part

    def keyPressEvent(self, event: QKeyEvent) -> None:
        held = event.modifiers() & ~(Qt.KeyboardModifier.ShiftModifier | Qt.KeyboardModifier.KeypadModifier)
        sign = event.text()
        is_typed = bool(sign) and sign.isprintable() and not held and not self._has_mnemonics()
        if is_typed and (self._go_to(self._typed + sign) or self._go_to(sign)):
            return
        self._typed = ""
        if not is_typed or sign == " ":
            super().keyPressEvent(event)

    def showEvent(self, event: QShowEvent) -> None:
        self._typed = ""
        super().showEvent(event)
        if self.activeAction() is None and self._was_asked_by_keyboard():
            self._go_to_first()

    def popup_under(self, anchor: QWidget) -> None:
        """Open it under ``anchor``, at the side where reading begins; Qt keeps it on the screen."""
        self._fit()
        at = QPoint(0, anchor.height() + Space.XS)
        if anchor.isRightToLeft():
            at.setX(anchor.width() - self.sizeHint().width())
        self.popup(anchor.mapToGlobal(at))

    def _fit(self) -> None:
        """Be as wide as the widest row, key caps included."""
        widest = max((self._width_of(action) for action in self.actions()), default=0)
        self.setMinimumWidth(max(_NARROWEST, min(_WIDEST, round(widest) + 2 * Space.XS)))

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setLayoutDirection(self.layoutDirection())
        radius = Radius.CARD if self.testAttribute(Qt.WidgetAttribute.WA_TranslucentBackground) else 0
        fill_rounded(painter, QRectF(self.rect()), radius, theme.color("surface-elevated"), theme.color("border"))
        for action in self.actions():
            rect = QRectF(self.actionGeometry(action))
            if action.isSeparator():
                painter.fillRect(QRectF(rect.left(), round(rect.center().y()), rect.width(), 1), theme.color("border"))
            elif not rect.isEmpty():
                self._paint_row(painter, rect, action)

    def _paint_row(self, painter: QPainter, rect: QRectF, action: QAction) -> None:
        item = self._item(action)
        if item.is_heading:
            room = rect.adjusted(_PADDING, 4, -_PADDING, 0)
            draw_text(painter, room, action.text(), theme.font(Type.LABEL), theme.color("text-secondary"))
            return
        ink = "text-disabled" if not action.isEnabled() else "accent-error" if item.is_danger else "text-primary"
        if action is self.activeAction() and action.isEnabled():
            plate = "tint-error" if item.is_danger else "surface-hover"
            fill_rounded(painter, rect, Radius.BUTTON, theme.color(plate))
            # Told by more than a step of grey: those who see no difference between the plates see the edge.
            edge = theme.color("accent-error" if item.is_danger else "accent-primary")
            fill_rounded(painter, self._side(rect, QRectF(0, 7, 2, rect.height() - 14)), 1, edge)
        self._paint_signs(painter, rect, action, item, ink)
        left = _TEXT_LEFT if self._has_signs() else _PADDING
        tail = self._tail_width(action)
        room = self._side(
            rect, QRectF(left, 0, rect.width() - left - _PADDING - (tail + Space.L if tail else 0), rect.height())
        )
        draw_text(painter, room, _words(action), theme.font(Type.BODY), theme.color(ink))

    def _paint_signs(self, painter: QPainter, rect: QRectF, action: QAction, item: MenuItem, ink: str) -> None:
        sign = self._side(rect, QRectF(_PADDING, (rect.height() - _ICON) / 2, _ICON, _ICON))
        if action.isCheckable():
            if action.isChecked():
                draw_icon(painter, sign, "check", "accent-primary" if action.isEnabled() else "text-disabled")
        elif item.icon_name:
            draw_icon(painter, sign, item.icon_name, "text-secondary" if ink == "text-primary" else ink)
        elif not action.icon().isNull():
            mode = QIcon.Mode.Normal if action.isEnabled() else QIcon.Mode.Disabled
            action.icon().paint(painter, sign.toRect(), mode=mode)
        if action.menu() is not None:
            arrow = QRectF(rect.width() - _PADDING - _ARROW, (rect.height() - _ARROW) / 2, _ARROW, _ARROW)
            name = "chevron-left" if self.isRightToLeft() else "chevron-right"
            draw_icon(painter, self._side(rect, arrow), name, "text-secondary")
        elif item.keys:
            token = "text-secondary" if action.isEnabled() else "text-disabled"
            paint_keys(painter, rect.adjusted(_PADDING, 0, -_PADDING, 0), item.keys, token=token)
        elif item.detail:
            token = "text-secondary" if action.isEnabled() else "text-disabled"
            width = self._tail_width(action)
            room = self._side(rect, QRectF(rect.width() - _PADDING - width, 0, width, rect.height()))
            draw_text(painter, room, item.detail, theme.font(Type.SECONDARY), theme.color(token))

    def _side(self, rect: QRectF, part: QRectF) -> QRectF:
        """``part``, measured from where reading begins in ``rect``, in the menu's own pixels."""
        left = rect.right() - part.left() - part.width() if self.isRightToLeft() else rect.left() + part.left()
        return QRectF(left, rect.top() + part.top(), part.width(), part.height())

    def _has_signs(self) -> bool:
        return any(
            action.isCheckable() or self._item(action).icon_name or not action.icon().isNull()
            for action in self.actions()
        )

    def _item(self, action: QAction) -> MenuItem:
        known = self._items.get(action)
        if known is not None:
            return known
        return MenuItem(keys=action.shortcut().toString(QKeySequence.SequenceFormat.PortableText))

    def _tail_width(self, action: QAction) -> float:
        item = self._item(action)
        detail = QFontMetricsF(theme.font(Type.SECONDARY)).horizontalAdvance(item.detail) + 1 if item.detail else 0.0
        return max(keys_width(item.keys), detail, _ARROW if action.menu() is not None else 0.0)

    def _width_of(self, action: QAction) -> float:
        text = QFontMetricsF(theme.font(Type.BODY)).horizontalAdvance(_words(action))
        tail = self._tail_width(action)
        return (_TEXT_LEFT if self._has_signs() else _PADDING) + text + (tail + Space.XL if tail else 0) + _PADDING + 2

    def _was_asked_by_keyboard(self) -> bool:
        anchor = self.parentWidget()
        return isinstance(anchor, Dropdown) and anchor.was_pressed_by_keyboard

    def _go_to(self, typed: str) -> bool:
        """Choose the first row that begins so, else one with a word that does; whether there is any."""
        if not typed.strip():
            return False
        wanted = typed.casefold()
        rows = [action for action in self.actions() if action.isEnabled() and not action.isSeparator()]
        begins = [action for action in rows if _words(action).casefold().startswith(wanted)]
        holds = [action for action in rows if f" {wanted}" in _words(action).casefold()]
        for action in (*begins, *holds)[:1]:
            self._typed = typed
            self.setActiveAction(action)
            return True
        return False

    def _has_mnemonics(self) -> bool:
        return any(not QKeySequence.mnemonic(action.text()).isEmpty() for action in self.actions())

    def _go_to_first(self) -> None:
        first = next((action for action in self.actions() if action.isEnabled() and not action.isSeparator()), None)
        if first is not None:
            self.setActiveAction(first)


def _as_it_is(text: str) -> str:
    """The words of a row; an ampersand in them, as names have it, is not a key."""
    return text.replace("&", "&&")


def _words(action: QAction) -> str:
    """The text of a row without the marks for mnemonics."""
    return action.text().replace("&&", "\0").replace("&", "").replace("\0", "&")


class Dropdown(Button):
    """A button that opens a menu: by click, Space, Enter or the down arrow.

    Attributes:
        items: What it opens; fill it with ``add_item``.
        was_pressed_by_keyboard: Whether the menu was last opened by a key, so that its first row is chosen.
    """

    def __init__(
        self,
        text: str,
        *,
        kind: ButtonKind = ButtonKind.SECONDARY,
        icon_name: str = "",
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(text, kind=kind, icon_name=icon_name, parent=parent)
        self.was_pressed_by_keyboard = False
        self.items = Menu(text, parent=self)
        self.items.aboutToHide.connect(self._on_closed)
        self.pressed.connect(self._on_pressed)
        self.setAccessibleDescription(self.tr("Opens a menu"))

    def open(self) -> None:
        """Show the menu under the button."""
        self.setDown(True)
        self.items.popup_under(self)

    def sizeHint(self) -> QSize:
        return super().sizeHint() + QSize(_ARROW + Space.XS, 0)

    def _tail(self) -> int:
        return _ARROW + Space.XS

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Down, Qt.Key.Key_Space, Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.was_pressed_by_keyboard = True
            self.open()
            return
        super().keyPressEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        left = 10 if self.isRightToLeft() else self.width() - _ARROW - 10
        arrow = QRectF(left, (self.height() - _ARROW) / 2, _ARROW, _ARROW)
        draw_icon(QPainter(self), arrow, "chevron-down", self.ink())

    def _on_pressed(self) -> None:
        self.was_pressed_by_keyboard = False
        self.open()

    def _on_closed(self) -> None:
        self.setDown(False)
        self.update()
