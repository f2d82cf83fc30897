"""The gallery's pages of tokens: colours with their contrast, type, spacing, radii, icons. A click copies the name."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QAbstractButton, QVBoxLayout, QWidget

from machina_desktop.views import theme
from machina_desktop.views.gallery.specimens import Section, Specimens, column, part
from machina_desktop.views.icons import draw_icon, icon_names
from machina_desktop.views.theme import Radius, Space, Type, contrast
from machina_desktop.views.widgets.painting import draw_focus_ring, draw_text, fill_rounded
from machina_desktop.views.widgets.search import SearchInput
from machina_desktop.views.widgets.text import Label, copy_text

_CENTER = Qt.AlignmentFlag.AlignCenter


class _CopyTile(QAbstractButton):
    """Something that is shown and named; pressing it copies the name."""

    def __init__(self, name: str, size: QSize) -> None:
        super().__init__()
        self.setText(name)
        self.setAccessibleName(f"Copy {name}")
        self.setToolTip(name)
        self.setFixedSize(size)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.clicked.connect(lambda: copy_text(name))

    def _paint_plate(self, painter: QPainter) -> None:
        rect = QRectF(self.rect())
        if self.isDown() or self.underMouse():
            fill_rounded(
                painter, rect, Radius.BUTTON, theme.color("surface-pressed" if self.isDown() else "surface-hover")
            )
        if self.hasFocus():
            draw_focus_ring(painter, rect, Radius.BUTTON)


class _ColorTile(_CopyTile):
    """A colour of the theme in force, its value, and how it stands out from the window."""

    def __init__(self, token: str) -> None:
        super().__init__(token, QSize(208, 56))

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        self._paint_plate(painter)
        color, ground = theme.color(self.text()), theme.color("background")
        fill_rounded(painter, QRectF(8, 8, 40, 40), Radius.BUTTON, color, theme.color("border"))
        name, value = QRectF(58, 10, self.width() - 62, 18), QRectF(58, 29, self.width() - 62, 17)
        draw_text(painter, name, self.text(), theme.font(Type.MEDIUM), theme.color("text-primary"))
        figures = f"{_value(color)}   {contrast(color, ground):.1f} : 1"
        draw_text(painter, value, figures, theme.tabular_font(Type.SECONDARY), theme.color("text-secondary"))


def _value(color: QColor) -> str:
    return color.name() if color.alpha() == 255 else color.name(QColor.NameFormat.HexArgb)


class _IconTile(_CopyTile):
    """One icon with its name."""

    def __init__(self, name: str) -> None:
        super().__init__(name, QSize(120, 76))

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        self._paint_plate(painter)
        draw_icon(painter, QRectF((self.width() - 20) / 2, 14, 20, 20), self.text(), "text-primary")
        below = QRectF(6, 46, self.width() - 12, 18)
        draw_text(painter, below, self.text(), theme.font(Type.SECONDARY), theme.color("text-secondary"), align=_CENTER)


class _Plate(QWidget):
    """A plate with corners of one radius, or a bar as long as one step of the grid."""

    def __init__(self, size: QSize, radius: int, name: str) -> None:
        super().__init__()
        self._radius = radius
        self.setFixedSize(size)
        self.setAccessibleName(name)

    def paintEvent(self, _event: QPaintEvent) -> None:
        fill, line = theme.color("tint-accent"), theme.color("accent-primary")
        fill_rounded(QPainter(self), QRectF(self.rect()), self._radius, fill, line)


def _colors() -> QWidget:
    grounds, inks, rest = Specimens(cell=208), Specimens(cell=208), Specimens(cell=208)
    for token in theme.current().colors:
        into = rest
        if token.startswith(("background", "surface", "tint", "selection", "text-selection", "match")):
            into = grounds
        elif token.startswith(("text", "accent", "on-", "border", "outline")):
            into = inks
        into.add("", _ColorTile(token))
    hint = "against the window; a click copies the name"
    return column(part("Inks and lines", inks, hint=hint), part("Grounds", grounds), part("Further", rest))


def _measures() -> QWidget:
    types, steps, corners = Specimens(cell=320), Specimens(cell=120), Specimens(cell=120)
    for style in Type:
        font, words = theme.font(style), Label("Deploy to Frankfurt, 12 €", style=style)
        types.add(f"{style.value}: {font.families()[0]} {int(font.weight())}", words)
    for name, value in _numbers(Space):
        steps.add(f"{name} {value}", _Plate(QSize(value, 24), 0, name))
    for name, value in _numbers(Radius):
        corners.add(f"{name} {value}", _Plate(QSize(72, 48), value, name))
    return column(part("Type", types), part("Spacing", steps, hint="the 4-pixel grid"), part("Radii", corners))


def _numbers(scale: type) -> list[tuple[str, int]]:
    return sorted(
        ((name, value) for name, value in vars(scale).items() if isinstance(value, int)), key=lambda pair: pair[1]
    )


class IconPage(QWidget):
    """Every icon that ships, to be searched by name."""

    def __init__(self) -> None:
        super().__init__()
        self._search = SearchInput("Search icons…")
        self._search.searched.connect(self._show)
        self._grid = Specimens(cell=120)
        for name in icon_names():
            self._grid.add("", _IconTile(name))
        lines = QVBoxLayout(self)
        lines.setContentsMargins(0, 0, 0, 0)
        lines.setSpacing(Space.XL)
        lines.addWidget(self._search)
        lines.addWidget(self._grid)

    def _show(self, words: str) -> None:
        wanted = words.casefold()
        self._grid.show_only(lambda tile: isinstance(tile, _IconTile) and wanted in tile.text())


SECTIONS = (
    Section(key="color", title="Colours", build=_colors, icon_name="sun", hint="Widgets name tokens, never colours."),
    Section(key="measure", title="Type and spacing", build=_measures, icon_name="hash"),
    Section(key="icon", title="Icons", build=IconPage, icon_name="image"),
)
