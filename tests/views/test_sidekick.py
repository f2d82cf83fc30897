"""The inspector by real keys and mouse: its history, pin, float, width, and subjects that are gone."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from PySide6.QtCore import QPoint, QSize, Qt
from PySide6.QtGui import QContextMenuEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel, QMenu, QWidget

from machina_desktop.core.domain.deployment import Deployment
from machina_desktop.core.domain.key import SSHKey
from machina_desktop.core.domain.machine import Machine
from machina_desktop.core.domain.provider import ProviderAccount
from machina_desktop.views.apps.deployment_detail import DeploymentDetail
from machina_desktop.views.apps.machines import MachinesPage
from machina_desktop.views.sidekick import Sidekick
from machina_desktop.views.sidekick_bar import LONG_PRESS_MS, HistoryButton
from tests.fakes.gateway import turn, until
from tests.fakes.rows import log_lines
from tests.fakes.shell import Open, Opened, filled

_ALT = Qt.KeyboardModifier.AltModifier


async def _visited(made: Opened, count: int = 4) -> Sidekick:
    """The inspector after so many machines, the last one shown."""
    dock = made.window.inspectors.docks()[0]
    for index in range(count):
        made.window.inspect("machine", made.machine(index).machine_id)
        await until(lambda index=index: dock._bar.title.text() == made.machine(index).name)
    made.window.activateWindow()
    return dock


def _shown(dock: Sidekick) -> str:
    assert dock.subject is not None
    return dock.subject.key


def _press_right(button: HistoryButton) -> QMenu:
    QTest.mousePress(button, Qt.MouseButton.RightButton)
    place = QPoint(5, 5)
    asked = QContextMenuEvent(QContextMenuEvent.Reason.Mouse, place, button.mapToGlobal(place))
    QApplication.sendEvent(button, asked)
    return _menu()


def _menu() -> QMenu:
    found = QApplication.activePopupWidget()
    assert isinstance(found, QMenu)
    return found


class TestHistory:
    async def test_alt_and_the_arrows_go_back_and_forward(self, open_window: Open) -> None:
        made = await filled(open_window())
        dock = await _visited(made)
        dock.take_focus()
        await turn(30)
        QTest.keyClick(QApplication.focusWidget(), Qt.Key.Key_Left, _ALT)
        await turn(30)
        QTest.keyClick(QApplication.focusWidget(), Qt.Key.Key_Left, _ALT)
        assert _shown(dock) == made.machine(1).machine_id
        await turn(30)
        QTest.keyClick(QApplication.focusWidget(), Qt.Key.Key_Right, _ALT)
        assert _shown(dock) == made.machine(2).machine_id

    async def test_the_buttons_go_one_step_and_stop_at_the_end(self, open_window: Open) -> None:
        made = await filled(open_window())
        dock = await _visited(made, 2)
        QTest.mouseClick(dock._bar.back, Qt.MouseButton.LeftButton)
        assert _shown(dock) == made.machine(0).machine_id
        assert not dock._bar.back.isEnabled()
        QTest.mouseClick(dock._bar.forward, Qt.MouseButton.LeftButton)
        assert _shown(dock) == made.machine(1).machine_id

    async def test_a_right_press_lists_where_it_was_by_name(self, open_window: Open) -> None:
        made = await filled(open_window())
        dock = await _visited(made)
        menu = _press_right(dock._bar.back)
        assert [action.text() for action in menu.actions()] == [made.machine(index).name for index in (2, 1, 0)]
        last = menu.actions()[-1]
        QTest.mouseClick(menu, Qt.MouseButton.LeftButton, pos=menu.actionGeometry(last).center())
        assert _shown(dock) == made.machine(0).machine_id
        ahead = _press_right(dock._bar.forward)
        assert [action.text() for action in ahead.actions()] == [made.machine(index).name for index in (1, 2, 3)]
        ahead.close()

    async def test_a_long_press_lists_and_does_not_step(self, open_window: Open) -> None:
        made = await filled(open_window())
        dock = await _visited(made)
        QTest.mousePress(dock._bar.back, Qt.MouseButton.LeftButton)
        await until(QApplication.activePopupWidget, deadline_s=LONG_PRESS_MS / 1000 + 60)
        QTest.mouseRelease(dock._bar.back, Qt.MouseButton.LeftButton)
        assert _shown(dock) == made.machine(3).machine_id
        _menu().close()

    @pytest.mark.parametrize("over", ["title", "content"])
    async def test_the_mouses_own_buttons_go_back_and_forward(self, open_window: Open, over: str) -> None:
        made = await filled(open_window())
        dock = await _visited(made)

        def place() -> QWidget:
            assert dock.detail is not None
            return dock._bar if over == "title" else dock.detail

        QTest.mouseClick(place(), Qt.MouseButton.BackButton)
        assert _shown(dock) == made.machine(2).machine_id
        await turn()
        QTest.mouseClick(place(), Qt.MouseButton.ForwardButton)
        assert _shown(dock) == made.machine(3).machine_id

    async def test_lists_and_texts_inside_let_the_mouses_buttons_through(self, open_window: Open) -> None:
        made = await filled(open_window())
        dock = await _visited(made, 1)
        run = made.gateway.all(Deployment)[0]
        made.window.inspect("deployment", run.deployment_id)
        detail = dock.detail
        assert isinstance(detail, DeploymentDetail)
        await until(detail.parts.isVisible)
        detail.show_part("log")
        QTest.mouseClick(detail.log.canvas.viewport(), Qt.MouseButton.BackButton)
        assert _shown(dock) == made.machine(0).machine_id


class TestPanel:
    async def test_a_pinned_panel_keeps_its_subject_and_its_place_in_the_history(self, open_window: Open) -> None:
        made = await filled(open_window())
        dock = await _visited(made, 2)
        QTest.mouseClick(dock._bar.pin, Qt.MouseButton.LeftButton)
        QTest.mouseClick(dock, Qt.MouseButton.BackButton)
        made.window.inspect("machine", made.machine(5).machine_id)
        assert _shown(dock) == made.machine(1).machine_id
        assert made.window.inspectors.docks()[1].isVisible()
        QTest.mouseClick(dock._bar.pin, Qt.MouseButton.LeftButton)
        assert not dock.isVisible()

    async def test_taken_out_and_put_back_it_stands_beside_the_page_again(self, open_window: Open) -> None:
        made = await filled(open_window())
        made.window.resize(1400, 800)
        dock = await _visited(made, 1)
        await turn(30)
        before = dock.geometry()
        QTest.mouseClick(dock._bar.float, Qt.MouseButton.LeftButton)
        await until(dock.isFloating)
        dock.setGeometry(40, 50, 700, 500)
        await turn(30)
        QTest.mouseClick(dock._bar.float, Qt.MouseButton.LeftButton)
        await until(lambda: not dock.isFloating())
        await turn(30)
        assert dock.geometry() == before

    async def test_its_width_is_remembered_though_it_was_closed(self, open_window: Open) -> None:
        first = await filled(open_window())
        first.window.resize(1400, 800)
        dock = await _visited(first, 1)
        first.window.area.resizeDocks([dock], [470], Qt.Orientation.Horizontal)
        await until(lambda: abs(dock.width() - 470) <= 2)
        width = dock.width()
        dock.dismiss()
        first.window.close_for_good()
        second = await filled(open_window())
        second.window.resize(1400, 800)
        again = await _visited(second, 1)
        await until(lambda: again.width() == width)

    async def test_a_floating_one_floats_at_the_next_start(self, open_window: Open) -> None:
        first = await filled(open_window())
        dock = await _visited(first, 1)
        QTest.mouseClick(dock._bar.float, Qt.MouseButton.LeftButton)
        await until(dock.isFloating)
        dock.resize(520, 430)
        await turn()
        first.window.close_for_good()
        second = await filled(open_window())
        again = second.window.inspectors.docks()[0]
        assert not again.isVisible()
        again = await _visited(second, 1)
        assert again.isFloating()
        assert again.isVisible()
        assert again.size() == QSize(520, 430)

    async def test_a_floating_one_comes_back_from_a_screen_that_is_gone(self, open_window: Open) -> None:
        made = await filled(open_window())
        dock = await _visited(made, 1)
        dock.setFloating(True)
        dock.move(9000, 9000)
        dock.dismiss()
        made.window.inspect("machine", made.machine(1).machine_id)
        await turn()
        assert made.window.screen().availableGeometry().intersects(dock.frameGeometry())

    async def test_a_wide_one_shows_plan_and_log_side_by_side(self, open_window: Open) -> None:
        made = await filled(open_window())
        run = made.desk.runs.waiting[0]
        made.gateway.append_log(run.deployment_id, *log_lines(20))
        made.window.inspect("deployment", run.deployment_id)
        dock = made.window.inspectors.docks()[0]
        detail = dock.detail
        assert isinstance(detail, DeploymentDetail)
        await until(detail.plan.isVisible)
        assert not detail.log.isVisible()
        QTest.mouseClick(dock._bar.float, Qt.MouseButton.LeftButton)
        dock.resize(960, 600)
        await until(detail.log.isVisible)
        assert detail.plan.isVisible()
        assert detail.parts.is_wide()
        left, right = (QWidget.mapTo(each, detail, QPoint(0, 0)).x() for each in (detail.plan, detail.log))
        assert left + detail.plan.width() <= right
        dock.resize(500, 600)
        await until(lambda: not detail.log.isVisible())
        assert detail.plan.isVisible()

    async def test_copying_is_confirmed_for_a_moment(self, open_window: Open) -> None:
        made = await filled(open_window())
        dock = await _visited(made, 1)
        QTest.mouseClick(dock._bar.copy, Qt.MouseButton.LeftButton)
        assert QApplication.clipboard().text() == made.machine(0).machine_id
        assert dock._bar.copy.accessibleName() == "Copied"
        await until(lambda: dock._bar.copy.accessibleName() == "Copy id")


class TestSubjects:
    @pytest.mark.parametrize(
        ("entity", "shape", "key"),
        [
            ("machine", Machine, lambda row: row.machine_id),
            ("deployment", Deployment, lambda row: row.deployment_id),
            ("provider_account", ProviderAccount, lambda row: row.provider_account_id),
            ("ssh_key", SSHKey, lambda row: row.ssh_key_id),
        ],
    )
    async def test_one_that_was_deleted_elsewhere_says_so(
        self, open_window: Open, entity: str, shape: type[object], key: Callable[[object], str]
    ) -> None:
        made = await filled(open_window())
        row = made.gateway.all(shape)[0]
        made.window.inspect(entity, key(row))
        dock = made.window.inspectors.docks()[0]
        await until(lambda: dock.detail is not None and dock._bar.title.text())
        made.gateway.remove(shape, key(row))
        await until(lambda: "No longer here" in {each.text() for each in dock.findChildren(QLabel) if each.isVisible()})
        assert made.toasts() == []

    async def test_space_peeks_from_a_list_and_the_list_keeps_the_keyboard(self, open_window: Open) -> None:
        made = await filled(open_window())
        made.window.activateWindow()
        page = made.window.pages.page()
        assert isinstance(page, MachinesPage)
        await until(page.machines_shown)
        view = next(
            each for each in page.findChildren(QWidget) if each.accessibleName() == "Machines" and each.isVisible()
        )
        view.setFocus()
        QTest.keyClick(view, Qt.Key.Key_Down)
        QTest.keyClick(view, Qt.Key.Key_Space)
        dock = made.window.inspectors.docks()[0]
        await until(dock.isVisible)
        assert view.hasFocus()
        QTest.keyClick(view, Qt.Key.Key_Escape)
        await until(lambda: not dock.isVisible())
