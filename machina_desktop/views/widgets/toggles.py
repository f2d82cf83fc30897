"""Choices of one among a few, and switches that take effect at once."""

from __future__ import annotations

from PySide6.QtCore import QEasingCurve, QRectF, QSize, Qt, QVariantAnimation
from PySide6.QtGui import QFontMetricsF, QPainter, QPaintEvent
from PySide6.QtWidgets import QAbstractButton, QRadioButton, QSizePolicy, QWidget

from machina_desktop.views import theme
from machina_desktop.views.theme import Radius, Space, Type
from machina_desktop.views.widgets.painting import draw_focus_ring, draw_text, fill_rounded

_TRACK = QSize(32, 18)
_KNOB = 12
_SLIDE_MS = 120


class Radio(QRadioButton):
    """One of a few that exclude each other. Qt's own, but its focus ring goes round the words only."""

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if self.hasFocus():
            width = min(self.width(), self.sizeHint().width() + Space.XS)
            left = self.width() - width if self.isRightToLeft() else 0
            draw_focus_ring(QPainter(self), QRectF(left, 0, width, self.height()), Radius.INPUT)


class Switch(QAbstractButton):
    """On or off, with effect at once; for what is applied later, use a `Checkbox`.

    Where the knob stands and a tick in the track tell its state without colour.
    """

    def __init__(self, text: str = "", *, is_on: bool = False, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setText(text)
        self.setAccessibleName(text)
        self.setCheckable(True)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self._place = 0.0
        self._slide = QVariantAnimation(self, duration=_SLIDE_MS)
        self._slide.setEasingCurve(QEasingCurve.Type.OutCubic)
        self._slide.valueChanged.connect(self._set_place)
        self.setChecked(is_on)

    def sizeHint(self) -> QSize:
        text = QFontMetricsF(theme.font()).horizontalAdvance(self.text())
        width = _TRACK.width() + 2 * Space.XS + (Space.S + round(text) + 2 if self.text() else 0)
        return QSize(width, _TRACK.height() + 2 * Space.XS)

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setLayoutDirection(self.layoutDirection())
        left = self.width() - _TRACK.width() - Space.XS if self.isRightToLeft() else Space.XS
        track = QRectF(left, (self.height() - _TRACK.height()) / 2, _TRACK.width(), _TRACK.height())
        self._paint_track(painter, track)
        if self.text():
            start = 2 * Space.XS + _TRACK.width() + Space.XS
            room = QRectF(self.rect()).adjusted(start, 0, -Space.XS, 0)
            if self.isRightToLeft():
                room = QRectF(self.rect()).adjusted(Space.XS, 0, -start, 0)
            token = "text-primary" if self.isEnabled() else "text-disabled"
            draw_text(painter, room, self.text(), theme.font(Type.BODY), theme.color(token))
        if self.hasFocus():
            draw_focus_ring(painter, QRectF(self.rect()), Radius.BUTTON)

    def _paint_track(self, painter: QPainter, track: QRectF) -> None:
        is_on = self.isChecked()
        if not self.isEnabled():
            fill, line, knob = "background", "border", "text-disabled"
        elif is_on:
            fill = "accent-primary-hover" if self.underMouse() else "accent-primary"
            line, knob = fill, "on-accent"
        else:
            fill, line, knob = "surface", "text-secondary" if self.underMouse() else "outline", "text-secondary"
        fill_rounded(painter, track, track.height() / 2, theme.color(fill), theme.color(line))
        margin = (track.height() - _KNOB) / 2
        way = track.width() - _KNOB - 2 * margin
        place = 1 - self._place if self.isRightToLeft() else self._place
        box = QRectF(track.left() + margin + way * place, track.top() + margin, _KNOB, _KNOB)
        fill_rounded(painter, box, _KNOB / 2, theme.color(knob))

    def checkStateSet(self) -> None:
        # Not by ``toggled``: whoever sets the switch may have blocked its signals.
        goal = 1.0 if self.isChecked() else 0.0
        self._slide.stop()
        if theme.is_motion_reduced() or not self.isVisible():
            self._set_place(goal)
            return
        self._slide.setStartValue(self._place)
        self._slide.setEndValue(goal)
        self._slide.start()

    def _set_place(self, place: float) -> None:
        self._place = place
        self.update()
