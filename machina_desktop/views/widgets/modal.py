"""The frame of everything modal: a panel of our own over a dimmed window, with a title and a way out."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QMargins, QObject, QPoint, QRect, QRectF, QSize, Qt, QVariantAnimation
from PySide6.QtGui import (
    QColor,
    QGuiApplication,
    QHideEvent,
    QMouseEvent,
    QMoveEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QRegion,
    QResizeEvent,
    QShowEvent,
)
from PySide6.QtWidgets import QAbstractButton, QDialog, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from machina_desktop.views import theme
from machina_desktop.views.theme import Radius, Space, Type
from machina_desktop.views.widgets.buttons import IconButton
from machina_desktop.views.widgets.compositor import can_blend
from machina_desktop.views.widgets.painting import fill_rounded
from machina_desktop.views.widgets.reading_order import first_control, move_focus
from machina_desktop.views.widgets.scrim import FADE_MS, Scrim
from machina_desktop.views.widgets.text import Label

# Around the panel, where its shadow falls; none where nothing can shine through.
SHADOW = QMargins(28, 20, 28, 36)
_SHADOW_DROP = 8
_SHADOW_REACH = 28
# Left free between panel and screen.
_SCREEN_GAP = Space.L
# Where whole windows can be faded in.
_FADING = frozenset({"xcb", "windows", "cocoa"})


class _Header(QWidget):
    """Title, close button, and the place to take hold of the panel.

    Attributes:
        was_held: Whether the person has taken hold of the panel, and may have moved it.
    """

    def __init__(self, title: str, parent: QDialog) -> None:
        super().__init__(parent)
        self._panel = parent
        self._held_at: QPoint | None = None
        self.was_held = False
        self.title = Label(title, style=Type.SECTION, wraps=True)
        self.close_button = IconButton("x", self.tr("Close"), shortcut="Esc", parent=self)
        self.close_button.clicked.connect(parent.reject)
        row = QHBoxLayout(self)
        row.setContentsMargins(Space.XL, Space.L, Space.L, 0)
        row.setSpacing(Space.M)
        row.addWidget(self.title, 1)
        row.addWidget(self.close_button, 0, Qt.AlignmentFlag.AlignTop)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() != Qt.MouseButton.LeftButton:
            return
        self.was_held = True
        handle = self._panel.windowHandle()
        # The system knows best how windows are moved; where it does not help, as under a test, we move it.
        if handle is None or not handle.startSystemMove():
            self._held_at = event.globalPosition().toPoint() - self._panel.pos()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._held_at is not None:
            self._panel.move(event.globalPosition().toPoint() - self._held_at)

    def mouseReleaseEvent(self, _event: QMouseEvent) -> None:
        self._held_at = None


class Modal(QDialog):
    """A panel over the middle of its window, which is dimmed and blocked. Show it with ``open()``.

    It has no frame of the window manager: it is moved by its header, follows its window, and never leaves the screen.
    Esc and the close button call ``reject()``. It is deleted when closed. Where the display cannot blend, its corners
    are cut instead of smoothed, and it casts no shadow.

    Attributes:
        body: What is below the header; give it a layout.
    """

    def __init__(self, title: str, *, width: int = 460, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._is_blended = can_blend()
        self._scrim: Scrim | None = None
        self._width = width
        self._fixed: QSize | None = None
        self.setProperty("role", "modal")
        self.setWindowFlags(Qt.WindowType.Dialog | Qt.WindowType.FramelessWindowHint)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setAttribute(Qt.WidgetAttribute.WA_TranslucentBackground, on=self._is_blended)
        self._header = _Header(title, self)
        self.body = QWidget(self)
        whole = QVBoxLayout(self)
        # What fills the panel from side to side leaves its border free.
        whole.setContentsMargins(self._shadow() + QMargins(1, 1, 1, 1))
        whole.setSpacing(0)
        whole.addWidget(self._header)
        whole.addWidget(self.body, 1)
        self.setWindowTitle(title)

    def close_button(self) -> QAbstractButton:
        """The button at the right end of the header."""
        return self._header.close_button

    def title_label(self) -> QLabel:
        """The heading; it always says the window's title."""
        return self._header.title

    def panel(self) -> QRect:
        """Where the panel is in this window, which is larger by the room its shadow needs."""
        return self.rect().marginsRemoved(self._shadow())

    def set_panel_size(self, size: QSize) -> None:
        """Keep the panel at that size instead of the one its contents ask for, as far as the screen has room."""
        self._fixed = size
        self._fit()

    def setVisible(self, visible: bool) -> None:
        if visible and not self.isVisible():
            # Sizes are true only once the style sheet has been asked, which Qt does after this.
            for widget in self.findChildren(QWidget):
                widget.ensurePolished()
            self._fit()
            self._focus_first()
        super().setVisible(visible)

    def focusNextPrevChild(self, next_: bool) -> bool:
        # The cross comes last: whoever opens a dialog does not want to begin with closing it.
        return move_focus(self, forwards=next_, last=self._header)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.WindowTitleChange:
            self._header.title.setText(self.windowTitle())

    def event(self, event: QEvent) -> bool:
        answer = super().event(event)
        if event.type() == QEvent.Type.LayoutRequest and self.isVisible():
            self._fit()
        return answer

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if event.spontaneous():
            return
        owner = self._owner()
        if owner is not None and self._scrim is None:
            owner.installEventFilter(self)
            self._scrim = _scrim_over(owner)
        self._appear()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        if event.spontaneous():
            return
        owner = self._owner()
        if owner is not None:
            owner.removeEventFilter(self)
        if self._scrim is not None:
            self._scrim.fade_out()
            self._scrim = None

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if watched is self._owner() and self.isVisible():
            if isinstance(event, QMoveEvent):
                self._put(self._place() + (event.pos() - event.oldPos() if self._header.was_held else QPoint()))
            elif isinstance(event, QResizeEvent):
                self._put(self._place())
        return super().eventFilter(watched, event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if not self._is_blended:
            self.setMask(_rounded_region(self.rect(), Radius.PANEL))

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        panel = QRectF(self.panel())
        if self._is_blended:
            _paint_shadow(painter, panel)
        else:
            # Where the cut of the corners and the line along them do not meet.
            painter.fillRect(panel, theme.color("border"))
        fill_rounded(painter, panel, Radius.PANEL, theme.color("surface-elevated"), theme.color("border"))

    def _shadow(self) -> QMargins:
        return SHADOW if self._is_blended else QMargins()

    def _owner(self) -> QWidget | None:
        parent = self.parentWidget()
        return parent.window() if parent is not None else None

    def _fit(self) -> None:
        """As large as the contents ask for, at most as large as the screen; open, it only grows."""
        room = self._room()
        extra = QSize(self._shadow().left() + self._shadow().right(), self._shadow().top() + self._shadow().bottom())
        if self._fixed is not None:
            wanted = self._fixed + extra
        else:
            width = min(max(self._width + extra.width(), self.minimumSizeHint().width()), room.width())
            wanted = QSize(width, self._height_for(width))
        if self.isVisible():
            wanted = wanted.expandedTo(self.size())
        wanted = wanted.boundedTo(room.size())
        if wanted != self.size():
            self.resize(wanted)
        if not self._header.was_held or not room.contains(self.geometry()):
            self._put(self._place())

    def _height_for(self, width: int) -> int:
        layout = self.layout()
        if layout is None or not layout.hasHeightForWidth():
            return self.sizeHint().height()
        return layout.totalHeightForWidth(width)

    def _room(self) -> QRect:
        """The part of the screen the window may take; its shadow may fall beyond."""
        owner = self._owner()
        screen = owner.screen() if owner is not None else QGuiApplication.primaryScreen()
        gap = QMargins(_SCREEN_GAP, _SCREEN_GAP, _SCREEN_GAP, _SCREEN_GAP)
        return screen.availableGeometry().marginsRemoved(gap).marginsAdded(self._shadow())

    def _place(self) -> QPoint:
        """Where the window belongs: in the middle until the person takes hold of it.

        Never where it is, before that: while a window manager takes it in, X11 says it were in the corner.
        """
        return self.pos() if self._header.was_held else self._centred()

    def _centred(self) -> QPoint:
        """Where the window must be for the panel to stand in the middle of its owner, or of the screen."""
        owner = self._owner()
        middle = self._room().marginsRemoved(self._shadow()).center()
        if owner is not None and owner.isVisible():
            middle = owner.mapToGlobal(owner.rect().center())
        return middle - self.panel().center()

    def _put(self, place: QPoint) -> None:
        room = self._room()
        right, bottom = room.right() - self.width() + 1, room.bottom() - self.height() + 1
        x = max(room.left(), min(place.x(), right))
        y = max(room.top(), min(place.y(), bottom))
        self.move(x, y)

    def _appear(self) -> None:
        can_fade = self._is_blended and QGuiApplication.platformName() in _FADING
        if theme.is_motion_reduced() or not can_fade:
            return
        fade = QVariantAnimation(self, duration=FADE_MS, startValue=0.0, endValue=1.0)
        fade.valueChanged.connect(self.setWindowOpacity)
        fade.start(QVariantAnimation.DeletionPolicy.DeleteWhenStopped)

    def _focus_first(self) -> None:
        """The first field gets the focus unless something was given it; without fields the default button."""
        layout = self.layout()
        if self.focusWidget() is not None or layout is None:
            return
        layout.activate()
        if (first := first_control(self.body)) is not None:
            first.setFocus(Qt.FocusReason.TabFocusReason)


def _scrim_over(owner: QWidget) -> Scrim:
    if isinstance(owner, Modal):
        return Scrim(owner, area=owner.panel(), radius=Radius.PANEL)
    return Scrim(owner)


def _rounded_region(rect: QRect, radius: int) -> QRegion:
    """The pixels of a rounded rectangle; a window can be cut to them only as wholes."""
    side = 2 * radius
    corners = QRegion(QRect(0, 0, side, side), QRegion.RegionType.Ellipse)
    right, bottom = rect.width() - side, rect.height() - side
    made = QRegion(rect.adjusted(radius, 0, -radius, 0)) + QRegion(rect.adjusted(0, radius, 0, -radius))
    for x, y in ((0, 0), (right, 0), (0, bottom), (right, bottom)):
        made += corners.translated(x, y)
    return made


def _paint_shadow(painter: QPainter, panel: QRectF) -> None:
    """One outline per pixel, ever fainter: as soft as a blur, and drawn in a fraction of its time."""
    shadow = theme.color("shadow")
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    lying = panel.translated(0, _SHADOW_DROP)
    for step in range(-_SHADOW_DROP, _SHADOW_REACH):
        distance = max(0.0, (step + _SHADOW_DROP) / (_SHADOW_REACH + _SHADOW_DROP))
        ink = QColor(shadow)
        ink.setAlphaF(shadow.alphaF() * (1 - distance) ** 2.4)
        painter.setPen(QPen(ink, 1))
        reach = step + 0.5
        radius = max(1.0, Radius.PANEL + reach)
        painter.drawRoundedRect(lying.adjusted(-reach, -reach, reach, reach), radius, radius)
