"""Lucide icons and marks of our own, tinted by token, drawn at the display's own resolution when first needed."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, lru_cache
from operator import mul

from PySide6.QtCore import QByteArray, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QIcon, QIconEngine, QImage, QPainter, QPixmap
from PySide6.QtSvg import QSvgRenderer

from machina_desktop.views import theme

# The icons are drawn on a grid of this many units, with strokes this wide.
_GRID = 24
_STROKE = 1.5
# Marks of our own, no company's logo.
# Keyed by the values of ProviderType, whose module the first paint does not wait for.
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
    """The icon in device pixels, with strokes of whole pixels that lie on pixels, so that straight lines are sharp."""
    left, top = _shift_of(name, pixels)
    made = QPixmap(pixels, pixels)
    made.fill(Qt.GlobalColor.transparent)
    painter = QPainter(made)
    _renderer(name, color_name, pixels).render(painter, QRectF(left, top, pixels, pixels))
    painter.end()
    return made


def _renderer(name: str, color_name: str, pixels: int) -> QSvgRenderer:
    stroke = _stroke_of(pixels) * _GRID / pixels
    source = theme.tinted_svg(name, color_name).replace(f'stroke-width="{_STROKE}"', f'stroke-width="{stroke}"')
    return QSvgRenderer(QByteArray(source.encode()))


def _stroke_of(pixels: int) -> int:
    return max(1, round(_STROKE * pixels / _GRID))


@lru_cache(maxsize=512)
def _shift_of(name: str, pixels: int) -> tuple[float, float]:
    """How far right and down, in pixels, the icon is at its sharpest; at most half a pixel.

    A stroke of one pixel whose middle lies between two pixels is two grey lines. Where an icon's lines lie is up to the
    icon, so all four ways are tried, and the one wins whose pixels are most fully on or off.
    """
    if _stroke_of(pixels) % 2 == 0:
        return 0.0, 0.0
    renderer = _renderer(name, "black", pixels)
    ways = [(left, top) for left in (0.0, 0.5) for top in (0.0, 0.5)]
    return max(ways, key=lambda way: _sharpness(renderer, pixels, *way))


def _sharpness(renderer: QSvgRenderer, pixels: int, left: float, top: float) -> int:
    picture = QImage(pixels, pixels, QImage.Format.Format_Alpha8)
    picture.fill(0)
    painter = QPainter(picture)
    renderer.render(painter, QRectF(left, top, pixels, pixels))
    painter.end()
    alphas = bytes(picture.constBits())
    return sum(map(mul, alphas, alphas))
