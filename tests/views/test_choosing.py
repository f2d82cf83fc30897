"""Lists, menus, tabs, switches, tooltips and key caps, as hands and keys use them."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QHelpEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from machina_desktop.views import theme
from machina_desktop.views.icons import PROVIDER_ICONS
from machina_desktop.views.widgets.buttons import Button, IconButton
from machina_desktop.views.widgets.key_caps import Keys, key_caps, keys_width
from machina_desktop.views.widgets.list_view import List, ListItem
from machina_desktop.views.widgets.menus import Dropdown, Menu
from machina_desktop.views.widgets.provider_icon import ProviderIcon
from machina_desktop.views.widgets.tabs import Tab, TabBar, Tabs
from machina_desktop.views.widgets.toggles import Switch
from machina_desktop.views.widgets.tooltip import WIDEST, Tooltip, hide_tooltip, parts_of, show_tooltip, shown_tooltip

LEFT = Qt.MouseButton.LeftButton


def shown(widget: QWidget, qtbot: QtBot) -> None:
    """Put ``widget`` on the screen, active."""
    qtbot.addWidget(widget)
    widget.show()
    qtbot.waitExposed(widget)
    widget.activateWindow()


class TestKeys:
    @pytest.mark.parametrize(
        ("keys", "caps"),
        [
            ("Ctrl+K", (("Ctrl", "K"),)),
            ("Ctrl++", (("Ctrl", "+"),)),
            ("G, M", (("G",), ("M",))),
            ("Return", (("↵",),)),
            ("", ()),
        ],
    )
    def test_each_key_is_one_cap(self, keys: str, caps: tuple[tuple[str, ...], ...]) -> None:
        assert key_caps(keys) == caps

    def test_nothing_takes_no_room(self, qtbot: QtBot) -> None:
        keys = Keys()
        qtbot.addWidget(keys)
        assert keys_width("") == keys.sizeHint().width() == 0
        keys.set_keys("Ctrl+K")
        assert keys.accessibleName() == "Ctrl+K"


class TestTabs:
    @pytest.fixture
    def tabs(self, qtbot: QtBot) -> Tabs:
        made = Tabs(name="Settings")
        for key in ("profile", "account", "settings"):
            made.add_page(key, key.title(), QWidget())
        made.resize(600, 300)
        shown(made, qtbot)
        return made

    def test_the_first_page_shows_at_first(self, tabs: Tabs) -> None:
        assert tabs.current() == "profile"
        assert tabs.page("profile").isVisible()

    def test_the_keyboard_chooses(self, tabs: Tabs, qtbot: QtBot) -> None:
        told: list[str] = []
        tabs.changed.connect(told.append)
        tabs.bar.setFocus()
        qtbot.waitUntil(tabs.bar.hasFocus)
        for key in (Qt.Key.Key_Right, Qt.Key.Key_End, Qt.Key.Key_Left, Qt.Key.Key_Home):
            QTest.keyClick(tabs.bar, key)
        assert told == ["account", "settings", "account", "profile"]
        assert tabs.page("profile").isVisible()

    def test_a_count_makes_room_for_itself_and_is_read_aloud(self, tabs: Tabs) -> None:
        before = tabs.bar.tabRect(1).width()
        tabs.set_count("account", 1284)
        assert tabs.bar.tabRect(1).width() > before
        assert tabs.bar.tabText(1) == f"Account {tabs.bar.locale().toString(1284)}"

    def test_an_unknown_key_chooses_nothing(self, tabs: Tabs) -> None:
        tabs.set_current("gone")
        assert tabs.current() == "profile"

    def test_a_long_title_is_told_in_full(self, qtbot: QtBot) -> None:
        bar = TabBar((Tab(key="a", title="a very long title " * 8),), name="Tabs")
        qtbot.addWidget(bar)
        assert bar.tabToolTip(0) == "a very long title " * 8
        assert bar.tabRect(0).width() < 300


class TestList:
    ITEMS = tuple(ListItem(key=key, title=key, is_enabled=key != "b") for key in "abc")

    @pytest.fixture
    def rows(self, qtbot: QtBot) -> List:
        made = List(self.ITEMS, name="Letters")
        shown(made, qtbot)
        return made

    def test_arrows_choose_and_pass_over_what_is_disabled(self, rows: List) -> None:
        rows.select("a")
        QTest.keyClick(rows, Qt.Key.Key_Down)
        assert rows.current() == "c"

    def test_enter_activates(self, rows: List, qtbot: QtBot) -> None:
        rows.select("c")
        with qtbot.waitSignal(rows.activated_key) as told:
            QTest.keyClick(rows, Qt.Key.Key_Return)
        assert told.args == ["c"]

    def test_the_chosen_row_stays_when_others_come(self, rows: List) -> None:
        rows.select("c")
        rows.set_items((ListItem(key="x", title="x"), *self.ITEMS))
        assert rows.current() == "c"

    def test_a_changed_row_is_not_told_as_a_new_list(self, rows: List, qtbot: QtBot) -> None:
        rows.select("c")
        with qtbot.assertNotEmitted(rows.model().modelReset):
            rows.set_items((*self.ITEMS[:2], ListItem(key="c", title="changed")))
        assert rows.items()[2].title == "changed"

    def test_coming_by_tab_shows_where_the_keyboard_stands(self, rows: List, qtbot: QtBot) -> None:
        rows.clearFocus()
        rows.setFocus(Qt.FocusReason.TabFocusReason)
        qtbot.waitUntil(rows.hasFocus)
        assert rows.current() == "a"
        assert rows.shows_ring


class TestMenus:
    @pytest.fixture
    def dropdown(self, qtbot: QtBot) -> Dropdown:
        made = Dropdown("Actions")
        self.done: list[str] = []
        made.items.add_heading("web-1")
        made.items.add_item("Copy", lambda: self.done.append("copy"), icon_name="copy", keys="Ctrl+C")
        made.items.add_item("Start", lambda: self.done.append("start"), is_enabled=False)
        made.items.addSeparator()
        made.items.add_item("Destroy", lambda: self.done.append("destroy"), is_danger=True)
        shown(made, qtbot)
        return made

    def test_the_down_arrow_opens_it_on_its_first_choice(self, dropdown: Dropdown, qtbot: QtBot) -> None:
        QTest.keyClick(dropdown, Qt.Key.Key_Down)
        qtbot.waitUntil(dropdown.items.isVisible)
        chosen = dropdown.items.activeAction()
        assert chosen is not None
        assert chosen.text() == "Copy"
        QTest.keyClick(dropdown.items, Qt.Key.Key_Return)
        assert self.done == ["copy"]
        assert not dropdown.isDown()

    def test_a_click_opens_it_with_nothing_chosen(self, dropdown: Dropdown, qtbot: QtBot) -> None:
        QTest.mousePress(dropdown, LEFT)
        qtbot.waitUntil(dropdown.items.isVisible)
        assert dropdown.items.activeAction() is None
        dropdown.items.close()

    def test_escape_does_nothing_but_close(self, dropdown: Dropdown, qtbot: QtBot) -> None:
        dropdown.open()
        qtbot.waitUntil(dropdown.items.isVisible)
        QTest.keyClick(dropdown.items, Qt.Key.Key_Escape)
        assert not dropdown.items.isVisible()
        assert self.done == []

    def test_what_destroys_is_painted_in_another_ink(self, dropdown: Dropdown) -> None:
        dropdown.items.aboutToShow.emit()
        dropdown.items.resize(dropdown.items.sizeHint())
        image = dropdown.items.grab().toImage()
        row = dropdown.items.actionGeometry(dropdown.items.actions()[-1])
        wanted = theme.color("accent-error").name()
        inks = {
            image.pixelColor(x, y).name()
            for x in range(row.left(), row.right())
            for y in range(row.top(), row.bottom())
        }
        assert wanted in inks

    def test_a_shortcut_is_told_and_not_installed(self, dropdown: Dropdown) -> None:
        assert dropdown.items.actions()[1].shortcut().isEmpty()

    def test_key_caps_never_lie_over_the_words(self, qtbot: QtBot) -> None:
        menu, words = Menu("Things"), "A rather long description of what is done"
        qtbot.addWidget(menu)
        menu.add_item(words, lambda: None, keys="Ctrl+Shift+Alt+K", icon_name="copy")
        menu.aboutToShow.emit()
        room = menu.minimumWidth() - keys_width("Ctrl+Shift+Alt+K")
        assert room > menu.fontMetrics().horizontalAdvance(words) / 2

    def test_who_types_a_name_gets_to_it(self, qtbot: QtBot) -> None:
        menu, chosen = Menu("Machines"), []
        qtbot.addWidget(menu)
        for name in ("db-1", "web-1", "web-2", "the web"):
            menu.add_item(name, lambda name=name: chosen.append(name), detail="production")
        menu.popup(QPoint(0, 0))
        for keys, reached in (("web-2", "web-2"), ("d", "db-1"), ("zz", "db-1"), ("the w", "the web")):
            QTest.keyClicks(menu, keys)
            assert menu.activeAction().text() == reached
        QTest.keyClick(menu, Qt.Key.Key_Return)
        assert chosen == ["the web"]

    def test_a_menu_with_marked_letters_goes_by_them(self, qtbot: QtBot) -> None:
        menu, chosen = Menu(), []
        qtbot.addWidget(menu)
        menu.add_item("Undo all", lambda: chosen.append("all"))
        # As Qt's own menu of a field has them.
        menu.addAction("&Undo", lambda: chosen.append("undo"))
        menu.popup(QPoint(0, 0))
        QTest.keyClicks(menu, "u")
        assert chosen == ["undo"]


class TestSwitch:
    def test_space_turns_it(self, qtbot: QtBot) -> None:
        switch = Switch("Follow")
        shown(switch, qtbot)
        with qtbot.waitSignal(switch.toggled) as told:
            QTest.keyClick(switch, Qt.Key.Key_Space)
        assert told.args == [True]

    def test_on_and_off_differ_in_shape(self, qtbot: QtBot) -> None:
        theme.set_motion_reduced(True)
        off, on = Switch(), Switch(is_on=True)
        pictures = []
        for switch in (off, on):
            qtbot.addWidget(switch)
            switch.resize(switch.sizeHint())
            image = switch.grab().toImage()
            middle = image.height() // 2
            pictures.append(image.pixelColor(12, middle) == image.pixelColor(28, middle))
        assert pictures == [False, False]
        off.blockSignals(True)
        off.setChecked(True)
        assert off.grab().toImage() == on.grab().toImage()
        off.setChecked(False)
        assert off.grab().toImage() != on.grab().toImage()


class TestTooltips:
    @pytest.mark.parametrize(
        ("text", "parts"),
        [
            ("Copy  Ctrl+C", ("Copy", "Ctrl+C")),
            ("Copy", ("Copy", "")),
            ("Ctrl+F", ("", "Ctrl+F")),
            ("Your choices are kept.  Esc", ("Your choices are kept.", "Esc")),
            ("Two  blanks within", ("Two  blanks within", "")),
        ],
    )
    def test_the_shortcut_at_the_end_becomes_caps(self, text: str, parts: tuple[str, str]) -> None:
        assert parts_of(text) == parts

    def test_an_icon_button_shows_its_name_and_shortcut(self, qtbot: QtBot) -> None:
        button = IconButton("copy", "Copy", shortcut="Ctrl+C")
        shown(button, qtbot)
        QApplication.sendEvent(
            button, QHelpEvent(QHelpEvent.Type.ToolTip, QPoint(5, 5), button.mapToGlobal(QPoint(5, 5)))
        )
        tooltip = shown_tooltip()
        assert isinstance(tooltip, Tooltip)
        assert (tooltip.words(), tooltip.keys()) == ("Copy", "Ctrl+C")
        QTest.mousePress(button, LEFT)
        assert shown_tooltip() is None or not tooltip.isVisible()

    def test_long_text_wraps(self, qtbot: QtBot) -> None:
        page = QWidget()
        QVBoxLayout(page)
        shown(page, qtbot)
        show_tooltip(page, "x" * 600)
        tooltip = shown_tooltip()
        assert tooltip is not None
        assert tooltip.width() <= WIDEST + 2
        assert tooltip.height() > 60
        hide_tooltip()
        assert shown_tooltip() is None

    def test_it_never_leaves_the_screen(self, qtbot: QtBot) -> None:
        page = QWidget()
        page.setGeometry(600, 700, 190, 90)
        shown(page, qtbot)
        show_tooltip(page, "some words " * 20)
        tooltip = shown_tooltip()
        assert tooltip is not None
        assert page.screen().availableGeometry().contains(tooltip.geometry())
        hide_tooltip()


def test_every_provider_has_a_mark_of_its_own(qtbot: QtBot) -> None:
    marks = {name: ProviderIcon(name) for name in PROVIDER_ICONS}
    pictures = []
    for mark in marks.values():
        qtbot.addWidget(mark)
        image = mark.grab().toImage()
        assert image not in pictures
        pictures.append(image)
    assert ProviderIcon("aws", name="Amazon").accessibleName() == "Amazon"


def test_an_ampersand_of_a_name_is_no_key(qtbot: QtBot) -> None:
    menu = Menu()
    qtbot.addWidget(menu)
    ran: list[str] = []
    menu.add_item("Sales", lambda: ran.append("Sales"))
    menu.add_item("R&D", lambda: ran.append("R&D"))
    menu.popup(QPoint(0, 0))
    QTest.keyClicks(menu, "r&")
    QTest.keyClick(menu, Qt.Key.Key_Return)
    assert ran == ["R&D"]
    button = Button("R&D")
    qtbot.addWidget(button)
    assert button.shortcut().isEmpty()
    button.setText("Q&A")
    assert (button.shortcut().isEmpty(), button.accessibleName()) == (True, "Q&A")
