"""Things to press: buttons that can be busy, icon buttons, and a segmented choice."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from PySide6.QtCore import QRectF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QFontMetricsF, QKeySequence, QPainter, QPaintEvent
from PySide6.QtWidgets import QAbstractButton, QButtonGroup, QHBoxLayout, QPushButton, QSizePolicy, QToolButton, QWidget

from machina_desktop.views import theme
from machina_desktop.views.icons import draw_icon, icon
from machina_desktop.views.theme import CONTROL_HEIGHT, Radius, Space, Type
from machina_desktop.views.widgets.motion import Animation, turn_angle
from machina_desktop.views.widgets.painting import draw_focus_ring, draw_spinner, draw_text, fill_rounded
from machina_desktop.views.widgets.tooltip import hang_tooltip

BUSY_AFTER_MS = 150
_ICON = 16


class ButtonKind(StrEnum):
    """How loud a button is. One primary button a page."""

    PRIMARY = "primary"
    SECONDARY = "secondary"
    DANGER = "danger"
    GHOST = "ghost"


class Button(QPushButton):
    """A button of the design system; it paints itself, so no style sheet is resolved for it.

    It takes focus by keyboard only, so the ring shows where it helps.
    """

    def __init__(
        self,
        text: str,
        *,
        kind: ButtonKind = ButtonKind.SECONDARY,
        icon_name: str = "",
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(text, parent)
        self._kind = kind
        self._icon_name = icon_name
        self._is_busy = False
        self._is_spinning = False
        self._animation = Animation(self)
        self._delay = QTimer(self, interval=BUSY_AFTER_MS, singleShot=True)
        self._delay.timeout.connect(self._on_delay_over)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setAutoDefault(False)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.setShortcut(QKeySequence())
        self.setAccessibleName(text)
        hang_tooltip(self)

    def setText(self, text: str) -> None:
        super().setText(text)
        # An ampersand of a name is no key of the window.
        self.setShortcut(QKeySequence())
        self.setAccessibleName(text)
        self.updateGeometry()

    def set_kind(self, kind: ButtonKind) -> None:
        """Change how loud it is."""
        self._kind = kind
        self.update()

    def set_icon_name(self, icon_name: str) -> None:
        """Change its icon; empty for none."""
        self._icon_name = icon_name
        self.updateGeometry()
        self.update()

    def set_busy(self, is_busy: bool) -> None:
        """Disable it at once while its work runs, and show a spinner in it when that takes over 150 ms."""
        if is_busy == self._is_busy:
            return
        self._is_busy = is_busy
        if is_busy and self.hasFocus():
            # Else disabling it would hand the focus to its neighbour, and the next key press would go there.
            self.clearFocus()
        self.setEnabled(not is_busy)
        self._is_spinning = False
        self._animation.set_active(False)
        if is_busy:
            self._delay.start()
        else:
            self._delay.stop()
        self.setAccessibleDescription(self.tr("Working") if is_busy else "")
        self.update()

    def is_busy(self) -> bool:
        """Whether its work is running."""
        return self._is_busy

    def is_spinning(self) -> bool:
        """Whether the spinner shows."""
        return self._is_spinning

    def sizeHint(self) -> QSize:
        text_width = QFontMetricsF(theme.font(Type.MEDIUM)).horizontalAdvance(self.text())
        icon_width = _ICON + Space.S if self._icon_name and self.text() else _ICON if self._icon_name else 0
        return QSize(round(text_width + icon_width + 2 * 14 + 1), CONTROL_HEIGHT)

    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        rect = QRectF(self.rect())
        self._paint_plate(painter, rect)
        metrics = QFontMetricsF(theme.font(Type.MEDIUM))
        has_glyph = bool(self._icon_name) or self._is_spinning
        # A button without an icon has no room for the spinner but at the cost of its margins.
        gap, margin = (Space.S, Space.S) if self._icon_name else (Space.XS, Space.XS)
        glyph_width = (_ICON + (gap if self.text() else 0)) if has_glyph else 0
        room = rect.width() - 2 * margin - self._tail()
        content = min(glyph_width + metrics.horizontalAdvance(self.text()) + 1, room)
        left = (rect.width() - content - self._tail()) / 2
        glyph = QRectF(left, (rect.height() - _ICON) / 2, _ICON, _ICON)
        text = QRectF(left + glyph_width, 0, content - glyph_width, rect.height())
        if self.isRightToLeft():
            glyph.moveLeft(rect.width() - glyph.right())
            text.moveLeft(rect.width() - text.right())
        token = self.ink()
        if self._is_spinning:
            draw_spinner(painter, glyph.adjusted(1, 1, -1, -1), turn_angle(), theme.color(token))
        elif self._icon_name:
            draw_icon(painter, glyph, self._icon_name, token)
        draw_text(painter, text, self.text(), theme.font(Type.MEDIUM), theme.color(token))
        if self.hasFocus():
            is_filled = self._kind is ButtonKind.PRIMARY
            ring = rect.adjusted(2, 2, -2, -2) if is_filled else rect
            draw_focus_ring(painter, ring, Radius.BUTTON - 1, "on-accent" if is_filled else "accent-primary")

    def _tail(self) -> int:
        """Room at the end that the words leave free, in pixels."""
        return 0

    def ink(self) -> str:
        """The token its words have now."""
        if not self.isEnabled() and not self._is_spinning:
            return "text-disabled"
        if not self.isEnabled():
            return "text-secondary"
        if self._kind is ButtonKind.PRIMARY:
            return "on-accent"
        return "accent-error" if self._kind is ButtonKind.DANGER else "text-primary"

    def _paint_plate(self, painter: QPainter, rect: QRectF) -> None:
        if self._kind is ButtonKind.GHOST:
            if self.isEnabled() and (self._is_hot() or self.isChecked()):
                fill_rounded(painter, rect, Radius.BUTTON, theme.color(self._quiet_fill("surface-hover")))
        elif not self.isEnabled():
            fill_rounded(painter, rect, Radius.BUTTON, theme.color("background"), theme.color("border"))
        elif self._kind is ButtonKind.PRIMARY:
            token = "accent-primary-hover" if self._is_hot() and not self.isDown() else "accent-primary"
            fill_rounded(painter, rect, Radius.BUTTON, theme.color(token))
            if self.isDown():
                # Pressed in: a dark line inside the plate, which keeps the words' contrast as it is.
                inner = rect.adjusted(2, 2, -2, -2)
                fill_rounded(painter, inner, Radius.BUTTON - 2, theme.color(token), theme.color("on-accent"))
        elif self._kind is ButtonKind.DANGER:
            fill = theme.color("tint-error" if self._is_hot() else "surface-elevated")
            fill_rounded(painter, rect, Radius.BUTTON, fill, theme.color("accent-error"))
            if self.isDown():
                fill_rounded(painter, rect.adjusted(1, 1, -1, -1), Radius.BUTTON - 1, fill, theme.color("accent-error"))
        else:
            fill = theme.color(self._quiet_fill("surface-elevated"))
            line = theme.color("outline" if self._is_hot() else "border")
            fill_rounded(painter, rect, Radius.BUTTON, fill, line)

    def _is_hot(self) -> bool:
        return self.underMouse() or self.isDown()

    def _quiet_fill(self, resting: str) -> str:
        if self.isDown():
            return "surface-pressed"
        return "surface-hover" if self._is_hot() else resting

    def _on_delay_over(self) -> None:
        self._is_spinning = True
        self._animation.set_active(True)


class IconButton(QToolButton):
    """A button that is only an icon; its name is its tooltip and what a screen reader says."""

    def __init__(
        self,
        icon_name: str,
        name: str,
        *,
        shortcut: str = "",
        is_checkable: bool = False,
        token: str = "text-secondary",
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._token = token
        self._icon_name = icon_name
        self.set_icon_name(icon_name)
        self.setIconSize(QSize(_ICON, _ICON))
        self.setFixedSize(28, 28)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setCheckable(is_checkable)
        self.set_name(name, shortcut)
        hang_tooltip(self)

    def set_icon_name(self, icon_name: str) -> None:
        """Show another icon."""
        self._icon_name = icon_name
        self.setIcon(icon(icon_name, self._token, _ICON))

    def set_name(self, name: str, shortcut: str = "") -> None:
        """Name it; ``shortcut`` is shown beside the name and not installed."""
        self.setAccessibleName(name)
        self.setToolTip(f"{name}  {shortcut}".strip())


@dataclass(frozen=True, kw_only=True)
class Segment:
    """One choice of a `Segmented`; with an icon the title becomes the tooltip."""

    key: str
    title: str
    icon_name: str = ""


class _SegmentButton(QAbstractButton):
    """One part of a `Segmented`, painted flat on its plate."""

    def __init__(self, segment: Segment, parent: QWidget) -> None:
        super().__init__(parent)
        self._segment = segment
        self.setCheckable(True)
        self.setText(segment.title)
        self.setAccessibleName(segment.title)
        self.setToolTip(segment.title if segment.icon_name else "")
        hang_tooltip(self)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)

    def sizeHint(self) -> QSize:
        if self._segment.icon_name:
            return QSize(32, CONTROL_HEIGHT - 4)
        width = QFontMetricsF(theme.font(Type.MEDIUM)).horizontalAdvance(self.text())
        return QSize(round(width) + 2 * Space.M, CONTROL_HEIGHT - 4)

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        rect = QRectF(self.rect())
        if self.isChecked():
            fill_rounded(painter, rect, Radius.INPUT, theme.color("surface-hover"), theme.color("border"))
        token = "text-primary" if self.isChecked() or self.underMouse() else "text-secondary"
        if not self.isEnabled():
            token = "text-disabled"
        if self._segment.icon_name:
            draw_icon(
                painter, QRectF(rect.center().x() - 8, rect.center().y() - 8, 16, 16), self._segment.icon_name, token
            )
        else:
            center = Qt.AlignmentFlag.AlignCenter
            draw_text(painter, rect, self.text(), theme.font(Type.MEDIUM), theme.color(token), align=center)
        if self.hasFocus():
            draw_focus_ring(painter, rect, Radius.INPUT)


class Segmented(QWidget):
    """A choice of one among a few, side by side, such as cards or table.

    Signals:
        changed: The key of the segment now chosen (str).
    """

    changed = Signal(str)

    def __init__(self, segments: tuple[Segment, ...], *, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._keys = tuple(segment.key for segment in segments)
        self._group = QButtonGroup(self)
        self.setAccessibleName(name)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        row = QHBoxLayout(self)
        row.setContentsMargins(2, 2, 2, 2)
        row.setSpacing(2)
        for index, segment in enumerate(segments):
            button = _SegmentButton(segment, self)
            self._group.addButton(button, index)
            row.addWidget(button)
        self._group.button(0).setChecked(True)
        self._group.idToggled.connect(self._on_id_toggled)

    def current(self) -> str:
        """The key of the chosen segment."""
        return self._keys[self._group.checkedId()]

    def set_current(self, key: str) -> None:
        """Choose a segment; an unknown key changes nothing."""
        if key in self._keys:
            self._group.button(self._keys.index(key)).setChecked(True)

    def focus_current(self) -> None:
        """Put the keyboard on the chosen segment."""
        self._group.button(self._group.checkedId()).setFocus(Qt.FocusReason.OtherFocusReason)

    def paintEvent(self, _event: QPaintEvent) -> None:
        fill_rounded(QPainter(self), QRectF(self.rect()), Radius.BUTTON, theme.color("surface"), theme.color("border"))

    def _on_id_toggled(self, index: int, is_checked: bool) -> None:
        if is_checked:
            self.changed.emit(self._keys[index])
