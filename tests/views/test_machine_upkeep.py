"""A machine's later days: resizing, rebuilding, snapshots, the rescue system, driven by mouse and keyboard."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Self

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel, QLineEdit, QMenu, QWidget

from machina_desktop.core.domain.machine import DISK, RESCUE, Machine, MachineStatus
from machina_desktop.core.domain.provider import Catalogue, ProviderType, Size
from machina_desktop.core.errors import Conflict, Unavailable
from machina_desktop.core.ids import now
from machina_desktop.core.services.offers import ListCatalogue
from machina_desktop.core.services.providers import ListProviders
from machina_desktop.core.services.upkeep import RebuildMachine, RescueMachine, ResizeMachine, SnapshotMachine
from machina_desktop.views.apps.machine_detail import MachineDetail
from machina_desktop.views.models.table_model import RecordTableModel
from machina_desktop.views.widgets.checkbox import Checkbox
from machina_desktop.views.widgets.menus import Dropdown
from machina_desktop.views.widgets.table_view import TableView
from machina_desktop.views.widgets.text import CopyLabel
from tests.fakes.gateway import FakeGateway, RecordingWindow, bridge_with, close, turn, until
from tests.fakes.rows import CATALOGUES, PROVIDER_INFOS, machine, team_rows

LEFT = Qt.MouseButton.LeftButton
EVERYTHING = ("reboot", "stop", "start", "rebuild", "snapshot", "rescue")
SIZES = (
    *CATALOGUES[ProviderType.HETZNER].sizes,
    Size(slug="cx52", title="CX52", vcpus=16, price_monthly=30.0, sold_out=("fsn1",), currency="EUR"),
)


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, qapp: QApplication) -> Iterator[None]:
    monkeypatch.setenv("MACHINA_HOME", str(tmp_path))
    return


def at_hetzner(**fields: object) -> Machine:
    made: dict[str, object] = {
        "name": "web-1",
        "provider": ProviderType.HETZNER,
        "provider_account_id": "account-hetzner",
        "actual_status": MachineStatus.RUNNING,
        "region": "fsn1",
        "size": "cx22",
    }
    return machine(5, **{**made, **fields})


class Shown:
    """The detail of one machine at a cloud that can do everything."""

    def __init__(
        self,
        shown: Machine,
        *more: object,
        powers: tuple[str, ...] = EVERYTHING,
        has_firewalls: bool = True,
        has_disk_in_size: bool = True,
    ) -> None:
        """``more`` are further rows of the team."""
        self.gateway = FakeGateway((*team_rows(machines=0, runs=0), shown, *more))
        able = {"power_actions": powers, "has_firewalls": has_firewalls, "has_disk_in_size": has_disk_in_size}
        infos = tuple(
            replace(info, **able) if info.type is ProviderType.HETZNER else info  # type: ignore[arg-type]
            for info in PROVIDER_INFOS
        )
        self.gateway.answers[ListProviders] = lambda _ask: infos
        catalogue = replace(CATALOGUES[ProviderType.HETZNER], sizes=SIZES)
        self.gateway.answers[ListCatalogue] = lambda _ask: catalogue
        self.catalogue: Catalogue = catalogue
        self.window = RecordingWindow()
        self.bridge = bridge_with(self.gateway)
        self.detail = MachineDetail(self.bridge, self.window, shown.machine_id)
        self.detail.resize(420, 900)
        self.detail.show()

    async def __aenter__(self) -> Self:
        await until(lambda: self.has("machine.more") and bool(self.more.items.actions()))
        await turn(5)
        return self

    async def __aexit__(self, *_: object) -> None:
        await close(self.bridge, self.detail)

    @property
    def more(self) -> Dropdown:
        found = self.detail.findChild(Dropdown, "machine.more")
        assert found is not None
        return found

    def has(self, name: str) -> bool:
        return self.detail.findChild(QWidget, name) is not None

    def find(self, name: str) -> QWidget:
        found = self.detail.findChild(QWidget, name)
        assert found is not None, f"there is no {name}"
        return found

    def text(self, name: str) -> str:
        label = self.find(name)
        assert isinstance(label, QLabel)
        return label.text()

    def click(self, name: str) -> None:
        QTest.mouseClick(self.find(name), LEFT)

    async def choose(self, row: str) -> None:
        QTest.mouseClick(self.more, LEFT)
        menu: QMenu = self.more.items
        action = next(each for each in menu.actions() if each.text() == row)
        QTest.mouseClick(menu, LEFT, pos=menu.actionGeometry(action).center())
        await turn(5)

    def rows(self) -> list[str]:
        """The rows of *More*."""
        return [each.text() for each in self.more.items.actions()]

    def cell(self, slug: str, column: str) -> str:
        """What the table of sizes says."""
        table = self.find("machine.sizes")
        assert isinstance(table, TableView)
        model = table.model()
        assert isinstance(model, RecordTableModel)
        keys = [each.key for each in model.columns]
        return str(model.index(model.row_of(slug), keys.index(column)).data())

    def click_size(self, slug: str) -> None:
        table = self.find("machine.sizes")
        assert isinstance(table, TableView)
        model = table.model()
        assert isinstance(model, RecordTableModel)
        QTest.mouseClick(table.viewport(), LEFT, pos=table.visualRect(model.index(model.row_of(slug), 0)).center())


async def test_a_resize_says_what_it_costs_now_and_then_and_shows_its_plan() -> None:
    async with Shown(at_hetzner()) as shown:
        await shown.choose("Resize…")
        await until(lambda: shown.find("machine.sizes").isVisible())
        assert not shown.find("machine.resize-dialog.confirm").isEnabled()
        shown.click_size("cx32")
        assert "3.79 EUR / month" in shown.text("machine.resize-cost")
        assert "(+3.01 EUR / month)" in shown.text("machine.resize-cost")
        grow = shown.find("machine.resize-grow")
        assert isinstance(grow, Checkbox)
        QTest.keyClick(grow, Qt.Key.Key_Space)
        assert "never be made smaller" in shown.text("machine.resize-consequence")
        shown.click("machine.resize-dialog.confirm")
        await until(lambda: shown.window.inspected)
        (ask,) = shown.gateway.asked_of(ResizeMachine)
        assert (ask.size, ask.grow_disk) == ("cx32", True)
        assert shown.window.inspected == [("deployment", ask.deployment_id)]


async def test_a_size_that_is_sold_out_cannot_be_chosen_and_says_where_it_is() -> None:
    async with Shown(at_hetzner()) as shown:
        await shown.choose("Resize…")
        await until(lambda: shown.find("machine.sizes").isVisible())
        shown.click_size("cx52")
        assert not shown.find("machine.resize-dialog.confirm").isEnabled()
        table = shown.find("machine.sizes")
        assert isinstance(table, TableView)
        model = table.model()
        row = model.row_of("cx52")  # type: ignore[attr-defined]
        assert model.index(row, model.columnCount() - 1).data() == "Sold out; in hel1, ash"


async def test_a_refusal_is_told_in_the_question_and_can_be_tried_again() -> None:
    async with Shown(at_hetzner()) as shown:
        hint = "Wait until the present action is done."

        def refuse(_ask: ResizeMachine) -> object:
            raise Conflict("web-1 is rebooting; it cannot be resized now.", hint=hint)

        shown.gateway.answers[ResizeMachine] = refuse
        await shown.choose("Resize…")
        await until(lambda: shown.find("machine.sizes").isVisible())
        shown.click_size("cx32")
        shown.click("machine.resize-dialog.confirm")
        await until(lambda: any(hint in label.text() for label in shown.detail.findChildren(QLabel)))
        assert shown.find("machine.resize-dialog").isVisible()
        assert shown.find("machine.resize-dialog.confirm").isEnabled()


async def test_a_rebuild_wants_the_name_typed() -> None:
    async with Shown(at_hetzner()) as shown:
        await shown.choose("Rebuild…")
        confirm = shown.find("machine.rebuild-dialog.confirm")
        assert not confirm.isEnabled()
        guard = shown.find("machine.rebuild-name")
        QTest.keyClicks(guard, "web-")
        assert not confirm.isEnabled()
        QTest.keyClicks(guard, "1")
        QTest.mouseClick(confirm, LEFT)
        await until(lambda: shown.gateway.asked_of(RebuildMachine))
        (ask,) = shown.gateway.asked_of(RebuildMachine)
        assert (ask.image, ask.confirm_name) == ("", "web-1")


async def test_a_snapshot_has_a_name_to_begin_with() -> None:
    async with Shown(at_hetzner()) as shown:
        await shown.choose("Take a snapshot…")
        name = shown.find("machine.snapshot-name")
        assert isinstance(name, QLineEdit)
        assert name.text().startswith("web-1 ")
        name.selectAll()
        QTest.keyClicks(name, "before the move")
        QTest.keyClick(name, Qt.Key.Key_Return)
        await until(lambda: shown.gateway.asked_of(SnapshotMachine))
        assert shown.gateway.asked_of(SnapshotMachine)[0].name == "before the move"


async def test_the_rescue_system_is_started_from_the_menu() -> None:
    async with Shown(at_hetzner()) as shown:
        assert not shown.find("machine.in-rescue").isVisible()
        assert "Leave rescue system…" not in shown.rows()
        await shown.choose("Start rescue system…")
        shown.click("machine.rescue-dialog.confirm")
        await until(lambda: shown.gateway.asked_of(RescueMachine))
        assert shown.gateway.asked_of(RescueMachine)[0].is_on


async def test_a_machine_in_its_rescue_system_says_how_to_log_in_and_is_let_out_of_it() -> None:
    there = at_hetzner(ssh_user="ada", facts={RESCUE: "since 2026-11-23 at 01:10 UTC", "os": "Debian 12"})
    async with Shown(there) as shown:
        banner = shown.find("machine.in-rescue")
        assert banner.isVisible()
        assert "2026-11-23 at 01:10" in banner.accessibleName()
        assert "root" in banner.accessibleDescription()
        assert "host key" in banner.accessibleDescription()
        command = shown.find("machine.ssh")
        assert isinstance(command, CopyLabel)
        assert "root@" in command.text()
        assert "Start rescue system…" not in shown.rows()
        shown.click("machine.leave-rescue")
        await until(lambda: shown.has("machine.rescue-dialog.confirm"))
        shown.click("machine.rescue-dialog.confirm")
        await until(lambda: shown.gateway.asked_of(RescueMachine))
        assert not shown.gateway.asked_of(RescueMachine)[0].is_on
        shown.gateway.put(replace(there, facts={"os": "Debian 12"}))
        await until(lambda: not banner.isVisible())


async def test_only_what_the_provider_can_do_is_offered() -> None:
    powers = ("reboot", "stop", "start", "snapshot")
    async with Shown(at_hetzner(), powers=powers, has_firewalls=False) as shown:
        assert shown.rows() == ["Deploy another like it…", "Resize…", "Take a snapshot…"]
        assert not shown.find("machine.firewall-change").isVisible()


async def test_a_disk_that_has_grown_keeps_smaller_sizes_out_and_says_why() -> None:
    async with Shown(at_hetzner(size="cx32", facts={DISK: "80 GB"})) as shown:
        await shown.choose("Resize…")
        await until(lambda: shown.find("machine.sizes").isVisible() and shown.find("machine.resize-grow").isVisible())
        assert shown.cell("cx22", "stock") == "Disk below 80 GB"
        shown.click_size("cx22")
        assert not shown.find("machine.resize-dialog.confirm").isEnabled()


async def test_a_disk_that_stayed_small_lets_the_machine_go_back() -> None:
    async with Shown(at_hetzner(size="cx32", facts={DISK: "40 GB"})) as shown:
        await shown.choose("Resize…")
        await until(lambda: shown.find("machine.sizes").isVisible() and shown.find("machine.resize-grow").isVisible())
        assert (shown.cell("cx22", "stock"), shown.cell("cx22", "more")) == ("In stock", "-3.01 EUR")
        assert shown.cell("cx32", "more") == "as it is"
        shown.click_size("cx22")
        assert shown.find("machine.resize-dialog.confirm").isEnabled()


async def test_where_disks_are_things_apart_none_is_offered_to_grow() -> None:
    async with Shown(at_hetzner(size="cx32"), has_disk_in_size=False) as shown:
        await shown.choose("Resize…")
        await until(lambda: shown.find("machine.sizes").isVisible())
        assert not shown.find("machine.resize-grow").isVisible()
        assert "keeps its size" in shown.text("machine.resize-consequence")
        assert shown.cell("cx22", "stock") == "In stock"
        shown.click_size("cx22")
        shown.click("machine.resize-dialog.confirm")
        await until(lambda: shown.gateway.asked_of(ResizeMachine))
        assert not shown.gateway.asked_of(ResizeMachine)[0].grow_disk


async def test_sizes_tell_their_age_and_are_fetched_anew() -> None:
    async with Shown(at_hetzner()) as shown:
        await shown.choose("Resize…")
        await until(lambda: shown.find("machine.sizes").isVisible())
        assert shown.text("machine.sizes.age").startswith("Fetched ")
        gate = asyncio.Event()

        async def slow(_ask: ListCatalogue) -> Catalogue:
            await gate.wait()
            return replace(shown.catalogue, sizes=SIZES[:2], fetched_at=now())

        shown.gateway.answers[ListCatalogue] = slow
        shown.click("machine.sizes.renew")
        await until(lambda: shown.text("machine.sizes.age") == "Asking the provider…")
        assert shown.find("machine.sizes").isVisible()
        gate.set()
        await until(lambda: shown.find("machine.sizes.renew").isEnabled())
        assert shown.gateway.asked_of(ListCatalogue)[-1].refresh
        assert shown.text("machine.sizes.age").startswith("Fetched ")


async def test_sizes_that_cannot_be_fetched_anew_stay_and_the_reason_is_told() -> None:
    async with Shown(at_hetzner()) as shown:
        await shown.choose("Resize…")
        await until(lambda: shown.find("machine.sizes").isVisible())

        def refuse(_ask: ListCatalogue) -> Catalogue:
            raise Unavailable("Hetzner Cloud does not answer.", hint="Try again later.", code="E-CLOUD-FAULT")

        shown.gateway.answers[ListCatalogue] = refuse
        shown.click("machine.sizes.renew")
        await until(lambda: shown.find("machine.sizes.trouble").isVisible())
        assert shown.find("machine.sizes").isVisible()
        assert shown.find("machine.sizes.renew").isEnabled()
