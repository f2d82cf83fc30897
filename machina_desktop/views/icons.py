"""Lucide icons and marks of our own, tinted by token, drawn at the display's own resolution when first needed."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, lru_cache

from PySide6.QtCore import QByteArray, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QIcon, QIconEngine, QPainter, QPixmap
from PySide6.QtSvg import QSvgRenderer

from machina_desktop.views import theme

# Marks of our own, no company's logo. Keyed by the values of ProviderType, whose module the first paint does not wait for.
PROVIDER_ICONS: Mapping[str, str] = {
    "digitalocean": "provider-digitalocean",
    "aws": "provider-aws",
    "gcp": "provider-gcp",
    "hetzner": "provider-hetzner",
    "baremetal": "provider-baremetal",
    "sandbox": "provider-sandbox",
}


class _TokenIconEngine(QIconEngine):
    """Draws one icon in the colour its token has at that moment, so a theme switch needs no new icons."""

    def __init__(self, name: str, token: str, size: int) -> None:
        super().__init__()
        self._name = name
        self._token = token
        self._size = size

    def paint(self, painter: QPainter, rect: QRect, mode: QIcon.Mode, _state: QIcon.State) -> None:
        draw_icon(painter, QRectF(rect), self._name, self._token_in(mode))

    def pixmap(self, size: QSize, mode: QIcon.Mode, state: QIcon.State) -> QPixmap:
        return self.scaledPixmap(size, mode, state, 1.0)

    def scaledPixmap(self, size: QSize, mode: QIcon.Mode, _state: QIcon.State, scale: float) -> QPixmap:
        # The size is in design pixels (Qt 6.8 and later).
        return _coloured(self._name, theme.color(self._token_in(mode)), min(size.width(), size.height()), scale)

    def actualSize(self, size: QSize, _mode: QIcon.Mode, _state: QIcon.State) -> QSize:
        side = min(size.width(), size.height())
        return QSize(side, side)

    def clone(self) -> QIconEngine:
        return _TokenIconEngine(self._name, self._token, self._size)

    def _token_in(self, mode: QIcon.Mode) -> str:
        return "text-disabled" if mode == QIcon.Mode.Disabled else self._token


@cache
def icon(name: str, token: str = "text-secondary", size: int = 16) -> QIcon:
    """The icon ``name`` (a file of ``resources/icons``) in the colour of ``token``, which it follows over themes.

    Nothing is drawn until a widget paints it. Raises `Bug` at that moment when there is no such icon.
    """
    return QIcon(_TokenIconEngine(name, token, size))


@cache
def icon_names() -> tuple[str, ...]:
    """Every icon that ships, by name."""
    return tuple(sorted(file.stem for file in (theme.RESOURCES / "icons").glob("*.svg")))


def pixmap(name: str, token: str, size: int, ratio: float) -> QPixmap:
    """The icon as a picture of ``size`` design pixels at device pixel ``ratio``."""
    return _coloured(name, theme.color(token), size, ratio)


def draw_icon(painter: QPainter, rect: QRectF, name: str, token: str) -> None:
    """Draw an icon into the largest centred square of ``rect``, in the colour of ``token``."""
    draw_icon_in(painter, rect, name, theme.color(token))


def draw_icon_in(painter: QPainter, rect: QRectF, name: str, color: QColor) -> None:
    """As `draw_icon`, in a colour already looked up."""
    side = int(min(rect.width(), rect.height()))
    if side <= 0:
        return
    device = painter.device()
    ratio = device.devicePixelRatio() if device is not None else 1.0
    left, top = round(rect.center().x() - side / 2), round(rect.center().y() - side / 2)
    painter.drawPixmap(left, top, _coloured(name, color, side, ratio))


def _coloured(name: str, color: QColor, size: int, ratio: float) -> QPixmap:
    made = QPixmap(_rendered(name, color.name(), round(size * ratio)))
    made.setDevicePixelRatio(ratio)
    return made


@lru_cache(maxsize=512)
def _rendered(name: str, color_name: str, pixels: int) -> QPixmap:
    """The icon in device pixels."""
    made = QPixmap(pixels, pixels)
    made.fill(Qt.GlobalColor.transparent)
    painter = QPainter(made)
    QSvgRenderer(QByteArray(theme.tinted_svg(name, color_name).encode())).render(painter, QRectF(0, 0, pixels, pixels))
    painter.end()
    return made
