"""Toasts: a flood, errors that stay, mouse and keyboard on them, and the list of what was told lately."""

from __future__ import annotations

import gc
import weakref

import pytest
from PySide6.QtCore import QEvent, QPoint, Qt
from PySide6.QtGui import QAccessible
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel, QPushButton, QWidget

from machina_desktop.views import theme, toast
from machina_desktop.views.notice_list import NoticeList
from machina_desktop.views.notices import KEPT, Notices
from machina_desktop.views.toast import Notice, Toast
from machina_desktop.views.widgets.buttons import IconButton
from tests.fakes.gateway import turn, until
from tests.fakes.shell import Open, Opened, filled


class Page(QWidget):
    """A window with toasts and something to press."""

    def __init__(self) -> None:
        super().__init__()
        self.resize(1200, 800)
        self.button = QPushButton("elsewhere", self)
        self.notices = Notices(self, over=self)
        self.show()
        self.activateWindow()


@pytest.fixture
def page(qapp: QApplication) -> Page:
    theme.apply_theme(qapp, "dark")
    return Page()


def _settle() -> None:
    QApplication.processEvents()
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    QApplication.processEvents()


def _open_list() -> NoticeList:
    found = QApplication.activePopupWidget()
    assert isinstance(found, NoticeList)
    return found


class TestFlood:
    async def test_a_thousand_show_as_three_and_a_line_that_leads_to_the_list(self, open_window: Open) -> None:
        made = await filled(open_window())
        for number in range(1000):
            made.window.notify(f"Result {number}")
        await turn()
        assert made.toasts() == ["Result 0", "Result 1", "Result 2"]
        line = made.window.notices.more()
        assert line is not None
        assert line.show_all.text() == "+997 more"
        QTest.mouseClick(line.show_all, Qt.MouseButton.LeftButton)
        await turn()
        opened = _open_list()
        assert opened.view.model().rowCount() == KEPT == 200
        assert "Result 999" in opened.view.model().index(0, 0).data()
        assert made.toasts() == []
        assert line.isHidden()
        opened.close()

    def test_nothing_of_a_thousand_is_left_when_they_are_dismissed(self, page: Page) -> None:
        for number in range(1000):
            page.notices.tell(Notice(text=f"Result {number}", kind="error", on_action=lambda: None, action="Show"))
        _settle()
        watched = [weakref.ref(each) for each in page.notices.shown()]
        page.notices.dismiss_all()
        page.notices.forget_told()
        _settle()
        gc.collect()
        assert page.findChildren(Toast) == []
        assert [each() for each in watched] == [None] * 3
        assert page.notices.waiting() == 0

    def test_they_cover_neither_each_other_nor_the_line(self, page: Page) -> None:
        for number in range(50):
            page.notices.tell(Notice(text=f"Result {number} " * 30, detail="Try again. " * 40, kind="error"))
        theme.set_motion_reduced(True)
        page.notices._place()
        theme.set_motion_reduced(False)
        _settle()
        line = page.notices.more()
        assert line is not None
        cards = [each.geometry() for each in (*page.notices.shown(), line)]
        assert all(page.rect().contains(each) for each in cards)
        assert not any(one.intersects(other) for one in cards for other in cards if one is not other)

    def test_an_error_is_shown_even_when_there_is_no_room(self, page: Page) -> None:
        for number in range(5):
            page.notices.tell(Notice(text=f"Result {number}"))
        page.notices.tell(Notice(text="It broke.", kind="error"))
        assert "It broke." in [each.notice.text for each in page.notices.shown()]
        assert page.notices.waiting() == 3

    def test_errors_that_wait_follow_errors_that_are_dismissed(self, page: Page) -> None:
        for number in range(5):
            page.notices.tell(Notice(text=f"Fault {number}", kind="error"))
        page.notices.shown()[0].dismiss()
        assert [each.notice.text for each in page.notices.shown()] == ["Fault 1", "Fault 2", "Fault 3"]
        assert page.notices.waiting() == 1

    def test_a_thousand_cost_no_more_each_than_ten(self, page: Page) -> None:
        for number in range(10_000):
            page.notices.record(Notice(text=f"Result {number}"))
        assert len(page.notices.told()) == KEPT
        assert page.notices.unread() == KEPT


class TestTelling:
    async def test_equal_ones_are_counted(self, open_window: Open) -> None:
        made = await filled(open_window())
        for _ in range(1000):
            made.window.notify("The key is copied.")
        assert [toast.notice.count for toast in made.window.notices.shown()] == [1000]

    async def test_a_later_one_about_the_same_thing_takes_the_place_of_the_earlier(self, open_window: Open) -> None:
        made = await filled(open_window())
        made.window.notify("web-1 is asked to reboot.", about="run")
        made.window.notify("web-1 has rebooted.", about="run")
        assert made.toasts() == ["web-1 has rebooted."]

    async def test_a_low_window_shows_fewer(self, open_window: Open) -> None:
        made = await filled(open_window())
        made.window.resize(1024, 600)
        await turn()
        for number in range(5):
            made.window.notify(f"Result {number}")
        assert len(made.window.notices.shown()) == 2

    async def test_an_action_runs_once_and_closes_the_toast(self, open_window: Open) -> None:
        made = await filled(open_window())
        done: list[bool] = []
        made.window.notify("Removed.", action="Undo", on_action=lambda: done.append(True))
        toast = made.window.notices.shown()[0]
        next(each for each in toast.findChildren(QPushButton) if each.text() == "Undo").click()
        assert done == [True]
        assert made.window.notices.shown() == ()


class TestStaying:
    async def test_a_result_leaves_by_itself_and_an_error_stays(
        self, page: Page, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(toast, "SHOWN_MS", 1)
        page.notices.tell(Notice(text="Done.", kind="success"))
        page.notices.tell(Notice(text="It broke.", kind="error"))
        await until(lambda: len(page.notices.shown()) == 1)
        assert page.notices.shown()[0].notice.text == "It broke."

    def test_the_mouse_resting_on_it_keeps_it(self, page: Page) -> None:
        QTest.mouseMove(page.windowHandle(), QPoint(5, 5))
        page.notices.tell(Notice(text="Done."))
        _settle()
        shown = page.notices.shown()[0]
        assert shown.is_leaving()
        QTest.mouseMove(page.windowHandle(), shown.geometry().center())
        _settle()
        assert not shown.is_leaving()
        page.notices.tell(Notice(text="Done."))
        assert not shown.is_leaving()
        QTest.mouseMove(page.windowHandle(), QPoint(5, 5))
        _settle()
        assert shown.is_leaving()

    def test_the_keyboard_in_it_keeps_it_and_escape_dismisses_it(self, page: Page) -> None:
        page.notices.tell(Notice(text="Removed.", action="Undo", on_action=lambda: None))
        page.notices.tell(Notice(text="Removed, too."))
        first, second = page.notices.shown()
        first.setFocus(Qt.FocusReason.TabFocusReason)
        assert not first.is_leaving()
        undo = next(each for each in first.findChildren(QPushButton) if each.text() == "Undo")
        undo.setFocus(Qt.FocusReason.TabFocusReason)
        assert not first.is_leaving()
        page.button.setFocus()
        assert first.is_leaving()
        undo.setFocus()
        QTest.keyClick(undo, Qt.Key.Key_Escape)
        assert page.notices.shown() == (second,)
        assert second.hasFocus()
        QTest.keyClick(second, Qt.Key.Key_Escape)
        assert page.notices.shown() == ()
        assert page.hasFocus() or page.button.hasFocus() or QApplication.focusWidget() in (None, page)

    def test_enter_on_it_does_what_it_offers(self, page: Page) -> None:
        done: list[bool] = []
        page.notices.tell(Notice(text="Removed.", action="Undo", on_action=lambda: done.append(True)))
        shown = page.notices.shown()[0]
        shown.setFocus()
        QTest.keyClick(shown, Qt.Key.Key_Return)
        assert done == [True]
        assert page.notices.shown() == ()

    def test_a_very_long_text_ends_in_an_ellipsis_and_is_told_whole_on_the_mouse(self, page: Page) -> None:
        text = "word " * 800
        page.notices.tell(Notice(text=text, kind="error"))
        shown = page.notices.shown()[0]
        assert shown.height() < 260
        assert any(label.text().endswith("…") for label in shown.findChildren(QLabel))
        assert shown.toolTip().startswith(text.strip()[:100])
        assert shown.accessibleName() == text

    def test_screen_readers_are_told_of_it(self, page: Page) -> None:
        was_active = QAccessible.isActive()
        QAccessible.setActive(True)
        try:
            page.notices.tell(Notice(text="It broke.", detail="Try again.", kind="error"))
            page.notices.tell(Notice(text="Done."))
        finally:
            QAccessible.setActive(was_active)
        assert len(page.notices.shown()) == 2


class TestList:
    async def _told(self, made: Opened) -> None:
        done: list[str] = []
        self.done = done
        made.window.notify("The first.")
        made.window.notify("It broke.", kind="error")
        made.window.notices.tell(Notice(text="It broke.", kind="error"))
        made.window.notify("web-1 is running.", action="Show", on_action=lambda: done.append("shown"))
        await turn()

    async def test_the_bell_counts_what_is_new_until_it_is_looked_at(self, open_window: Open) -> None:
        made = await filled(open_window())
        await self._told(made)
        bell = made.window.status.bell
        assert (bell.text(), bell.accessibleName()) == ("3", "Notices, 3 new")
        QTest.mouseClick(bell, Qt.MouseButton.LeftButton)
        await turn()
        assert bell.text() == ""
        assert bell.accessibleName() == "Notices"
        _open_list().close()

    async def test_it_is_newest_first_and_counts_what_was_told_again(self, open_window: Open) -> None:
        made = await filled(open_window())
        await self._told(made)
        made.window.commands.run("notices.list")
        await turn()
        model = _open_list().view.model()
        texts = [model.index(row, 0).data() for row in range(model.rowCount())]
        assert [text.split("  ", 1)[1] for text in texts] == [
            "info  web-1 is running.",
            "error  It broke. (×2)",
            "info  The first.",
        ]
        _open_list().close()

    async def test_enter_acts_on_a_notice_whose_toast_has_gone(self, open_window: Open) -> None:
        made = await filled(open_window())
        await self._told(made)
        made.window.notices.dismiss_all()
        made.desk.open_notices()
        await turn()
        view = _open_list().view
        assert view.hasFocus()
        QTest.keyClick(view, Qt.Key.Key_Return)
        await turn()
        assert self.done == ["shown"]
        assert QApplication.activePopupWidget() is None

    async def test_the_one_chosen_is_copied_else_all(self, open_window: Open) -> None:
        made = await filled(open_window())
        await self._told(made)
        made.desk.open_notices()
        await turn()
        opened = _open_list()
        opened.view.clearSelection()
        copy = opened.findChild(IconButton, "notices.copy")
        assert isinstance(copy, IconButton)
        QTest.mouseClick(copy, Qt.MouseButton.LeftButton)
        assert len(QApplication.clipboard().text().splitlines()) == 3
        QTest.keyClick(opened.view, Qt.Key.Key_Down)
        QTest.keyClick(opened.view, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
        await until(lambda: len(QApplication.clipboard().text().splitlines()) == 1)
        opened.close()

    async def test_cleared_it_is_empty(self, open_window: Open) -> None:
        made = await filled(open_window())
        await self._told(made)
        made.desk.open_notices()
        await turn()
        clear = _open_list().findChild(IconButton, "notices.clear")
        assert isinstance(clear, IconButton)
        QTest.mouseClick(clear, Qt.MouseButton.LeftButton)
        await turn()
        assert made.window.notices.told() == ()
        made.desk.open_notices()
        await turn()
        assert any(label.text() == "Nothing was told yet" for label in _open_list().findChildren(QLabel))
        _open_list().close()

    async def test_what_was_told_while_nobody_looked_is_in_it(self, open_window: Open) -> None:
        made = await filled(open_window())
        made.window.notices.record(Notice(text="web-2 was not created.", kind="error"))
        assert made.toasts() == []
        assert made.window.notices.has_unread_error()
        assert made.window.status.bell.text() == "1"
