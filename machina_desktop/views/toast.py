"""One notice on the screen, and the line that stands for those there is no room for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from PySide6.QtCore import QEasingCurve, QEvent, QPoint, QPropertyAnimation, QRectF, Qt, QTimer
from PySide6.QtGui import QEnterEvent, QKeyEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QApplication, QHBoxLayout, QVBoxLayout, QWidget

from machina_desktop.views import theme
from machina_desktop.views.icons import draw_icon
from machina_desktop.views.theme import Radius, Space
from machina_desktop.views.widgets.buttons import Button, ButtonKind, IconButton
from machina_desktop.views.widgets.painting import draw_focus_ring, fill_rounded
from machina_desktop.views.widgets.text import Label

SHOWN_MS = 4000
SLIDE_MS = 140
WIDTH = 380
# A longer text would fill the window; its end stands in the list of notices.
TEXT_LENGTH = 200
DETAIL_LENGTH = 260

LOOKS = {
    "info": ("info", "accent-primary"),
    "success": ("circle-check", "accent-success"),
    "warning": ("triangle-alert", "accent-warning"),
    "error": ("circle-alert", "accent-error"),
}


@dataclass(frozen=True, kw_only=True)
class Notice:
    """Something to tell in passing.

    Attributes:
        kind: ``info``, ``success``, ``warning`` or ``error``; an error stays until dismissed.
        detail: A second, quieter sentence, such as the next step.
        about: The id of what it tells of: a later notice about the same takes its place.
        count: How often it was told.
    """

    text: str
    detail: str = ""
    kind: str = "info"
    action: str = ""
    on_action: Callable[[], None] | None = None
    about: str = ""
    count: int = 1

    @property
    def is_error(self) -> bool:
        """Whether it stays until somebody has seen it."""
        return self.kind == "error"

    def is_like(self, other: Notice) -> bool:
        """Whether both tell the same, so that one line can stand for both."""
        mine = (self.kind, self.text, self.detail, self.action, self.about)
        return mine == (other.kind, other.text, other.detail, other.action, other.about)


class _Sliding(QWidget):
    """A small card at the corner of the window, that moves to its place."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._slide = QPropertyAnimation(self, b"pos", self)
        self._slide.setDuration(SLIDE_MS)
        self._slide.setEasingCurve(QEasingCurve.Type.OutCubic)
        self.setFixedWidth(WIDTH)

    def move_to(self, place: QPoint, *, is_new: bool) -> None:
        """Go to ``place`` in the parent; a new one slides in, unless motion is reduced."""
        self._slide.stop()
        if theme.is_motion_reduced() or not self.isVisible():
            self.move(place)
            return
        self._slide.setStartValue(place + QPoint(Space.XL, 0) if is_new else self.pos())
        self._slide.setEndValue(place)
        self._slide.start()

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        fill_rounded(painter, QRectF(self.rect()), Radius.CARD, theme.color("surface-elevated"), theme.color("border"))


class Toast(_Sliding):
    """It leaves by itself unless it is an error, or mouse or keyboard rest on it. ``Esc`` dismisses it."""

    def __init__(self, notice: Notice, leave: Callable[[Toast], None], parent: QWidget) -> None:
        super().__init__(parent)
        self.notice = notice
        self._leave = leave
        self._timer = QTimer(self, singleShot=True, interval=SHOWN_MS)
        self._timer.timeout.connect(self.dismiss)
        self._text = Label(wraps=True)
        self._text.setMinimumWidth(1)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self._build()
        self._say()
        self.linger()
        app = QApplication.instance()
        if isinstance(app, QApplication):
            app.focusChanged.connect(self._on_focus_changed)

    def repeat(self) -> None:
        """The same was told again: count it, and stay longer."""
        self.notice = replace(self.notice, count=self.notice.count + 1)
        self._say()
        self.linger()

    def linger(self) -> None:
        """Stay for the whole time from now on; for good, while it is attended to."""
        if not (self.notice.is_error or self._is_attended()):
            self._timer.start()

    def is_leaving(self) -> bool:
        """Whether it will leave by itself."""
        return self._timer.isActive()

    def dismiss(self) -> None:
        """Leave now."""
        self._timer.stop()
        self._leave(self)

    def enterEvent(self, event: QEnterEvent) -> None:
        self._timer.stop()
        super().enterEvent(event)

    def leaveEvent(self, event: QEvent) -> None:
        self.linger()
        super().leaveEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.dismiss()
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.hasFocus() and self.notice.action:
            self._on_action()
        else:
            super().keyPressEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        painter = QPainter(self)
        icon, token = LOOKS[self.notice.kind]
        draw_icon(painter, QRectF(Space.M + 2, (self.height() - 18) / 2, 18, 18), icon, token)
        if self.hasFocus():
            draw_focus_ring(painter, QRectF(self.rect()), Radius.CARD - 1)

    def holds(self, widget: QWidget | None) -> bool:
        """Whether that is the toast or something in it."""
        return widget is not None and (widget is self or self.isAncestorOf(widget))

    def _is_attended(self) -> bool:
        return self.underMouse() or self.holds(QApplication.focusWidget())

    def _on_focus_changed(self, before: QWidget | None, after: QWidget | None) -> None:
        if self.holds(after):
            self._timer.stop()
        elif self.holds(before):
            self.linger()

    def _build(self) -> None:
        words = QVBoxLayout()
        words.setSpacing(2)
        words.addWidget(self._text)
        if self.notice.detail:
            detail = Label(_shortened(self.notice.detail, DETAIL_LENGTH), tone="secondary", wraps=True)
            detail.setMinimumWidth(1)
            words.addWidget(detail)
        close = IconButton("x", self.tr("Dismiss"), shortcut="Esc", parent=self)
        close.clicked.connect(self.dismiss)
        row = QHBoxLayout(self)
        row.setContentsMargins(Space.M + 18 + Space.M, Space.S, 6, Space.S)
        row.setSpacing(Space.S)
        row.addLayout(words, 1)
        if self.notice.action:
            action = Button(self.notice.action, parent=self)
            action.clicked.connect(self._on_action)
            row.addWidget(action)
        row.addWidget(close)

    def _say(self) -> None:
        times = f"  ×{self.notice.count}" if self.notice.count > 1 else ""
        self._text.setText(_shortened(self.notice.text, TEXT_LENGTH) + times)
        is_cut = len(self.notice.text) > TEXT_LENGTH or len(self.notice.detail) > DETAIL_LENGTH
        self.setToolTip(f"{self.notice.text}\n{self.notice.detail}".strip() if is_cut else "")
        self.setAccessibleName(self.notice.text + times)
        self.setAccessibleDescription(self.notice.detail)
        self.setFixedHeight(self._height())
        self.update()

    def _height(self) -> int:
        layout = self.layout()
        return max(46, layout.totalHeightForWidth(WIDTH) if layout is not None else 46)

    def _on_action(self) -> None:
        act = self.notice.on_action
        self.dismiss()
        if act is not None:
            act()


class MoreLine(_Sliding):
    """Says how many notices have no room, and leads to all of them."""

    def __init__(self, *, show_all: Callable[[], None], dismiss: Callable[[], None], parent: QWidget) -> None:
        super().__init__(parent)
        self._dismiss = dismiss
        self.show_all = Button("", kind=ButtonKind.GHOST, icon_name="bell", parent=self)
        self.show_all.clicked.connect(show_all)
        self._close = IconButton("x", self.tr("Dismiss all"), shortcut="Esc", parent=self)
        self._close.clicked.connect(dismiss)
        row = QHBoxLayout(self)
        row.setContentsMargins(Space.XS, Space.XS, 6, Space.XS)
        row.addWidget(self.show_all)
        row.addStretch()
        row.addWidget(self._close)
        self.setFixedHeight(row.sizeHint().height())
        self.hide()

    def say(self, count: int) -> None:
        """Say how many there are; none hides the line."""
        self.show_all.setText(self.tr("+{0} more").format(count))
        self.show_all.setAccessibleName(self.tr("{0} more notices, show all").format(count))
        self.setVisible(count > 0)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self._dismiss()
        else:
            super().keyPressEvent(event)


def _shortened(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[: length - 1].rstrip()}…"
