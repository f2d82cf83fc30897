"""The palette by its keys: what it lists, in which order, what Enter does, and what stays as it was."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio
from PySide6.QtCore import QAbstractListModel, QEvent, QObject, QPoint, Qt
from PySide6.QtGui import QAccessible, QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLineEdit, QWidget

from machina_desktop.core.domain.deployment import Deployment, DeploymentState
from machina_desktop.core.domain.key import SSHKey
from machina_desktop.core.domain.machine import Machine, MachineStatus
from machina_desktop.core.errors import Unavailable
from machina_desktop.core.services import device, machines
from machina_desktop.core.services.keys import ListKeys
from machina_desktop.views import theme
from machina_desktop.views.apps import APPS
from machina_desktop.views.models.live_query import LiveQuery
from tests.fakes.gateway import turn, until
from tests.fakes.rows import machine
from tests.fakes.whole_window import CONTROL, WholeWindow, whole_window

SHIFT = Qt.KeyboardModifier.ShiftModifier
ID = "machine-" + "0" * 26


@pytest_asyncio.fixture
async def made(qapp: QApplication, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[WholeWindow]:
    # What was chosen is remembered in the data folder.
    monkeypatch.setitem(os.environ, "MACHINA_HOME", str(tmp_path))
    async with whole_window(tmp_path) as window:
        yield window


def of_status(made: WholeWindow, status: MachineStatus) -> Machine:
    return next(each for each in made.gateway.all(Machine) if each.actual_status is status)


def captions(made: WholeWindow) -> list[str]:
    return [line.caption for line in made.palette.lines() if line.caption]


def current(made: WholeWindow) -> str:
    return made.palette.lines()[made.palette.list.currentIndex().row()].entry.title


class TestOpening:
    async def test_ctrl_k_opens_it_and_escape_gives_the_keyboard_back(self, made: WholeWindow) -> None:
        search = made.window.findChild(QLineEdit, "machines.search")
        search.setFocus()
        palette = await made.open_palette()
        assert palette.line.hasFocus()
        made.press(Qt.Key.Key_Escape)
        assert palette.isHidden()
        assert search.hasFocus()

    async def test_ctrl_k_closes_it_again(self, made: WholeWindow) -> None:
        palette = await made.open_palette()
        made.press(Qt.Key.Key_K, CONTROL)
        assert palette.isHidden()

    async def test_ctrl_shift_p_lists_actions_only(self, made: WholeWindow) -> None:
        made.press(Qt.Key.Key_P, CONTROL | SHIFT)
        assert made.palette.line.text() == ">"
        assert {line.entry.kind for line in made.palette.lines()} == {"Action"}

    async def test_a_press_beside_the_panel_closes_it(self, made: WholeWindow) -> None:
        palette = await made.open_palette()
        shade = made.window.findChild(QWidget, "palette.shade")
        QTest.mouseClick(shade, Qt.MouseButton.LeftButton, pos=palette.geometry().center())
        assert palette.isVisible()
        QTest.mouseClick(shade, Qt.MouseButton.LeftButton, pos=QPoint(5, 5))
        assert palette.isHidden()
        assert shade.isHidden()

    async def test_no_shortcut_of_the_window_acts_below_it(self, made: WholeWindow) -> None:
        palette = await made.open_palette()
        made.press(Qt.Key.Key_2, CONTROL)
        made.press(Qt.Key.Key_Delete)
        assert palette.isVisible()
        assert made.window.pages.name == "machines"

    async def test_it_stays_over_the_window_when_that_grows(self, made: WholeWindow) -> None:
        palette = await made.open_palette()
        made.window.resize(1500, 900)
        await turn()
        assert made.window.findChild(QWidget, "palette.shade").size() == made.window.size()
        assert abs(palette.geometry().center().x() - made.window.rect().center().x()) <= 1

    async def test_it_says_that_it_still_looks(self, made: WholeWindow) -> None:
        made.press(Qt.Key.Key_K, CONTROL)
        assert made.desk.general.sources.is_loading
        made.write("zzqqx")
        assert made.palette._nothing.accessibleName() == "Still looking…"
        await until(lambda: made.palette._nothing.accessibleName().startswith("Nothing matches"))

    async def test_the_second_opening_asks_nothing_that_has_not_changed(self, made: WholeWindow) -> None:
        await made.open_palette()
        made.press(Qt.Key.Key_Escape)
        asked = len(made.gateway.asked_of(ListKeys))
        palette = await made.open_palette()
        made.write("web-1")
        assert "web-1" in made.titles()
        assert len(made.gateway.asked_of(ListKeys)) == asked
        assert palette.isVisible()

    async def test_while_it_is_closed_changes_are_only_remembered(self, made: WholeWindow) -> None:
        await made.open_palette()
        made.press(Qt.Key.Key_Escape)
        answers: list[object] = []
        team = made.bridge.team_id
        LiveQuery(
            made.bridge,
            ListKeys(team_id=team),
            depends=frozenset({"ssh_key"}),
            on_answer=answers.append,
            parent=made.window,
        )
        await until(lambda: answers)
        asked = len(made.gateway.asked_of(ListKeys))
        made.gateway.put(replace(made.gateway.all(SSHKey)[0], name="renamed"))
        # Another question of the same kind is asked again, and it alone.
        await until(lambda: len(answers) == 2)
        await turn()
        assert len(made.gateway.asked_of(ListKeys)) == asked + 1
        await made.open_palette()
        made.write("renamed")
        await until(lambda: "renamed" in made.titles())


class TestEmpty:
    async def test_apps_and_actions_stand_under_captions_with_their_keys(self, made: WholeWindow) -> None:
        await made.open_palette()
        assert captions(made)[-2:] == ["Apps", "Actions"]
        keys = {line.entry.title: line.entry.keys for line in made.palette.lines()}
        assert keys["Machines"] == "Ctrl+1"
        assert keys["Settings"] == "Ctrl+,"
        assert keys["Deploy a machine"] == "Ctrl+N"

    async def test_what_can_be_done_with_the_selection_comes_first_and_names_it(self, made: WholeWindow) -> None:
        target = of_status(made, MachineStatus.RUNNING)
        made.window.inspect("machine", target.machine_id)
        await until(lambda: made.window.inspectors.docks()[0].detail.title == target.name)
        await made.open_palette()
        assert captions(made)[0] == "Suggested"
        assert made.titles()[0] == f"Reboot {target.name}"

    async def test_what_was_chosen_lately_is_remembered(self, made: WholeWindow) -> None:
        await made.open_palette()
        made.write("laptop")
        made.press(Qt.Key.Key_Return)
        await made.open_palette()
        recent = [line.caption for line in made.palette.lines()].index("Recent")
        assert made.titles()[recent] == "laptop"


class TestFinding:
    @pytest.mark.parametrize(
        ("typed", "title", "kind"),
        [
            ("web-1", "web-1", "Machines"),
            ("203.0.113.9", "web-2", "Machines"),
            ("prov", "Providers", "App"),
            ("labs", "Labs", "Provider accounts"),
            ("laptop", "laptop", "Keys"),
            ("deploy a", "Deploy a machine", "Action"),
            ("dark", "Dark theme", "Action"),
            ("create web-1", "Create web-1", "Deployments"),
            ("notifications", "Notifications", "Settings"),
        ],
    )
    async def test_everything_is_found_by_what_it_is_called(
        self, made: WholeWindow, typed: str, title: str, kind: str
    ) -> None:
        await made.open_palette()
        made.write(typed)
        first = made.palette.lines()[0].entry
        assert (first.title, first.kind) == (title, kind)

    async def test_nothing_found_is_said(self, made: WholeWindow) -> None:
        await made.open_palette()
        made.write("zzqqx")
        assert made.palette.lines() == ()
        assert "zzqqx" in made.palette._nothing.accessibleName()
        made.press(Qt.Key.Key_Return)
        assert made.palette.isVisible()

    async def test_a_pasted_id_finds_what_it_names(self, made: WholeWindow) -> None:
        made.gateway.put(machine(3, machine_id=ID, name="found-by-id"))
        await made.open_palette()
        QGuiApplication.clipboard().setText(f"machina://machine/{ID}")
        made.press(Qt.Key.Key_V, CONTROL)
        await until(lambda: made.titles() == ["found-by-id"])
        made.press(Qt.Key.Key_Return)
        assert made.window.is_inspecting("machine", ID)

    async def test_a_damaged_link_is_called_so(self, made: WholeWindow) -> None:
        await made.open_palette()
        made.write("machina://machine/nonsense")
        assert made.palette.lines() == ()
        assert "damaged" in made.palette._nothing.accessibleDescription()

    async def test_a_change_shows_while_it_is_open_and_the_row_stays(self, made: WholeWindow) -> None:
        await made.open_palette()
        made.write("web-")
        made.press(Qt.Key.Key_Down)
        stood = current(made)
        made.gateway.put(machine(3, machine_id=ID, name="web-"))
        await until(lambda: "web-" in made.titles())
        assert current(made) == stood

    async def test_another_team_has_its_own_things(self, made: WholeWindow) -> None:
        await made.open_palette()
        made.write("web-1")
        assert "web-1" in made.titles()
        for each in made.gateway.all(Machine):
            made.gateway.remove(Machine, each.machine_id)
        made.bridge.team_changed.emit("team-other")
        await until(lambda: not made.desk.general.sources.is_loading)
        assert "web-1" not in made.titles()

    async def test_what_cannot_be_read_is_told_and_the_rest_is_found(self, made: WholeWindow) -> None:
        def fail(_ask: object) -> object:
            raise Unavailable("The disk is gone.")

        made.gateway.answers[ListKeys] = fail
        await made.open_palette()
        await until(lambda: "The disk is gone." in made.palette._problem.text())
        made.write("web-1")
        assert made.titles()[0] == "web-1"

    async def test_typing_repaints_nothing_below_it(self, made: WholeWindow, monkeypatch: pytest.MonkeyPatch) -> None:
        # Statuses on the page below move by themselves.
        monkeypatch.setattr(theme, "is_motion_reduced", lambda: True)
        await made.open_palette()
        await turn()
        watch = PaintWatch()
        for widget in (made.window.findChild(QWidget, "palette.shade"), made.window.pages.page()):
            widget.installEventFilter(watch)
        letters = "staging web-1 postgres"
        for letter in letters:
            made.write(letter)
            await turn()
        # The page may take in what it asked for before, once or twice; a repaint with each letter is the fault.
        assert len(watch.painted) < len(letters) / 2


class PaintWatch(QObject):
    """Notes which of the watched widgets are painted."""

    def __init__(self) -> None:
        super().__init__()
        self.painted: list[object] = []

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 - Qt's name
        if event.type() == QEvent.Type.Paint:
            self.painted.append((watched.objectName(), event.rect()))
        return False


class TestChoosing:
    async def test_enter_shows_a_machine_beside_its_page(self, made: WholeWindow) -> None:
        made.window.open_app("keys")
        await made.open_palette()
        made.write("web-1")
        made.press(Qt.Key.Key_Return)
        target = next(each for each in made.gateway.all(Machine) if each.name == "web-1")
        assert made.palette.isHidden()
        assert made.window.pages.name == "machines"
        assert made.window.is_inspecting("machine", target.machine_id)

    async def test_enter_does_an_action_on_the_selection(self, made: WholeWindow) -> None:
        target = of_status(made, MachineStatus.RUNNING)
        made.window.inspect("machine", target.machine_id)
        await until(lambda: made.window.inspectors.docks()[0].detail.title == target.name)
        await made.open_palette()
        made.write(f"reboot {target.name}")
        made.press(Qt.Key.Key_Return)
        await until(lambda: made.gateway.asked_of(machines.RebootMachine))
        assert made.gateway.asked_of(machines.RebootMachine)[0].machine_id == target.machine_id

    async def test_approving_the_run_shown(self, made: WholeWindow) -> None:
        run = next(r for r in made.gateway.all(Deployment) if r.state is DeploymentState.AWAITING_APPROVAL)
        made.window.inspect("deployment", run.deployment_id)
        await until(lambda: any("Approve" in each.title for each in made.window.commands.available()))
        await made.open_palette()
        made.write("approve")
        made.press(Qt.Key.Key_Return)
        await until(lambda: made.gateway.get(Deployment, run.deployment_id).state is DeploymentState.APPLYING)

    async def test_a_setting_opens_at_its_place(self, made: WholeWindow) -> None:
        await made.open_palette()
        made.write("notifications")
        made.press(Qt.Key.Key_Return)
        assert made.window.pages.name == "settings"

    async def test_the_theme_can_be_switched(self, made: WholeWindow, qapp: QApplication) -> None:
        await made.open_palette()
        made.write("light theme")
        made.press(Qt.Key.Key_Return)
        await until(lambda: theme.current().name == "light")
        assert made.device.settings["theme"] == "light"
        assert made.window.pages.name == "machines"
        theme.apply_theme(qapp, "dark")

    async def test_the_vault_can_be_locked(self, made: WholeWindow) -> None:
        await until(lambda: made.desk.vault.status is not None)
        await made.open_palette()
        made.write("lock the vault")
        made.press(Qt.Key.Key_Return)
        await until(lambda: made.gateway.asked_of(device.LockVault))

    async def test_the_gallery_opens_in_a_window_of_its_own(self, made: WholeWindow) -> None:
        await made.open_palette()
        made.write("gallery")
        made.press(Qt.Key.Key_Return)
        await until(lambda: made.desk.general._gallery is not None)
        assert made.desk.general._gallery.isVisible()
        made.desk.general._gallery.close()

    async def test_a_click_chooses(self, made: WholeWindow) -> None:
        palette = await made.open_palette()
        made.write("providers")
        spot = palette.list.visualRect(palette.list.model().index(0, 0)).center()
        QTest.mouseClick(palette.list.viewport(), Qt.MouseButton.LeftButton, pos=spot)
        assert made.window.pages.name == "providers"

    async def test_what_begins_on_another_page_begins_there(self, made: WholeWindow) -> None:
        await made.open_palette()
        made.write("generate a key")
        made.press(Qt.Key.Key_Return)
        await turn()
        assert made.window.pages.name == "keys"
        assert QApplication.activeModalWidget() is not None
        QApplication.activeModalWidget().close()


class TestMoving:
    async def test_arrows_go_round(self, made: WholeWindow) -> None:
        await made.open_palette()
        titles = made.titles()
        made.press(Qt.Key.Key_Up)
        assert current(made) == titles[-1]
        made.press(Qt.Key.Key_Down)
        assert current(made) == titles[0]

    @pytest.mark.parametrize(
        ("key", "modifiers", "row"),
        [
            (Qt.Key.Key_Down, Qt.KeyboardModifier.NoModifier, 1),
            (Qt.Key.Key_N, CONTROL, 1),
            (Qt.Key.Key_Tab, Qt.KeyboardModifier.NoModifier, 1),
            (Qt.Key.Key_End, Qt.KeyboardModifier.NoModifier, -1),
        ],
    )
    async def test_keys_move(self, made: WholeWindow, key: Qt.Key, modifiers: Qt.KeyboardModifier, row: int) -> None:
        palette = await made.open_palette()
        made.press(key, modifiers)
        assert palette.list.currentIndex().row() == row % len(palette.lines())
        assert palette.line.hasFocus()

    async def test_pages_move_as_far_as_there_are_rows(self, made: WholeWindow) -> None:
        palette = await made.open_palette()
        made.press(Qt.Key.Key_PageDown)
        assert palette.list.currentIndex().row() == palette.list.rows_in_view()
        made.press(Qt.Key.Key_PageUp)
        made.press(Qt.Key.Key_PageUp)
        assert palette.list.currentIndex().row() == 0


class TestNames:
    async def test_every_row_is_named_in_full(self, made: WholeWindow) -> None:
        palette = await made.open_palette()
        model = palette.list.model()
        assert isinstance(model, QAbstractListModel)
        names = [model.data(model.index(row, 0), Qt.ItemDataRole.AccessibleTextRole) for row in range(model.rowCount())]
        assert "Machines, App, Ctrl+1" in names
        made.write("web-1")
        assert "running" in model.data(model.index(0, 0), Qt.ItemDataRole.AccessibleTextRole)

    async def test_no_two_commands_have_one_name_and_every_app_says_what_it_finds(self, made: WholeWindow) -> None:
        await made.open_palette()
        for app in APPS:
            made.window.open_app(app.name)
            names = [command.name for command in made.window.pages.page().commands()]
            assert len(names) == len(set(names))
            assert app.searches()

    async def test_the_row_under_the_keyboard_is_announced(
        self, made: WholeWindow, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        told: list[str] = []
        monkeypatch.setattr(QAccessible, "isActive", lambda: True)
        monkeypatch.setattr(QAccessible, "updateAccessibility", lambda event: told.append(event.message()))
        await made.open_palette()
        made.write("laptop")
        assert told[-1].startswith("laptop")
        made.write("zzq")
        assert told[-1] == "Nothing matches “laptopzzq”"


class TestWhatPagesOffer:
    async def test_what_was_narrowed_can_be_cleared(self, made: WholeWindow) -> None:
        made.window.open_app("keys")
        await turn()
        search = made.window.findChild(QLineEdit, "keys.search")
        search.setText("laptop")
        await made.open_palette()
        made.write("clear search")
        made.press(Qt.Key.Key_Return)
        assert search.text() == ""

    async def test_a_machine_can_be_protected_and_let_go(self, made: WholeWindow) -> None:
        key = of_status(made, MachineStatus.RUNNING).machine_id
        made.window.inspect("machine", key)
        await until(lambda: made.window.commands.run("machine.protect"))
        await until(lambda: made.gateway.get(Machine, key).is_protected)
        await until(lambda: any("protection off" in each.title for each in made.window.commands.available()))
        made.window.commands.run("machine.protect")
        await until(lambda: not made.gateway.get(Machine, key).is_protected)

    async def test_several_chosen_machines_are_acted_on_together(self, made: WholeWindow) -> None:
        made.window.commands.run("machines.look")
        await turn()
        made.window.pages.page()._list.focus_list()
        made.press(Qt.Key.Key_Down)
        made.press(Qt.Key.Key_Down, SHIFT)
        await until(lambda: "Refresh 2 machines" in [each.title for each in made.window.commands.listed()])

    @pytest.mark.parametrize("state", list(DeploymentState))
    async def test_a_run_offers_what_its_buttons_do(self, made: WholeWindow, state: DeploymentState) -> None:
        run = next(each for each in made.gateway.all(Deployment) if each.state is state)
        made.window.inspect("deployment", run.deployment_id)
        detail = made.window.inspectors.docks()[0].detail
        await until(lambda: detail.foot._run is not None)
        await turn()
        offered = {each.name for each in made.window.commands.available()}
        buttons = ("approve", "discard", "retry", "cancel", "force")
        shown = {f"deployment.{name}" for name in buttons if not getattr(detail.foot, name).isHidden()}
        assert {f"deployment.{name}" for name in buttons} & offered == shown


class TestHostileNames:
    async def test_a_name_of_200_signs_and_one_from_right_to_left_are_painted(self, made: WholeWindow) -> None:
        made.gateway.put(replace(machine(3, machine_id=ID), name="x" * 200))
        made.gateway.put(replace(machine(3, machine_id=ID[:-1] + "1"), name="خادم الويب 👩‍🚀 x"))
        await made.open_palette()
        made.write("x")
        await turn()
        assert not made.window.grab().isNull()
        assert {"x" * 200, "خادم الويب 👩‍🚀 x"} <= set(made.titles())
