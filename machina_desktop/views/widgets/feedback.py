"""Small signs that say something: badges, avatars, spinners, skeletons, progress."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QLinearGradient, QPainter, QPainterPath, QPaintEvent, QPen, QPixmap
from PySide6.QtWidgets import QProgressBar, QSizePolicy, QWidget

from machina_desktop.views import theme
from machina_desktop.views.icons import draw_icon
from machina_desktop.views.theme import Radius, Space, Type
from machina_desktop.views.widgets.motion import Animation, turn_angle
from machina_desktop.views.widgets.painting import draw_spinner, draw_text, fill_rounded
from machina_desktop.views.widgets.tooltip import hang_tooltip

TONES = {
    "neutral": ("tint-neutral", "text-secondary"),
    "accent": ("tint-accent", "accent-primary"),
    "success": ("tint-success", "accent-success"),
    "warning": ("tint-warning", "accent-warning"),
    "error": ("tint-error", "accent-error"),
}
_CENTER = Qt.AlignmentFlag.AlignCenter


class Badge(QWidget):
    """A word or number on a quiet plate, with an icon where it helps."""

    def __init__(
        self, text: str = "", *, tone: str = "neutral", icon_name: str = "", parent: QWidget | None = None
    ) -> None:
        """``tone`` is ``neutral``, ``accent``, ``success``, ``warning`` or ``error``."""
        super().__init__(parent)
        self._tone = tone
        self._icon_name = icon_name
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.set_text(text)

    def set_text(self, text: str) -> None:
        """Show another text."""
        self._text = text
        self.setAccessibleName(text)
        self.updateGeometry()
        self.update()

    def set_tone(self, tone: str) -> None:
        """Change its colour."""
        self._tone = tone
        self.update()

    def text(self) -> str:
        """What is shown."""
        return self._text

    def sizeHint(self) -> QSize:
        width = QFontMetricsF(theme.font(Type.SECONDARY)).horizontalAdvance(self._text) + 2 * Space.S + 1
        return QSize(max(20, round(width) + (16 if self._icon_name else 0)), 20)

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        rect = QRectF(self.rect())
        fill, ink = TONES[self._tone]
        fill_rounded(painter, rect, Space.XS, theme.color(fill))
        if self._icon_name:
            draw_icon(painter, QRectF(6, (rect.height() - 12) / 2, 12, 12), self._icon_name, ink)
        text = rect.adjusted(16 if self._icon_name else 0, 0, 0, 0)
        draw_text(painter, text, self._text, theme.font(Type.SECONDARY), theme.color(ink), align=_CENTER)


class Avatar(QWidget):
    """A person's or team's picture in a circle; without one, the initials."""

    def __init__(self, name: str, *, size: int = 28, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._name = name
        self._picture = QPixmap()
        self.setFixedSize(size, size)
        self.set_name(name)
        hang_tooltip(self)

    def set_name(self, name: str) -> None:
        """Show another person."""
        self._name = name
        self.setAccessibleName(name)
        self.setToolTip(name)
        self.update()

    def set_picture(self, picture: QPixmap) -> None:
        """Show a picture, cut to a circle from its middle; a null one brings the initials back."""
        self._picture = picture
        self.update()

    def initials(self) -> str:
        """At most two letters: of the first and the last word."""
        return _initials(self._name)

    def paintEvent(self, _event: QPaintEvent) -> None:
        paint_avatar(QPainter(self), QRectF(self.rect()), self._name, self._picture)


def paint_avatar(painter: QPainter, rect: QRectF, name: str, picture: QPixmap) -> None:
    """The picture in a circle of the size of ``rect``; where it is null the initials of ``name``."""
    if not picture.isNull():
        _paint_picture(painter, rect, picture)
        return
    fill_rounded(painter, rect, rect.width() / 2, theme.color("tint-accent"))
    if not _initials(name):
        draw_icon(painter, rect.adjusted(5, 5, -5, -5), "user", "accent-primary")
        return
    font = theme.font(Type.SECTION if rect.width() >= 40 else Type.MEDIUM if rect.width() >= 28 else Type.KEY)
    shown = _initials(name) if rect.width() >= 24 else _initials(name)[:1]
    draw_text(painter, rect, shown, font, theme.color("accent-primary"), align=_CENTER)


def _initials(name: str) -> str:
    words = name.split()
    return "".join(word[0] for word in (words[:1] + words[-1:] if len(words) > 1 else words)).upper()


def _paint_picture(painter: QPainter, rect: QRectF, picture: QPixmap) -> None:
    side = min(picture.width(), picture.height())
    part = QRectF((picture.width() - side) / 2, (picture.height() - side) / 2, side, side)
    circle = QPainterPath()
    circle.addEllipse(rect.adjusted(0.5, 0.5, -0.5, -0.5))
    painter.save()
    painter.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform)
    painter.setClipPath(circle, Qt.ClipOperation.IntersectClip)
    painter.drawPixmap(rect, picture, part)
    painter.restore()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    # Over the steps that a clip leaves.
    painter.setPen(QPen(theme.color("border"), 1))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawPath(circle)


class Spinner(QWidget):
    """A turning arc: work of unknown length is under way."""

    def __init__(self, *, size: int = 16, name: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFixedSize(size, size)
        self.setAccessibleName(name or self.tr("Working"))
        Animation(self).set_active(True)

    def paintEvent(self, _event: QPaintEvent) -> None:
        box = QRectF(self.rect()).adjusted(1, 1, -1, -1)
        draw_spinner(QPainter(self), box, turn_angle(), theme.color("accent-primary"))


class Skeleton(QWidget):
    """Grey bars where rows will be, with a light passing over them."""

    def __init__(self, *, rows: int = 6, row_height: int = 40, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._rows = rows
        self._row_height = row_height
        self.setAccessibleName(self.tr("Loading"))
        self.setMinimumHeight(rows * row_height)
        Animation(self).set_active(True)

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        brush = self._light()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(brush)
        for row in range(self._rows):
            middle = (row + 0.5) * self._row_height
            for start, share in ((0.0, 0.18 + row * 37 % 10 / 100), (0.34, 0.12), (0.54, 0.16), (0.78, 0.1)):
                bar = QRectF(Space.M + start * self.width(), middle - 6, share * self.width(), 12)
                painter.drawRoundedRect(bar, Space.XS, Space.XS)

    def _light(self) -> QLinearGradient | QColor:
        if theme.is_motion_reduced():
            return theme.color("skeleton")
        middle = (turn_angle() / 360 * 1.6 - 0.3) * self.width()
        made = QLinearGradient(QPointF(middle - 160, 0), QPointF(middle + 160, 0))
        made.setColorAt(0, theme.color("skeleton"))
        made.setColorAt(0.5, theme.color("skeleton-shine"))
        made.setColorAt(1, theme.color("skeleton"))
        return made


class Progress(QProgressBar):
    """A thin bar. Determinate wherever the number is known; ``set_progress(0, 0)`` is the other kind."""

    def __init__(self, *, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setTextVisible(False)
        self.setAccessibleName(name)
        self.setFixedHeight(6)
        self._animation = Animation(self)
        self.set_progress(0, 1)

    def set_progress(self, done: int, total: int) -> None:
        """Show ``done`` of ``total``; a total of 0 means not known."""
        self.setRange(0, total)
        self.setValue(done)
        self._animation.set_active(total == 0)
        text = self.tr("{0} of {1}").format(done, total) if total else self.tr("Working")
        self.setAccessibleDescription(text)
        self.setToolTip(text)

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        rect = QRectF(self.rect())
        fill_rounded(painter, rect, 3, theme.color("tint-neutral"), theme.color("border"))
        if self.maximum() > 0:
            bar = QRectF(0, 0, rect.width() * self.value() / self.maximum(), rect.height())
        else:
            bar = QRectF(rect.width() * 0.35, 0, rect.width() * 0.3, rect.height())
        if self.maximum() == 0 and not theme.is_motion_reduced():
            bar = QRectF(
                turn_angle() / 360 * rect.width() * 1.3 - rect.width() * 0.3, 0, rect.width() * 0.3, rect.height()
            )
        painter.setClipRect(rect)
        if bar.width() > 0:
            fill_rounded(painter, bar, min(Radius.INPUT - 1, bar.height() / 2), theme.color("accent-primary"))
