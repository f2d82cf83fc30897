"""The line at the bottom of the window: every item acts, and none is in another's way."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from machina_desktop.core.domain.deployment import DeploymentState
from machina_desktop.core.domain.engine import EngineStatus
from machina_desktop.views.popup import PopupRow
from machina_desktop.views.status_bar import StatusItem
from tests.fakes.gateway import turn, until
from tests.fakes.shell import Open, filled


class TestStatusBar:
    async def test_the_only_run_shows_its_progress_and_leads_to_itself(self, open_window: Open) -> None:
        made = await filled(open_window())
        alone = made.run_in(DeploymentState.APPLYING)
        for run in made.desk.runs.open_runs:
            if run.deployment_id != alone.deployment_id:
                made.gateway.put(replace(run, state=DeploymentState.CANCELLED))
        await until(lambda: len(made.desk.runs.open_runs) == 1)
        made.gateway.progress(alone.deployment_id, "apply", 3, 5)
        await until(lambda: "3/5" in made.window.status.runs.text())
        made.window.status.runs.click()
        subject = made.window.inspectors.docks()[0].subject
        assert subject is not None
        assert subject.key == alone.deployment_id

    async def test_a_missing_terraform_is_told(self, open_window: Open) -> None:
        made = open_window()
        made.device.engine = EngineStatus(problem="No terraform or tofu was found.", hint="Install one.")
        await until(lambda: made.window.status.engine.text() == "No Terraform")
        made.window.status.engine.click()
        assert made.window.pages.name == "settings"

    async def test_nothing_running_is_said_in_words(self, open_window: Open) -> None:
        made = open_window(runs=0)
        await until(lambda: made.desk.vault.status)
        assert made.window.status.runs.text() == "Nothing running"
        assert not made.window.status.approvals.isVisible()

    async def test_several_runs_are_listed_with_their_progress_and_each_opens(self, open_window: Open) -> None:
        made = await filled(open_window())
        first, second = made.desk.runs.running[:2]
        QTest.mouseClick(made.window.status.runs, Qt.MouseButton.LeftButton)
        await turn()
        listed = made.desk.run_status.list
        assert listed is not None
        made.gateway.progress(second.deployment_id, "apply", 2, 4)
        row = listed.findChild(PopupRow, f"run.{second.deployment_id}")
        assert isinstance(row, PopupRow)
        await until(row.progress.isVisible)
        assert (row.progress.value(), row.progress.maximum()) == (2, 4)
        made.gateway.put(replace(first, state=DeploymentState.SUCCEEDED))
        await until(lambda: first.deployment_id not in {run.deployment_id for run in made.desk.runs.running})
        await until(lambda: f"run.{first.deployment_id}" not in {each.objectName() for each in listed.rows()})
        QTest.mouseClick(row, Qt.MouseButton.LeftButton)
        await until(lambda: made.window.is_inspecting("deployment", second.deployment_id))
        await until(lambda: made.desk.run_status.list is None)

    async def test_waiting_plans_are_listed_and_the_list_goes_with_the_last_one(self, open_window: Open) -> None:
        made = await filled(open_window())
        QTest.mouseClick(made.window.status.approvals, Qt.MouseButton.LeftButton)
        await turn()
        listed = made.desk.run_status.list
        assert listed is not None
        assert len(listed.rows()) == len(made.desk.runs.waiting) + 1
        for run in made.desk.runs.waiting:
            made.gateway.put(replace(run, state=DeploymentState.CANCELLED))
        await until(lambda: made.desk.run_status.list is None)
        await until(lambda: not made.window.status.approvals.isVisible())

    async def test_the_engine_leads_to_its_settings(self, open_window: Open) -> None:
        made = await filled(open_window())
        places: list[tuple[str, str]] = []
        made.window.open_app = lambda name, place="": places.append((name, place))  # type: ignore[method-assign]
        QTest.mouseClick(made.window.status.engine, Qt.MouseButton.LeftButton)
        assert places == [("settings", "engine")]

    @pytest.mark.parametrize("width", [880, 1024, 1600])
    async def test_no_item_overlaps_another_or_the_edge_at_any_width(self, open_window: Open, width: int) -> None:
        made = await filled(open_window())
        bar = made.window.status
        made.window.resize(width, 560)
        bar.setFixedWidth(width)
        alone = made.run_in(DeploymentState.APPLYING)
        for run in made.desk.runs.running:
            if run.deployment_id != alone.deployment_id:
                made.gateway.put(replace(run, state=DeploymentState.CANCELLED))
        made.gateway.put(replace(alone, machine_name="x" * 200))
        await until(lambda: "xxx" in bar.runs.text())
        made.gateway.progress(alone.deployment_id, "apply", 3, 5)
        bar.set_engine(EngineStatus(name="terraform", version="1.11.4-beta20261122", path="/opt/t", is_bundled=True))
        bar.set_home("a-server-with-a-rather-long-name.example.org")
        bar.set_unread(150, has_errors=True)
        await turn()
        shown = [each for each in bar.findChildren(StatusItem) if each.isVisible()]
        assert {bar.runs, bar.approvals, bar.vault} <= set(shown)
        boxes = sorted((each.geometry() for each in shown), key=lambda box: box.left())
        assert all(one.right() < other.left() for one, other in pairwise(boxes))
        assert bar.rect().contains(boxes[0])
        assert bar.rect().contains(boxes[-1])

    async def test_an_item_without_room_for_words_tells_them_on_the_mouse(self, open_window: Open) -> None:
        made = await filled(open_window())
        bar = made.window.status
        bar.set_home("a-server-with-a-rather-long-name.example.org")
        bar.engine.say("an engine with a very long name, much longer than any" * 2, icon_name="box", tip="/opt/t")
        bar.setFixedWidth(700)
        await until(lambda: bar.engine.width() == bar.engine.compact_width())
        assert bar.engine.toolTip().startswith("an engine")
        assert bar.engine.toolTip().endswith("/opt/t")
