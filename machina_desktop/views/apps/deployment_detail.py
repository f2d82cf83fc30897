"""What the sidekick shows of a deployment: where it stands, its plan, its live log, and what can be done about it."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QVBoxLayout, QWidget

from machina_desktop.bridge import Bridge
from machina_desktop.core.config import APPROVAL_HOURS
from machina_desktop.core.domain.deployment import Deployment, DeploymentState
from machina_desktop.core.domain.machine import Machine
from machina_desktop.core.errors import MachinaError
from machina_desktop.core.events import ProgressMade
from machina_desktop.core.services.deployments import GetDeployment
from machina_desktop.core.services.device import ListSettings, SettingValue
from machina_desktop.core.services.machines import GetMachine
from machina_desktop.views import tasks, wording
from machina_desktop.views.apps.base import Detail, Window
from machina_desktop.views.apps.deployment_actions import DeploymentActions
from machina_desktop.views.apps.deployment_header import DeploymentHeader, DeploymentRemarks
from machina_desktop.views.apps.deployment_log import LogFollower
from machina_desktop.views.apps.deployment_parts import DeploymentParts
from machina_desktop.views.apps.deployment_words import approver_of, counts_of, title_of
from machina_desktop.views.callout import Callout
from machina_desktop.views.commands import Command
from machina_desktop.views.detail_panel import DetailPanel, EntityLink, Sections
from machina_desktop.views.models.live_query import LiveQuery
from machina_desktop.views.people import people_of
from machina_desktop.views.run_words import kind_word
from machina_desktop.views.server_custody import device_of, place_words
from machina_desktop.views.theme import Space
from machina_desktop.views.widgets.buttons import Button
from machina_desktop.views.widgets.log_view import LogView
from machina_desktop.views.widgets.plan_view import PlanView
from machina_desktop.views.widgets.text import KeyValueList

_PLAN_FIRST = frozenset({DeploymentState.AWAITING_APPROVAL, DeploymentState.CANCELLED})


class DeploymentDetail(Detail):
    """One run. The part that matters now, plan or log, comes to the front until the person chooses another."""

    def __init__(self, bridge: Bridge, window: Window, key: str) -> None:
        super().__init__(bridge, window, key)
        self.setObjectName("deployment")
        self._run: Deployment | None = None
        self._machine_query: LiveQuery[Machine] | None = None
        self._has_chosen = False
        self.header = DeploymentHeader()
        self.remarks = DeploymentRemarks()
        self.foot = DeploymentActions(bridge)
        self.plan = PlanView()
        self.log = LogView(name=self.tr("Log"), file_name=f"{key}.log")
        self._link = EntityLink("", "server")
        self._facts = KeyValueList()
        self._log_trouble = Callout("error")
        self._log_part = self._build_log()
        self.parts = DeploymentParts(self.plan, self._log_part, self._build_details())
        self._panel = DetailPanel(self._build_content(), parent=self)
        self._build_frame()
        self._connect()
        self._follow()

    @property
    def title(self) -> str:
        return title_of(self._run) if self._run is not None else self.tr("Deployment")

    def commands(self) -> Iterable[Command]:
        yield from self.foot.commands()
        yield from self.log.commands()
        for key, title, icon_name in (
            ("plan", self.tr("Show the plan"), "file-text"),
            ("log", self.tr("Show the log"), "scroll-text"),
            ("details", self.tr("Show the details of the run"), "info"),
        ):
            yield Command(
                name=f"deployment.show_{key}",
                title=title,
                group=self.tr("Deployments"),
                icon=icon_name,
                run=partial(self.show_part, key),
                is_available=partial(self._is_behind, key),
            )

    def _is_behind(self, part: str) -> bool:
        return self._run is not None and not self.parts.is_in_front(part)

    def first_focus(self) -> QWidget | None:
        return self.foot.first_focus()

    def show_part(self, key: str) -> None:
        """Bring ``plan``, ``log`` or ``details`` to the front, and let it stay there."""
        self._has_chosen = True
        self.parts.show_part(key)

    def _build_content(self) -> QWidget:
        content = QWidget()
        column = QVBoxLayout(content)
        column.setContentsMargins(Space.L, 0, Space.L, Space.M)
        column.addWidget(self.parts)
        self.plan.setObjectName("deployment.plan")
        self.log.setObjectName("deployment.log")
        self._log_trouble.setObjectName("deployment.log_trouble")
        return content

    def _build_log(self) -> QWidget:
        log = QWidget()
        column = QVBoxLayout(log)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self._log_trouble)
        column.addWidget(self.log, 1)
        log.setFocusProxy(self.log.canvas)
        return log

    def _build_details(self) -> Sections:
        for key, name in (
            ("type", self.tr("Type")),
            ("plan", self.tr("Plan")),
            ("by", self.tr("Started by")),
            ("place", self.tr("Runs on")),
            ("approved", self.tr("Approved by")),
            ("asked", self.tr("Asked for")),
            ("started", self.tr("Started")),
            ("finished", self.tr("Finished")),
            ("waited", self.tr("Waited")),
            ("took", self.tr("Took")),
            ("attempt", self.tr("Attempt")),
        ):
            self._facts.add_text(key, name)
        self._facts.add_copyable("workspace", self.tr("Workspace"))
        self._facts.add_copyable("digest", self.tr("Plan digest"))
        self._facts.add_copyable("id", self.tr("Deployment id"))
        self._link.setObjectName("deployment.machine")
        sections = Sections(margin=0)
        sections.add(self.tr("Machine"), self._link)
        sections.add(self.tr("Run"), self._facts)
        return sections

    def _build_frame(self) -> None:
        self._panel.problem.setObjectName("deployment.problem")
        self._panel.set_header(self.header)
        self._panel.add_remark(self.remarks)
        self._panel.set_foot(self.foot)
        again = Button(self.tr("Read again"), icon_name="rotate-cw")
        again.setObjectName("deployment.log_retry")
        again.clicked.connect(self._on_read_again)
        self._log_trouble.add_button(again)

    def _connect(self) -> None:
        self.parts.chosen.connect(self._on_part_chosen)
        self.remarks.settings_wanted.connect(lambda: self.window_door.open_app("settings"))
        self.foot.asked.connect(self._panel.problem.clear)
        self.foot.failed.connect(self._on_refused)
        self.foot.restarted.connect(lambda run: self.window_door.inspect("deployment", run.deployment_id))
        self.foot.machine_wanted.connect(lambda key: self.window_door.inspect("machine", key))
        self.foot.focus_freed.connect(self.parts.focus_part)
        self._link.clicked.connect(self._on_link)
        self.log.save_failed.connect(self._panel.show_problem)
        self.bridge.progressed.connect(self._on_progress)
        self._ticking = QTimer(self, interval=1000)
        self._ticking.timeout.connect(self._on_tick)

    def _follow(self) -> None:
        people_of(self.bridge).changed.connect(self._on_people)
        self._follower = LogFollower(self.bridge, self.key, self)
        self._follower.arrived.connect(self.log.append_lines)
        self._follower.failed.connect(self._log_trouble.say_error)
        self._query = LiveQuery(
            self.bridge,
            GetDeployment(deployment_id=self.key),
            depends=frozenset({"deployment"}),
            on_answer=self._on_run,
            on_error=self._panel.show_error,
            parent=self,
        )
        self._panel.retried.connect(self._query.refresh)
        tasks.ask(self.bridge, ListSettings(), owner=self, done=self._on_settings, failed=lambda _error: None)

    def _on_run(self, run: Deployment) -> None:
        before, self._run = self._run, run
        if before is None or before.plan_summary != run.plan_summary:
            self.plan.set_plan(run.plan_summary)
        if (before is None or before.state is not run.state) and not self._has_chosen:
            has_plan = run.plan_summary is not None
            self.parts.show_part("plan" if has_plan and run.state in _PLAN_FIRST else "log")
        self._on_tick()
        self._show_facts(run)
        self._panel.show_content()
        self.setWindowTitle(self.title)
        if run.state.is_final:
            self._ticking.stop()
        else:
            self._ticking.start()
        if self._machine_query is None and run.machine_id is not None:
            self._watch_machine(run.machine_id)

    def _on_tick(self) -> None:
        if self._run is not None:
            self.header.show_run(self._run)
            self.remarks.show_run(self._run)
            self.foot.show_run(self._run)
            self._panel.set_foot_visible(self.foot.has_any())

    def _watch_machine(self, machine_id: str) -> None:
        self._machine_query = LiveQuery(
            self.bridge,
            GetMachine(machine_id=machine_id),
            depends=frozenset({"machine"}),
            on_answer=self._on_machine,
            on_error=lambda _error: None,
            parent=self,
        )

    def _on_machine(self, machine: Machine) -> None:
        self._link.set_text(machine.name, machine.actual_status)
        self.foot.show_machine(machine)
        self._on_tick()

    def _show_facts(self, run: Deployment) -> None:
        self._link.setEnabled(run.machine_id is not None)
        if self._machine_query is None:
            self._link.set_text(run.machine_name or self.tr("No machine"))
        self._facts.set_values(
            {
                "type": kind_word(run.type),
                "plan": counts_of(run),
                "by": wording.person(self.bridge, run.initiated_by),
                "place": place_words(run.runs_on, device_of(self.bridge)),
                "approved": approver_of(self.bridge, run),
                "asked": wording.full_moment(run.created_at),
                "started": wording.full_moment(run.started_at),
                "finished": wording.full_moment(run.finished_at),
                "waited": wording.since(run.created_at, run.started_at) if run.started_at else "–",
                "took": wording.since(run.started_at, run.finished_at) if run.finished_at else "–",
                "attempt": str(run.attempt),
                "workspace": run.terraform_workspace,
                "digest": run.plan_digest,
                "id": run.deployment_id,
            }
        )
        self._facts.set_row_visible("place", bool(device_of(self.bridge)))
        self._facts.set_row_visible("attempt", run.attempt > 1)
        self._facts.set_row_visible("digest", bool(run.plan_digest))

    def _on_people(self) -> None:
        if self._run is not None:
            self._show_facts(self._run)

    def _on_progress(self, progress: ProgressMade) -> None:
        if progress.deployment_id == self.key:
            self.header.show_progress(progress)

    def _on_settings(self, settings: tuple[SettingValue, ...]) -> None:
        for setting in settings:
            if setting.key == APPROVAL_HOURS.key and isinstance(setting.value, int):
                self.remarks.approval_hours = setting.value
        self._on_tick()

    def _on_part_chosen(self) -> None:
        self._has_chosen = True

    def _on_refused(self, error: MachinaError) -> None:
        self._panel.show_problem(error)
        # What was shown may be out of date: another plan, another state.
        self._query.refresh()

    def _on_link(self) -> None:
        if self._run is not None and self._run.machine_id is not None:
            self.window_door.inspect("machine", self._run.machine_id)

    def _on_read_again(self) -> None:
        self._log_trouble.clear()
        self._follower.retry()
