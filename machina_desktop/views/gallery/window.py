"""The gallery's window: sections at the left, the chosen one at the right, and switches for how it is shown."""

from __future__ import annotations

import sys

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QApplication, QHBoxLayout, QMainWindow, QScrollArea, QStackedWidget, QVBoxLayout, QWidget

from machina_desktop.views import theme
from machina_desktop.views.brand import NAME, app_icon
from machina_desktop.views.display import display_problem
from machina_desktop.views.gallery import controls, foundations, overlays, patterns, signs
from machina_desktop.views.gallery.specimens import Section
from machina_desktop.views.theme import Space, Type
from machina_desktop.views.widgets.buttons import Segment, Segmented
from machina_desktop.views.widgets.inputs import Select
from machina_desktop.views.widgets.layout import Divider
from machina_desktop.views.widgets.list_view import List, ListItem
from machina_desktop.views.widgets.search import SearchInput
from machina_desktop.views.widgets.text import Label
from machina_desktop.views.widgets.toggles import Switch

SECTIONS: tuple[Section, ...] = (
    *controls.SECTIONS,
    *signs.SECTIONS,
    *overlays.SECTIONS,
    *patterns.SECTIONS,
    *foundations.SECTIONS,
)
_LOOKS = (("dark", "Dark"), ("light", "Light"), ("high-contrast", "High contrast"), (theme.SYSTEM, "System"))
_WIDTHS = (("", "Full width"), ("1200", "1200 px"), ("960", "960 px"), ("640", "640 px"), ("360", "360 px"))
_SIDE = 232
# As wide as a page gets before its lines become hard to read.
_WIDEST = 1280


class GalleryWindow(QMainWindow):
    """Every widget in every state. Sections are built when they are first opened."""

    def __init__(self, look: str = "dark") -> None:
        """``look`` is the theme that was applied: one of `THEME_NAMES` or ``system``."""
        super().__init__()
        self.setWindowTitle(f"{NAME} – Gallery")
        self._pages: dict[str, QWidget] = {}
        self._areas: dict[str, QScrollArea] = {}
        self._stack = QStackedWidget()
        self._width = Select(choices=_WIDTHS)
        self.section_list = List(name="Sections")
        self._build(look)
        self.section_list.selected.connect(self._on_selected)
        self._show_titles("")
        self.section_list.select(SECTIONS[0].key)
        self.resize(1360, 900)

    def open(self, key: str) -> QWidget:
        """Show a section; answers its page. Unknown keys raise `KeyError`."""
        section = {each.key: each for each in SECTIONS}[key]
        if key not in self._pages:
            self._pages[key] = _page_of(section)
            self._areas[key] = _scrolling(self._pages[key])
            self._stack.addWidget(self._areas[key])
            self._fit_pages()
        self._stack.setCurrentWidget(self._areas[key])
        self.section_list.select(key)
        return self._pages[key]

    def _build(self, look: str) -> None:
        side = QWidget()
        side.setProperty("surface", "base")
        side.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        side.setFixedWidth(_SIDE)
        search = SearchInput("Find a widget…", width=_SIDE - 2 * Space.M)
        search.searched.connect(self._show_titles)
        search.listen_for_shortcut(self)
        rows = QVBoxLayout(side)
        rows.setContentsMargins(Space.M, Space.L, Space.M, Space.M)
        rows.setSpacing(Space.M)
        rows.addWidget(Label("Gallery", style=Type.SECTION))
        rows.addWidget(search)
        rows.addWidget(self.section_list, 1)
        main = QVBoxLayout()
        main.setContentsMargins(0, 0, 0, 0)
        main.setSpacing(0)
        main.addWidget(self._build_bar(look))
        main.addWidget(Divider())
        main.addWidget(self._stack, 1)
        whole = QWidget()
        line = QHBoxLayout(whole)
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(0)
        line.addWidget(side)
        line.addLayout(main, 1)
        self.setCentralWidget(whole)

    def _build_bar(self, look: str) -> QWidget:
        looks = Segmented(tuple(Segment(key=key, title=title) for key, title in _LOOKS), name="Theme")
        looks.set_current(look)
        looks.changed.connect(_apply)
        still = Switch("Reduced motion", is_on=theme.is_motion_reduced())
        still.toggled.connect(theme.set_motion_reduced)
        mirrored = Switch("Right to left")
        mirrored.toggled.connect(self._on_mirrored)
        self._width.control.setAccessibleName("Width")
        self._width.changed.connect(lambda _width: self._fit_pages())
        bar = QWidget()
        row = QHBoxLayout(bar)
        row.setContentsMargins(Space.XL, Space.M, Space.XL, Space.M)
        row.setSpacing(Space.L)
        row.addWidget(looks)
        row.addStretch()
        for widget in (still, mirrored, self._width):
            row.addWidget(widget)
        return bar

    def _show_titles(self, words: str) -> None:
        """List the sections whose title or hint has these words."""
        wanted = words.casefold()
        self.section_list.set_items(
            tuple(
                ListItem(key=section.key, title=section.title, icon_name=section.icon_name)
                for section in SECTIONS
                if wanted in f"{section.title} {section.hint} {section.key}".casefold()
            )
        )

    def _fit_pages(self) -> None:
        width = int(self._width.value() or 0)
        for page in self._pages.values():
            page.setMinimumWidth(width)
            page.setMaximumWidth(width or _WIDEST)

    def _on_selected(self, key: str) -> None:
        if key:
            self.open(key)

    def _on_mirrored(self, is_mirrored: bool) -> None:
        direction = Qt.LayoutDirection.RightToLeft if is_mirrored else Qt.LayoutDirection.LeftToRight
        self._stack.setLayoutDirection(direction)


def _apply(look: str) -> None:
    app = QApplication.instance()
    if isinstance(app, QApplication):
        theme.apply_theme(app, look)


def _page_of(section: Section) -> QWidget:
    page = QWidget()
    lines = QVBoxLayout(page)
    lines.setContentsMargins(Space.XL, Space.XL, Space.XL, Space.XXL)
    lines.setSpacing(Space.XL)
    head = QVBoxLayout()
    head.setSpacing(Space.XS)
    head.addWidget(Label(section.title, style=Type.TITLE))
    if section.hint:
        head.addWidget(Label(section.hint, tone="secondary"))
    lines.addLayout(head)
    lines.addWidget(section.build())
    lines.addStretch(1)
    return page


def _scrolling(page: QWidget) -> QScrollArea:
    area = QScrollArea()
    area.setWidgetResizable(True)
    area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    area.setWidget(page)
    return area


def run(arguments: list[str]) -> int:
    """Show the gallery until it is closed; ``arguments`` may begin with a theme. Answers the exit code."""
    look = arguments[0] if arguments else theme.SYSTEM
    if look not in (*theme.THEME_NAMES, theme.SYSTEM):
        names = ", ".join((*theme.THEME_NAMES, theme.SYSTEM))
        sys.stderr.write(f"There is no theme named {look}. Choose one of: {names}.\n")
        return 2
    if problem := display_problem():
        sys.stderr.write(f"{problem}\n")
        return 2
    app = QApplication(sys.argv[:1])
    app.setApplicationName(NAME)
    theme.apply_theme(app, look)
    app.setWindowIcon(app_icon())
    window = GalleryWindow(look)
    window.setMinimumSize(QSize(720, 480))
    window.show()
    return app.exec()
