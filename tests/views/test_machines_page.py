"""The machines page and the machine's detail, over a gateway that answers from memory."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Self

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QFileDialog, QWidget

from machina_desktop.core.domain.deployment import DeploymentType
from machina_desktop.core.domain.host_pin import REMADE
from machina_desktop.core.domain.machine import PIN, Machine, MachineStatus
from machina_desktop.core.domain.provider import ProviderAccount, ProviderType
from machina_desktop.core.errors import Unavailable
from machina_desktop.core.services.machines import (
    DestroyMachine,
    ListMachines,
    RebootMachine,
    StopMachine,
    UpdateMachine,
)
from machina_desktop.views.apps.machine_detail import MachineDetail
from machina_desktop.views.apps.machine_list import Grouping
from machina_desktop.views.apps.machines import MachinesPage
from machina_desktop.views.widgets.buttons import Button
from tests.fakes.gateway import FakeGateway, RecordingWindow, bridge_with, close, turn, until
from tests.fakes.rows import PROVIDER_INFOS, deployment, keys, machine, team_rows

LEFT = Qt.MouseButton.LeftButton


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, qapp: QApplication) -> Iterator[None]:
    monkeypatch.setenv("MACHINA_HOME", str(tmp_path))
    return


class Shown:
    """A page or detail on the screen, with the gateway and the window behind it."""

    def __init__(self, gateway: FakeGateway, *, detail_of: str = "") -> None:
        self.gateway = gateway
        self.window = RecordingWindow()
        self.bridge = bridge_with(gateway)
        self.widget: QWidget
        if detail_of:
            self.widget = MachineDetail(self.bridge, self.window, detail_of)
            self.widget.resize(360, 900)
        else:
            self.widget = MachinesPage(self.bridge, self.window)
            self.widget.resize(1100, 800)
        self.widget.show()

    async def __aenter__(self) -> Self:
        await until(lambda: self.gateway.asked)
        await turn(20)
        return self

    async def __aexit__(self, *_: object) -> None:
        await close(self.bridge, self.widget)

    @property
    def page(self) -> MachinesPage:
        assert isinstance(self.widget, MachinesPage)
        return self.widget

    def names(self) -> list[str]:
        return [each.name for each in self.page.machines_shown()]

    def find(self, name: str) -> QWidget:
        found = self.widget.findChild(QWidget, name)
        assert found is not None, f"there is no {name}"
        return found

    def click(self, name: str) -> None:
        QTest.mouseClick(self.find(name), LEFT)

    def choose(self, combo: str, value: str) -> None:
        control = self.find(combo)
        control.setCurrentIndex(control.findData(value))

    def select(self, *keys: str) -> None:
        """Press each card, the further ones with Ctrl."""
        view = next(iter(self.page._list._look.parts.values())).view
        for place, key in enumerate(keys):
            index = view.model().index(view.model().row_of(key), 0)
            view.scrollTo(index)
            held = Qt.KeyboardModifier.ControlModifier if place else Qt.KeyboardModifier.NoModifier
            QTest.mouseClick(view.viewport(), LEFT, held, view.visualRect(index).center())


def three() -> FakeGateway:
    """A practice machine that runs, a server that is stopped, one in error."""
    return FakeGateway(
        (
            machine(4, machine_id="m-run", name="alpha", actual_status=MachineStatus.RUNNING, tags=("prod",)),
            machine(5, machine_id="m-off", name="beta", actual_status=MachineStatus.STOPPED, tags=("lab",)),
            machine(9, machine_id="m-bad", name="gamma", actual_status=MachineStatus.ERROR, status_reason="No answer."),
        )
    )


async def test_every_machine_of_the_team_is_shown_by_name() -> None:
    async with Shown(FakeGateway(team_rows())) as shown:
        await until(lambda: len(shown.names()) == 40)
        assert shown.names() == sorted(shown.names())


async def test_the_search_finds_names_addresses_and_tags() -> None:
    async with Shown(three()) as shown:
        for text, expected in (("alp", ["alpha"]), ("lab", ["beta"]), ("203.0.113.6", ["beta"]), ("nowhere", [])):
            shown.find("machines.search").setText(text)
            await until(lambda expected=expected: shown.names() == expected)


async def test_filters_narrow_the_list_and_are_remembered() -> None:
    async with Shown(three()) as shown:
        shown.choose("machines.filter.status", "stopped")
        assert shown.names() == ["beta"]
    async with Shown(three()) as again:
        assert again.names() == ["beta"]


async def test_cards_or_table_and_grouping_are_remembered() -> None:
    async with Shown(three()) as shown:
        shown.choose("machines.group", Grouping.STATUS)
        shown.find("machines.view").set_current("table")
        assert shown.page._list.group_titles() == ("Error", "Running", "Stopped")
    async with Shown(three()) as again:
        assert again.page._list._look.is_table
        assert again.page._list.group_titles() == ("Error", "Running", "Stopped")


async def test_a_machine_that_changes_its_status_moves_to_its_group() -> None:
    async with Shown(three()) as shown:
        shown.choose("machines.group", Grouping.STATUS)
        shown.gateway.put(replace(shown.gateway.get(Machine, "m-bad"), actual_status=MachineStatus.RUNNING))
        await until(lambda: shown.page._list.group_titles() == ("Running", "Stopped"))


async def test_without_machines_the_page_offers_to_try_it_on_this_computer() -> None:
    async with Shown(FakeGateway()) as shown:
        button = shown.find("machines.empty").findChild(Button)
        assert button.text() == "Try it on this computer"
        QTest.mouseClick(button, LEFT)
        assert shown.window.wizards == 1


async def test_a_search_without_result_offers_to_clear_it() -> None:
    async with Shown(three()) as shown:
        shown.find("machines.search").setText("nowhere")
        await until(lambda: not shown.names())
        QTest.mouseClick(shown.find("machines.empty").findChild(Button), LEFT)
        assert len(shown.names()) == 3


async def test_bars_are_shown_until_the_answer_comes() -> None:
    gateway = three()
    gateway.gate = asyncio.Event()
    async with Shown(gateway) as shown:
        assert shown.page._states.currentWidget() is shown.page._states._skeleton
        gateway.gate.set()
        await until(lambda: shown.page._states.currentWidget() is shown.page._list)


async def test_a_failure_says_what_happened_and_retry_asks_again() -> None:
    gateway = three()

    def fail(_ask: ListMachines) -> None:
        raise Unavailable("The disk is full.", hint="Free some space.")

    answer, gateway.answers[ListMachines] = gateway.answers[ListMachines], fail
    async with Shown(gateway) as shown:
        error = shown.page._states.error
        await until(lambda: shown.page._states.currentWidget() is error)
        assert error.accessibleName() == "The disk is full."
        gateway.answers[ListMachines] = answer
        QTest.mouseClick(error.retry, LEFT)
        await until(lambda: shown.page._states.currentWidget() is shown.page._list)


async def test_choosing_a_machine_opens_it_beside_the_page() -> None:
    async with Shown(three()) as shown:
        shown.select("m-off")
        assert shown.window.inspected == [("machine", "m-off")]


async def test_enter_opens_the_current_machine_again() -> None:
    async with Shown(three()) as shown:
        shown.select("m-off")
        QTest.keyClick(next(iter(shown.page._list._look.parts.values())).view, Qt.Key.Key_Return)
        assert shown.window.inspected == [("machine", "m-off")] * 2


async def test_a_machine_that_vanishes_does_not_open_its_neighbour() -> None:
    async with Shown(three()) as shown:
        shown.select("m-off")
        shown.gateway.remove(Machine, "m-off")
        await until(lambda: shown.names() == ["alpha", "gamma"])
        assert shown.window.inspected == [("machine", "m-off")]


async def test_several_machines_are_stopped_together() -> None:
    gateway = FakeGateway(
        machine(4 + place * 5, machine_id=key, name=key, actual_status=MachineStatus.RUNNING)
        for place, key in enumerate(("a", "b", "c"))
    )
    async with Shown(gateway) as shown:
        shown.select("a", "c")
        assert shown.find("machines.selection").isVisible()
        shown.click("machines.selection.stop")
        assert not gateway.asked_of(StopMachine)
        shown.click("machine.many-dialog.confirm")
        await until(lambda: {ask.machine_id for ask in gateway.asked_of(StopMachine)} == {"a", "c"})


async def test_an_action_that_fits_only_some_of_the_selected_is_not_offered() -> None:
    async with Shown(three()) as shown:
        shown.select("m-run", "m-off")
        assert not shown.find("machines.selection.stop").isEnabled()
        assert not shown.find("machines.selection.start").isEnabled()
        assert shown.find("machines.selection.refresh").isEnabled()


async def test_the_delete_key_asks_before_a_machine_is_destroyed() -> None:
    async with Shown(three()) as shown:
        shown.select("m-run")
        shown.widget.activateWindow()
        QTest.keyClick(next(iter(shown.page._list._look.parts.values())).view, Qt.Key.Key_Delete)
        await until(lambda: shown.widget.findChild(QWidget, "machine.destroy-dialog"))
        assert not shown.gateway.asked_of(DestroyMachine)
        shown.click("machine.destroy-dialog.confirm")
        await until(lambda: shown.gateway.asked_of(DestroyMachine))
        (ask,) = shown.gateway.asked_of(DestroyMachine)
        assert (ask.machine_id, ask.auto_approve) == ("m-run", False)
        await until(lambda: ("deployment", ask.deployment_id) in shown.window.inspected)


async def test_names_of_any_length_and_direction_do_not_widen_the_page() -> None:
    gateway = FakeGateway((machine(1, name="x" * 200, tags=("t" * 90,)), machine(2, name="شبكة-الإنتاج")))
    async with Shown(gateway) as shown:
        shown.find("machines.view").set_current("table")
        await turn()
        assert shown.widget.minimumSizeHint().width() < 800


async def test_the_detail_tells_how_to_connect() -> None:
    async with Shown(FakeGateway((machine(4),)), detail_of="machine-04") as shown:
        assert shown.find("machine.ssh").text() == "ssh -p 20004 -- ada@127.0.0.1"
        assert shown.find("machine.host_key").text().startswith("SHA256:")


async def test_the_detail_tells_who_vouched_for_the_host_key() -> None:
    known = machine(4)
    story = f"{known.host_key}, printed on its console at its first boot, read on 2026-11-23 at 01:10 UTC"
    gateway = FakeGateway((replace(known, facts={**known.facts, PIN: story}), machine(5)))
    async with Shown(gateway, detail_of="machine-04") as shown:
        pin = shown.find("machine.pin")
        assert pin.text() == "Printed on its console at its first boot; read on 2026-11-23 at 01:10 UTC."
        story = f"{known.host_key}, accepted by Ada on 2026-11-20 at 10:00 UTC"
        gateway.put(replace(known, facts={PIN: story, REMADE: "on 2026-11-22 at 08:30 UTC"}))
        await until(lambda: pin.text().startswith("Accepted by Ada on 2026-11-20 at 10:00 UTC. Put there anew"))
        gateway.put(known)
        await until(pin.isHidden)


async def test_the_detail_follows_the_machine() -> None:
    gateway = FakeGateway((machine(4),))
    async with Shown(gateway, detail_of="machine-04") as shown:
        titles: list[str] = []
        shown.widget.windowTitleChanged.connect(titles.append)
        gateway.put(machine(4, name="renamed", actual_status=MachineStatus.STOPPED))
        await until(lambda: titles == ["renamed"])
        assert shown.find("machine.start").isVisible()
        assert not shown.find("machine.stop").isVisible()


async def test_a_machine_in_error_says_why_and_can_be_retried() -> None:
    async with Shown(three(), detail_of="m-bad") as shown:
        assert shown.find("machine.reason").title() == "No answer."
        assert shown.find("machine.retry").isVisible()


async def test_reboot_is_asked_for_and_reported() -> None:
    gateway = three()
    async with Shown(gateway, detail_of="m-run") as shown:
        shown.click("machine.reboot")
        await until(lambda: gateway.asked_of(RebootMachine))
        await until(lambda: shown.window.notices == [("info", "alpha is asked to reboot.")])
        await until(lambda: not shown.find("machine.reboot").isEnabled())


async def test_an_action_the_provider_does_not_know_says_so() -> None:
    gateway = FakeGateway((machine(3, actual_status=MachineStatus.STOPPED),))
    info = next(each for each in PROVIDER_INFOS if each.type is ProviderType.BAREMETAL)
    assert "start" not in info.power_actions
    async with Shown(gateway, detail_of="machine-03") as shown:
        await until(lambda: shown.find("machine.start").toolTip())
        assert not shown.find("machine.start").isEnabled()


async def test_a_run_in_the_timeline_opens() -> None:
    gateway = FakeGateway(
        (machine(4), deployment(0, machine_id="machine-04"), deployment(5, machine_id="machine-04"), deployment(1))
    )
    async with Shown(gateway, detail_of="machine-04") as shown:
        timeline = shown.find("machine.timeline")
        await until(lambda: timeline.shown_ids() == ("deployment-00", "deployment-05"))
        QTest.mouseClick(timeline._rows[1], LEFT)
        assert shown.window.inspected == [("deployment", "deployment-05")]


async def test_tags_are_saved_with_enter_and_without_repetition() -> None:
    gateway = three()
    async with Shown(gateway, detail_of="m-run") as shown:
        shown.find("machine.tags").setText(" eu, prod ,, eu")
        QTest.keyClick(shown.find("machine.tags"), Qt.Key.Key_Return)
        await until(lambda: gateway.get(Machine, "m-run").tags == ("eu", "prod"))
        assert gateway.asked_of(UpdateMachine)[0].notes is None


async def test_what_is_being_typed_survives_a_change_from_elsewhere() -> None:
    gateway = three()
    async with Shown(gateway, detail_of="m-run") as shown:
        shown.find("machine.tags").setText("half a wor")
        gateway.put(replace(gateway.get(Machine, "m-run"), public_ip="198.51.100.1"))
        await until(lambda: shown.find("machine.address").text() == "198.51.100.1")
        assert shown.find("machine.tags").text() == "half a wor"


async def test_a_server_of_ones_own_is_deregistered_and_nothing_on_it_is_deleted() -> None:
    gateway = FakeGateway((machine(3, actual_status=MachineStatus.RUNNING),))
    async with Shown(gateway, detail_of="machine-03") as shown:
        assert shown.find("machine.destroy").text() == "Deregister"
        shown.click("machine.destroy")
        dialog = shown.find("machine.destroy-dialog")
        said = " ".join(label.text() for label in dialog.findChildren(QWidget) if hasattr(label, "text"))
        assert "only deregistered; nothing on its disk is deleted" in said


async def test_a_protected_machine_is_destroyed_only_when_its_name_is_typed() -> None:
    gateway = FakeGateway((machine(4, name="vault-1", is_protected=True),))
    async with Shown(gateway, detail_of="machine-04") as shown:
        shown.click("machine.destroy")
        confirm, name = shown.find("machine.destroy-dialog.confirm"), shown.find("machine.destroy-dialog.name")
        assert not confirm.isEnabled()
        QTest.keyClicks(name, "vault-1")
        QTest.mouseClick(confirm, LEFT)
        await until(lambda: gateway.asked_of(DestroyMachine))
        assert gateway.asked_of(DestroyMachine)[0].confirm_name == "vault-1"
        assert any(row.type is DeploymentType.DESTROY for row in gateway.all(type(deployment())))


async def test_a_machine_that_does_not_exist_is_told_as_such() -> None:
    async with Shown(FakeGateway(), detail_of="machine-none") as shown:
        empty = shown.widget._states.empty
        await until(lambda: shown.widget._states.currentWidget() is empty)
        assert "No longer here" in empty.accessibleName()


@pytest.mark.parametrize("grouping", [Grouping.NONE, Grouping.STATUS])
async def test_the_chosen_machine_stays_in_view_when_the_inspector_takes_its_room(grouping: Grouping) -> None:
    async with Shown(FakeGateway(team_rows())) as shown:
        shown.choose("machines.group", grouping)
        await turn()
        last = shown.page.machines_shown()[-1].machine_id
        shown.page._list.select(last)
        shown.widget.resize(460, 600)

        def is_in_view() -> bool:
            view = next(p.view for p in shown.page._list._look.parts.values() if p.view.selection.current_key() == last)
            return shown.page._list.rect().contains(
                view.viewport().mapTo(shown.page._list, view.visualRect(view.currentIndex()).center())
            )

        await until(is_in_view)


async def test_the_key_that_opens_the_machine_is_saved_and_named_in_the_command() -> None:
    gateway = FakeGateway((machine(4), *keys()))
    async with Shown(gateway, detail_of="machine-04") as shown:
        await until(lambda: shown.find("machine.save_key").isVisible())
        shown.click("machine.save_key")
        shown.click("export_key.confirm")
        files = shown.widget.findChild(QFileDialog, "export_key.files")
        assert files is not None
        files.fileSelected.emit("/home/ada/my key")
        await until(lambda: "my key" in shown.find("machine.ssh").text())
        assert shown.find("machine.ssh").text() == "ssh -i '/home/ada/my key' -p 20004 -- ada@127.0.0.1"


async def test_a_key_whose_private_half_is_elsewhere_is_not_offered() -> None:
    public = replace(machine(4), ssh_key_ids=("key-grace",))
    async with Shown(FakeGateway((public, *keys())), detail_of="machine-04") as shown:
        await turn(20)
        assert not shown.find("machine.save_key").isVisible()


async def test_filters_fold_into_one_button_where_the_page_is_narrow() -> None:
    async with Shown(three()) as shown:
        shown.widget.resize(1000, 700)
        await turn()
        assert not shown.find("machines.filters.button").isVisible()
        height = shown.find("machines.filters").height()
        shown.widget.resize(420, 700)
        await turn()
        assert shown.find("machines.filters.button").isVisible()
        assert shown.find("machines.filters").height() == height
        shown.choose("machines.filter.status", "stopped")
        assert shown.find("machines.filters.button").text() == "Filters · 1"
        assert shown.names() == ["beta"]


async def test_passing_the_list_with_tab_opens_nothing() -> None:
    async with Shown(three()) as shown:
        view = next(iter(shown.page._list._look.parts.values())).view
        view.setFocus(Qt.FocusReason.TabFocusReason)
        await turn()
        assert shown.window.inspected == []
        QTest.keyClick(view, Qt.Key.Key_Down)
        assert shown.window.inspected == [("machine", shown.page.machines_shown()[0].machine_id)]


async def test_an_action_on_the_machine_in_the_sidekick_needs_no_toast() -> None:
    gateway = three()
    async with Shown(gateway, detail_of="m-run") as shown:
        shown.window.inspected.append(("machine", "m-run"))
        shown.click("machine.reboot")
        await until(lambda: not shown.find("machine.reboot").isEnabled())
        assert shown.window.notices == []


async def test_machines_are_found_filtered_and_grouped_by_their_accounts() -> None:
    async with Shown(FakeGateway(team_rows())) as shown:
        await until(lambda: len(shown.names()) == 40)
        accounts = shown.gateway.all(ProviderAccount)
        account = next(each for each in accounts if each.provider_type is ProviderType.HETZNER)
        mine = [
            each.name
            for each in shown.gateway.all(Machine)
            if each.provider_account_id == account.provider_account_id and not each.is_gone
        ]
        shown.choose("machines.filter.account", account.provider_account_id)
        assert shown.names() == sorted(mine)
        shown.choose("machines.filter.account", "")
        shown.find("machines.search").setText(account.label)
        await until(lambda: set(mine) <= set(shown.names()) and len(shown.names()) < 40)
        shown.choose("machines.group", Grouping.ACCOUNT)
        assert account.label in shown.page._list.group_titles()


async def test_a_view_is_kept_under_a_name_and_shown_again_after_a_restart() -> None:
    async with Shown(three()) as shown:
        shown.choose("machines.filter.status", "stopped")
        shown.find("machines.search").setText("bet")
        shown.find("machines.view").set_current("table")
        await until(lambda: shown.page._search == "bet")
        run(shown, "machines.save_view")
        await until(lambda: shown.page.findChild(QWidget, "machines.save-view.name") is not None)
        shown.click("machines.save-view.confirm")
        shown.find("machines.save-view.name").setText("  Switched  off ")
        shown.click("machines.save-view.confirm")
        assert shown.find("machines.views").text() == "Switched off"
        run(shown, "machines.clear")
        await until(lambda: len(shown.names()) == 3)
        assert shown.find("machines.views").text() == "Views"
    async with Shown(three()) as again:
        again.find("machines.view").set_current("cards")
        run(again, "machines.view.Switched off")
        await until(lambda: again.names() == ["beta"])
        assert again.page._list._look.is_table
        assert again.find("machines.search").text() == "bet"
        again.find("machines.views")._delete("Switched off")
        assert not [each for each in again.page.commands() if each.name.startswith("machines.view.")]


def run(shown: Shown, name: str) -> None:
    next(each for each in shown.page.commands() if each.name == name).run()
