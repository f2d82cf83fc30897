"""The Deployments page and its detail: filters, approval bound to what was read, the live log, cancel and force."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest
from PySide6.QtCore import QDate, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QComboBox, QDateEdit, QLabel, QWidget
from pytestqt.qtbot import QtBot

from machina_desktop.core.config import APPROVAL_HOURS
from machina_desktop.core.domain.deployment import Deployment, DeploymentState, DeploymentType
from machina_desktop.core.domain.machine import Machine, MachineStatus
from machina_desktop.core.domain.plan import PlanSummary
from machina_desktop.core.domain.team import TeamMember, TeamRole, User
from machina_desktop.core.errors import Unavailable
from machina_desktop.core.ids import now
from machina_desktop.core.services.deployments import (
    ApproveDeployment,
    CancelDeployment,
    ListDeployments,
    LogChunk,
    ReadLog,
)
from machina_desktop.core.services.device import ListSettings, SettingValue
from machina_desktop.core.services.machines import RetryMachine
from machina_desktop.core.services.members import ListMembers, Membership
from machina_desktop.views import remembered
from machina_desktop.views.apps.deployment_detail import DeploymentDetail
from machina_desktop.views.apps.deployments import DeploymentsPage
from machina_desktop.views.callout import Callout
from machina_desktop.views.widgets.buttons import Button
from machina_desktop.views.widgets.feedback import Progress
from machina_desktop.views.widgets.states import ErrorState
from tests.fakes.rows import deployment, log_lines, machine, team_rows
from tests.fakes.stage import Stage, stage_with, turn, until

KEY = "deployment-x"
VISIBLE_WITHIN_S = 0.2


@pytest.fixture
async def stage(qtbot: QtBot) -> AsyncIterator[Stage]:
    remembered.remember("deployments", {})
    async with stage_with(team_rows(machines=8, runs=21)) as made:
        yield made
    remembered.remember("deployments", {})


@pytest.fixture
async def page(stage: Stage) -> DeploymentsPage:
    made = stage.show(DeploymentsPage(stage.bridge, stage.window))
    await until(lambda: made.list.model.rowCount() == 21)
    return made


def _choose(page: DeploymentsPage, key: str, value: str) -> None:
    (combo,) = page.findChildren(QComboBox, f"deployments.filter.{key}")
    combo.setCurrentIndex(combo.findData(value))


def _last(stage: Stage) -> ListDeployments:
    return [
        ask for ask in stage.gateway.asked_of(ListDeployments) if ask.state is not DeploymentState.AWAITING_APPROVAL
    ][-1]


def _membership(user_id: str, name: str) -> Membership:
    at = now()
    member = TeamMember(team_member_id="m", team_id="t", user_id=user_id, role=TeamRole.MEMBER, joined_at=at)
    return Membership(member=member, user=User(user_id=user_id, email="", display_name=name, created_at=at))


class TestPage:
    async def test_runs_stand_newest_first_with_what_their_plans_count(self, page: DeploymentsPage) -> None:
        model = page.list.model
        assert [run.deployment_id for run in model.records()][:2] == ["deployment-00", "deployment-01"]
        words = {column.key: column.words(model.record(2)) for column in model.columns}
        assert words["run"] == "Change cache-1"
        assert (words["state"], words["step"]) == ("awaiting approval", "waits for a decision")
        assert words["plan"] == "+2 ~1 -1"
        assert words["by"] == "Ada Lovelace (you)"
        assert {column.key: column.words(model.record(4)) for column in model.columns}["took"] == "1 min 32 s"

    async def test_the_step_of_a_run_follows_its_progress(self, stage: Stage, page: DeploymentsPage) -> None:
        step = next(column for column in page.list.model.columns if column.key == "step")
        run = page.list.model.record(3)
        assert step.words(run) == "applying the plan"
        stage.gateway.progress(run.deployment_id, "apply", 2, 5)
        await until(lambda: step.words(run) == "applying the plan, 2 of 5")

    async def test_why_a_run_failed_stands_in_the_list(self, page: DeploymentsPage) -> None:
        step = next(column for column in page.list.model.columns if column.key == "step")
        assert step.words(page.list.model.record(5)) == "Terraform could not reach the provider."

    async def test_others_are_called_by_their_names(self, stage: Stage, page: DeploymentsPage) -> None:
        by = next(column for column in page.list.model.columns if column.key == "by")
        stage.gateway.answers[ListMembers] = lambda _ask: (_membership("user-02grace", "Grace Hopper"),)
        stage.gateway.put(deployment(6, initiated_by="user-02grace"))
        stage.bridge.changed.emit(frozenset({"team_member"}))
        await until(lambda: by.words(page.list.model.record(6)) == "Grace Hopper")

    async def test_each_filter_is_asked_of_the_core(self, stage: Stage, page: DeploymentsPage) -> None:
        _choose(page, "type", "destroy")
        _choose(page, "state", "open")
        _choose(page, "machine", "machine-03")
        _choose(page, "period", "week")
        await turn()
        ask = _last(stage)
        assert (ask.type, ask.state, ask.only_open) == (DeploymentType.DESTROY, None, True)
        assert ask.machine_id == "machine-03"
        assert ask.since is not None
        assert abs(now() - timedelta(days=7) - ask.since) < timedelta(minutes=1)

    async def test_two_days_bound_the_list_and_both_are_included(self, stage: Stage, page: DeploymentsPage) -> None:
        assert not stage.has("deployments.from")
        _choose(page, "period", "range")
        assert stage.has("deployments.from")
        stage.find(QDateEdit, "deployments.to").setDate(QDate(2026, 3, 14))
        stage.find(QDateEdit, "deployments.from").setDate(QDate(2026, 3, 13))
        ask = _last(stage)
        await until(lambda: (ask := _last(stage)) and ask.since and ask.since.astimezone().day == 13)
        ask = _last(stage)
        assert ask.since is not None
        assert ask.until is not None
        assert ask.until - ask.since == timedelta(days=2) - timedelta(microseconds=1)

    async def test_filters_are_remembered_even_for_a_machine(self, stage: Stage, page: DeploymentsPage) -> None:
        _choose(page, "state", "failed")
        _choose(page, "machine", "machine-05")
        again = stage.show(DeploymentsPage(stage.bridge, stage.window))
        await until(lambda: again.list.filters.state() == {"state": "failed", "machine": "machine-05"})

    async def test_a_row_reached_by_keyboard_opens_the_sidekick(self, stage: Stage, page: DeploymentsPage) -> None:
        page.list.table.setFocus(Qt.FocusReason.TabFocusReason)
        await turn()
        assert not stage.window.inspected
        QTest.keyClick(page.list.table, Qt.Key.Key_Down)
        assert stage.window.inspected[-1] == ("deployment", "deployment-00")
        QTest.keyClick(page.list.table, Qt.Key.Key_Down)
        assert stage.window.inspected[-1] == ("deployment", "deployment-01")

    async def test_nothing_deployed_yet_offers_to_deploy(self, stage: Stage) -> None:
        stage.gateway.rows[Deployment].clear()
        page = stage.show(DeploymentsPage(stage.bridge, stage.window))
        await until(lambda: stage.has("deployments.empty"))
        page.list.states.empty.activated.emit()
        assert stage.window.wizards == 1

    async def test_nothing_matching_is_another_thing_than_nothing(self, stage: Stage, page: DeploymentsPage) -> None:
        stage.type_into("deployments.search", "no such machine")
        await until(lambda: stage.has("deployments.unmatched"))
        assert not stage.has("deployments.empty")

    async def test_a_failure_is_shown_and_can_be_retried(self, stage: Stage, page: DeploymentsPage) -> None:
        answer = stage.gateway.answers[ListDeployments]

        def refuse(_ask: ListDeployments) -> tuple[Deployment, ...]:
            raise Unavailable("The database cannot be read.", hint="Free some space.", code="E-DB")

        stage.gateway.answers[ListDeployments] = refuse
        page.list.refresh()
        await until(lambda: any(each.isVisible() for each in page.findChildren(ErrorState)))
        stage.gateway.answers[ListDeployments] = answer
        page.list.states.error.retry.click()
        await until(lambda: stage.has("deployments.table"))

    async def test_a_page_made_before_the_core_has_started_asks_when_it_has(self, stage: Stage) -> None:
        from machina_desktop.bridge import Bridge

        bridge = Bridge(stage.gateway.bus)
        page = stage.show(DeploymentsPage(bridge, stage.window))
        await turn()
        assert page.list.model.rowCount() == 0
        bridge.settle(stage.gateway)
        await until(lambda: page.list.model.rowCount() == 21)
        await bridge.finish()


async def _detail(stage: Stage, run: Deployment, *, lines: int = 0, width: int = 360) -> DeploymentDetail:
    stage.gateway.put(run)
    stage.gateway.logs[run.deployment_id] = list(log_lines(lines))
    made = stage.show(DeploymentDetail(stage.bridge, stage.window, run.deployment_id), width=width)
    await until(lambda: made.title != "Deployment" and made.log.model.line_count() == lines)
    return made


def _run(state: DeploymentState, kind: DeploymentType = DeploymentType.CREATE, **fields: object) -> Deployment:
    at = now()
    made: dict[str, object] = {
        "deployment_id": KEY,
        "machine_id": "machine-05",
        "machine_name": "mail-1",
        "type": kind,
        "state": state,
        "created_at": at - timedelta(minutes=5),
        "started_at": at - timedelta(minutes=4),
        "updated_at": at - timedelta(minutes=1),
        "finished_at": at if state.is_final else None,
        "error_message": None,
    }
    return deployment(5, **{**made, **fields})


def _text(stage: Stage, name: str) -> str:
    return stage.find(QLabel, name).text()


class TestApproval:
    async def test_the_button_says_how_much_is_destroyed_and_sends_the_digest_read(self, stage: Stage) -> None:
        await _detail(stage, _run(DeploymentState.AWAITING_APPROVAL, plan_digest="a" * 64))
        assert stage.has("deployment.plan")
        assert stage.find(Button, "deployment.approve").text() == "Approve and destroy 1"
        stage.press("deployment.approve")
        await until(lambda: not stage.has("deployment.approve"))
        assert [ask.plan_digest for ask in stage.gateway.asked_of(ApproveDeployment)] == ["a" * 64]

    async def test_a_plan_that_destroys_nothing_is_simply_approved(self, stage: Stage) -> None:
        await _detail(stage, _run(DeploymentState.AWAITING_APPROVAL, plan_summary=PlanSummary(add=2)))
        assert stage.find(Button, "deployment.approve").text() == "Approve"

    async def test_a_plan_that_changed_meanwhile_is_refused_and_shown_anew(self, stage: Stage) -> None:
        made = await _detail(stage, _run(DeploymentState.AWAITING_APPROVAL, plan_digest="a" * 64))
        newer = replace(stage.gateway.get(Deployment, KEY), plan_digest="b" * 64, plan_summary=PlanSummary(add=1))
        stage.gateway.rows[Deployment][KEY] = newer
        stage.press("deployment.approve")
        problem = stage.find(Callout, "deployment.problem")
        await until(problem.isVisible)
        assert problem.title() == "The plan has changed since it was shown."
        await until(lambda: made.plan.plan() == PlanSummary(add=1))
        stage.press("deployment.approve")
        await until(lambda: not stage.has("deployment.approve"))
        assert stage.gateway.asked_of(ApproveDeployment)[-1].plan_digest == "b" * 64

    async def test_discarding_asks_first(self, stage: Stage) -> None:
        await _detail(stage, _run(DeploymentState.AWAITING_APPROVAL))
        stage.press("deployment.discard")
        assert stage.gateway.asked_of(CancelDeployment) == []
        stage.press("discard_deployment.confirm")
        await until(lambda: stage.gateway.get(Deployment, KEY).state is DeploymentState.CANCELLED)
        await until(lambda: not stage.has("deployment.discard"))

    async def test_it_is_said_when_the_plan_expires(self, stage: Stage) -> None:
        hours = SettingValue(key=APPROVAL_HOURS.key, title="", help="", value=2, default=24)
        stage.gateway.answers[ListSettings] = lambda _ask: (hours,)
        await _detail(stage, _run(DeploymentState.AWAITING_APPROVAL, updated_at=now() - timedelta(minutes=30)))
        await until(lambda: stage.has("deployment.waiting"))
        assert "1 h 29 min" in stage.find(Callout, "deployment.waiting").accessibleDescription()


class TestLog:
    async def test_every_line_is_there_once_though_the_log_grows_while_it_is_read(self, stage: Stage) -> None:
        lines = log_lines(500)
        stage.gateway.put(_run(DeploymentState.APPLYING))
        stage.gateway.logs[KEY] = list(lines[:40])
        read = stage.gateway.answers[ReadLog]
        fed = [40]

        async def read_while_it_grows(ask: ReadLog) -> LogChunk:
            chunk = read(replace(ask, limit=3000))
            if fed[0] < len(lines):
                stage.gateway.append_log(KEY, *lines[fed[0] : fed[0] + 20])
                fed[0] += 20
            await turn(3)
            assert isinstance(chunk, LogChunk)
            return chunk

        stage.gateway.answers[ReadLog] = read_while_it_grows
        made = stage.show(DeploymentDetail(stage.bridge, stage.window, KEY), width=360)
        await until(lambda: made.log.model.line_count() >= 500)
        await turn(20)
        assert made.log.model.content().decode().count("[") == 500
        offsets = [ask.offset for ask in stage.gateway.asked_of(ReadLog)]
        assert offsets == sorted(offsets)

    async def test_a_line_announced_behind_an_empty_answer_is_read(self, stage: Stage) -> None:
        stage.gateway.put(_run(DeploymentState.APPLYING))
        read = stage.gateway.answers[ReadLog]
        is_first = [True]

        async def late(ask: ReadLog) -> object:
            chunk = read(ask)
            if is_first.pop() if is_first else False:
                stage.gateway.append_log(KEY, *log_lines(1))
                await turn(5)
            return chunk

        stage.gateway.answers[ReadLog] = late
        made = stage.show(DeploymentDetail(stage.bridge, stage.window, KEY))
        await until(lambda: made.log.model.line_count() == 1)

    async def test_a_line_can_be_seen_within_200_ms(self, stage: Stage) -> None:
        made = await _detail(stage, _run(DeploymentState.APPLYING), lines=200)
        painted: list[float] = []
        made.log.canvas.verticalScrollBar().valueChanged.connect(lambda _value: painted.append(time.monotonic()))
        took = []
        # Other programs of the computer only ever make it longer: the shortest one says what it takes.
        while len(took) < 10 and min(took, default=1.0) >= VISIBLE_WITHIN_S:
            painted.clear()
            count = made.log.model.line_count() + 30
            appended = time.monotonic()
            stage.gateway.append_log(KEY, *log_lines(30))
            await until(lambda count=count: made.log.model.line_count() == count and painted)  # type: ignore[misc]
            took.append(painted[-1] - appended)
        assert min(took) < VISIBLE_WITHIN_S, took

    async def test_another_runs_log_is_left_alone(self, stage: Stage) -> None:
        await _detail(stage, _run(DeploymentState.APPLYING), lines=3)
        before = len(stage.gateway.asked_of(ReadLog))
        stage.gateway.append_log("deployment-03", *log_lines(5))
        await turn(20)
        assert len(stage.gateway.asked_of(ReadLog)) == before

    async def test_a_log_that_cannot_be_read_can_be_read_again_from_there(self, stage: Stage) -> None:
        made = await _detail(stage, _run(DeploymentState.APPLYING), lines=3)
        read = stage.gateway.answers[ReadLog]

        def refuse(_ask: ReadLog) -> LogChunk:
            raise Unavailable("The disk cannot be read.", code="E-DISK")

        stage.gateway.answers[ReadLog] = refuse
        stage.gateway.append_log(KEY, *log_lines(2))
        await until(lambda: stage.has("deployment.log_retry"))
        stage.gateway.answers[ReadLog] = read
        stage.press("deployment.log_retry")
        await until(lambda: made.log.model.line_count() == 5)
        assert not stage.has("deployment.log_retry")


class TestProgress:
    async def test_progress_is_determinate_once_the_number_is_known(self, stage: Stage) -> None:
        await _detail(stage, _run(DeploymentState.APPLYING, phase_detail="apply"))
        bar = stage.find(Progress, "deployment.progress")
        assert bar.maximum() == 0
        stage.gateway.progress(KEY, "apply", 3, 5)
        await until(lambda: bar.maximum() == 5)
        assert bar.value() == 3
        assert _text(stage, "deployment.phase") == "applying the plan  3 of 5"

    async def test_what_matters_comes_to_the_front_until_the_person_chooses(self, stage: Stage) -> None:
        await _detail(stage, _run(DeploymentState.PLANNING, plan_summary=None))
        assert stage.has("deployment.log")
        run = stage.gateway.get(Deployment, KEY)
        stage.gateway.put(replace(run, state=DeploymentState.AWAITING_APPROVAL, plan_summary=PlanSummary(add=1)))
        await until(lambda: stage.has("deployment.plan"))
        stage.press("deployment.part.details")
        stage.gateway.put(replace(run, state=DeploymentState.APPLYING))
        await until(lambda: not stage.has("deployment.approve"))
        assert stage.has("deployment.machine")

    async def test_the_details_lead_to_the_machine_and_say_who_did_what(self, stage: Stage) -> None:
        made = await _detail(stage, _run(DeploymentState.SUCCEEDED, approved_by="user-02grace"))
        made.show_part("details")
        texts = {label.text() for label in made.findChildren(QLabel) if label.isVisible()}
        assert {"Ada Lovelace (you)", "user-02grace", "Create"} <= texts
        stage.press("deployment.machine.open")
        assert stage.window.inspected == [("machine", "machine-05")]


class TestCancel:
    async def test_cancelling_an_apply_says_what_may_be_left(self, stage: Stage) -> None:
        await _detail(stage, _run(DeploymentState.APPLYING))
        stage.press("deployment.cancel")
        question = stage.find(QWidget, "cancel_deployment")
        said = " ".join(label.text() for label in question.findChildren(QLabel))
        assert "may be left half-made" in said
        assert stage.gateway.asked_of(CancelDeployment) == []
        stage.press("cancel_deployment.confirm")
        await until(lambda: stage.has("deployment.cancelling"))
        assert stage.find(Callout, "deployment.cancelling").title().startswith("Cancelling, waiting for the provider (")
        assert not stage.has("deployment.cancel")
        assert not stage.has("deployment.force")

    async def test_a_queued_run_is_cancelled_without_a_question(self, stage: Stage) -> None:
        await _detail(stage, _run(DeploymentState.QUEUED, started_at=None))
        stage.press("deployment.cancel")
        await until(lambda: stage.gateway.get(Deployment, KEY).state is DeploymentState.CANCELLED)

    @pytest.mark.parametrize(("waited_s", "is_offered"), [(20, False), (31, True)])
    async def test_force_is_offered_only_after_30_seconds(
        self, stage: Stage, waited_s: int, *, is_offered: bool
    ) -> None:
        asked = now() - timedelta(seconds=waited_s)
        await _detail(stage, _run(DeploymentState.APPLYING, cancel_level=1, cancel_requested_at=asked))
        assert stage.has("deployment.force") is is_offered

    async def test_forcing_warns_and_asks_a_second_time(self, stage: Stage) -> None:
        asked = now() - timedelta(seconds=40)
        await _detail(stage, _run(DeploymentState.APPLYING, cancel_level=1, cancel_requested_at=asked))
        title = stage.find(Callout, "deployment.cancelling").title()
        assert int(title.rpartition("(")[2].removesuffix(" s)")) >= 40
        stage.press("deployment.force")
        said = " ".join(label.text() for label in stage.find(QWidget, "force_deployment").findChildren(QLabel))
        assert "does not know of" in said
        assert stage.gateway.asked_of(CancelDeployment) == []
        stage.press("force_deployment.confirm")
        await until(lambda: stage.gateway.get(Deployment, KEY).cancel_level == 2)
        await until(lambda: not stage.has("deployment.force"))


class TestFailure:
    async def test_a_failure_says_what_happened_and_copies_its_details(self, stage: Stage) -> None:
        run = _run(
            DeploymentState.FAILED,
            error_message="Terraform could not reach the provider.",
            error_code="E-TF-APPLY",
            error_hint="Check the token.",
        )
        await _detail(stage, run)
        failure = stage.find(Callout, "deployment.failure")
        assert failure.title() == "Terraform could not reach the provider."
        assert failure.accessibleDescription() == "Check the token."
        stage.press("deployment.failure.copy_details")
        assert (
            "E-TF-APPLY: Terraform could not reach the provider. Check the token." in QGuiApplication.clipboard().text()
        )

    async def test_trying_again_is_offered_while_the_machine_is_in_error(self, stage: Stage) -> None:
        stage.gateway.put(machine(5, actual_status=MachineStatus.ERROR))
        await _detail(stage, _run(DeploymentState.FAILED, error_message="It broke."))
        await until(lambda: stage.has("deployment.retry"))
        stage.press("deployment.retry")
        await until(lambda: stage.window.inspected)
        (ask,) = stage.gateway.asked_of(RetryMachine)
        assert ask.machine_id == "machine-05"
        assert stage.window.inspected == [("deployment", ask.deployment_id)]

    async def test_trying_again_makes_no_sense_once_the_machine_runs(self, stage: Stage) -> None:
        stage.gateway.put(machine(5, actual_status=MachineStatus.ERROR))
        await _detail(stage, _run(DeploymentState.FAILED, error_message="It broke."))
        await until(lambda: stage.has("deployment.retry"))
        stage.gateway.put(replace(stage.gateway.get(Machine, "machine-05"), actual_status=MachineStatus.RUNNING))
        await until(lambda: not stage.has("deployment.retry"))

    async def test_a_deployment_that_does_not_exist_says_so(self, stage: Stage) -> None:
        stage.show(DeploymentDetail(stage.bridge, stage.window, "deployment-none"))
        await until(lambda: stage.has("detail.gone"))


class TestShape:
    @pytest.mark.parametrize("state", list(DeploymentState))
    async def test_it_fits_the_sidekick_in_every_state(self, stage: Stage, state: DeploymentState) -> None:
        made = await _detail(stage, _run(state, machine_name="n" * 200, error_message="m " * 200), lines=20)
        made.show_part("details")
        await turn()
        assert made.minimumSizeHint().width() <= 360

    async def test_every_control_can_be_reached_and_named(self, stage: Stage, page: DeploymentsPage) -> None:
        made = await _detail(stage, _run(DeploymentState.AWAITING_APPROVAL))
        reached = [
            each
            for parent in (page, made)
            for each in parent.findChildren(QWidget)
            if each.isVisible() and each.focusPolicy() & Qt.FocusPolicy.TabFocus and not each.focusProxy()
        ]
        assert [type(each).__name__ for each in reached if not each.accessibleName()] == []
        assert {"deployment.approve", "deployment.discard"} <= {each.objectName() for each in reached}


class TestTheWayOn:
    async def test_what_was_made_opens_from_the_foot(self, stage: Stage) -> None:
        stage.gateway.put(machine(5, actual_status=MachineStatus.RUNNING))
        await _detail(stage, _run(DeploymentState.SUCCEEDED))
        await until(lambda: stage.has("deployment.open_machine"))
        stage.press("deployment.open_machine")
        assert stage.window.inspected[-1] == ("machine", "machine-05")

    async def test_what_is_gone_does_not(self, stage: Stage) -> None:
        stage.gateway.put(machine(5, actual_status=MachineStatus.TERMINATED))
        await _detail(stage, _run(DeploymentState.SUCCEEDED, DeploymentType.DESTROY))
        await turn(20)
        assert not stage.has("deployment.open_machine")

    async def test_approving_from_the_keyboard_leads_to_what_shows_the_run(self, stage: Stage) -> None:
        made = await _detail(stage, _run(DeploymentState.AWAITING_APPROVAL, plan_digest="a" * 64))
        made.foot.approve.setFocus()
        QTest.keyClick(made.foot.approve, Qt.Key.Key_Space)
        await until(lambda: not stage.has("deployment.approve"))
        await until(lambda: made.window().focusWidget() is made.log.canvas)

    async def test_a_missing_terraform_leads_to_the_setting(self, stage: Stage) -> None:
        await _detail(stage, _run(DeploymentState.FAILED, error_message="No Terraform.", error_code="E-TF-MISSING"))
        stage.press("deployment.open_settings")
        assert stage.window.opened == ["settings"]

    async def test_other_failures_do_not(self, stage: Stage) -> None:
        await _detail(stage, _run(DeploymentState.FAILED, error_message="No answer.", error_code="E-SSH-REFUSED"))
        assert not stage.has("deployment.open_settings")
