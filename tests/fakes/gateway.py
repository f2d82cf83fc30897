"""A gateway that answers every request of the window from rows in memory, and a bridge in front of it.

    gateway = FakeGateway(team_rows())
    bridge = bridge_with(gateway)
    page = MachinesPage(bridge, RecordingWindow())
    await until(lambda: page.count() == 40)

Writes change the rows and announce themselves as the real host does. A test overrides an answer with
``gateway.answers[ListMachines] = lambda ask: …`` (it may raise, or return an awaitable) and reads what was asked in
``gateway.asked``.
"""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field, is_dataclass, replace
from typing import Any, TypeVar, cast

import shiboken6
from PySide6.QtCore import QCoreApplication, QEvent, QTimer
from PySide6.QtWidgets import QApplication, QWidget

from machina_desktop.bridge import Bridge
from machina_desktop.core.domain.audit import AuditEvent
from machina_desktop.core.domain.deployment import Deployment, DeploymentState, DeploymentType
from machina_desktop.core.domain.firewall import FirewallProfile
from machina_desktop.core.domain.invite import TeamInvite
from machina_desktop.core.domain.key import SSHKey
from machina_desktop.core.domain.machine import Machine, MachineStatus, name_problem
from machina_desktop.core.domain.provider import Catalogue, CredentialStatus, ProviderAccount
from machina_desktop.core.domain.recording import Recording
from machina_desktop.core.domain.snippet import OwnSnippet, Snippet
from machina_desktop.core.domain.team import Actor, Grant, SystemRole, Team, TeamMember, TeamRole, User
from machina_desktop.core.errors import Conflict, InvalidInput, NotFound
from machina_desktop.core.events import Change, Changed, EventBus, LogAppended, ProgressMade
from machina_desktop.core.ids import now
from machina_desktop.core.services import deployments, keys, machines, offers, providers
from machina_desktop.core.services.use_case import Request
from machina_desktop.views.commands import Commands
from tests.fakes.cloud_answers import CloudAnswers
from tests.fakes.people_answers import PeopleAnswers
from tests.fakes.recording_rows import recording_answers, recording_rows
from tests.fakes.rows import ACTOR_ID, CATALOGUES, PROVIDER_INFOS, TEAM_ID
from tests.fakes.server_answers import ServerAnswers

R = TypeVar("R")
Answer = Callable[[Any], object]

ENTITIES = {
    Machine: ("machine", "machine_id"),
    Deployment: ("deployment", "deployment_id"),
    ProviderAccount: ("provider_account", "provider_account_id"),
    SSHKey: ("ssh_key", "ssh_key_id"),
    Team: ("team", "team_id"),
    User: ("user", "user_id"),
    TeamMember: ("team_member", "team_member_id"),
    Grant: ("grant", "grant_id"),
    TeamInvite: ("team_invite", "invite_id"),
    AuditEvent: ("audit_event", "audit_event_id"),
    Recording: ("recording", "recording_id"),
    Snippet: ("snippet", "snippet_id"),
    FirewallProfile: ("firewall_profile", "profile_id"),
    OwnSnippet: ("own_snippet", "snippet_id"),
}

ACTOR = Actor(
    user_id=ACTOR_ID,
    display_name="Ada Lovelace",
    system_role=SystemRole.ADMIN,
    team_roles=((TEAM_ID, TeamRole.ADMIN),),
)


class FakeGateway:
    """Rows by class and id, an answer per request class, and a record of what was asked.

    Attributes:
        actor: Who asks, as the bridge hears it.
        asked: Every request, in order.
        answers: Request class to a function of the request; add or replace at will.
        logs: Log lines by deployment id, for ``ReadLog``; offsets count lines as 100 bytes each.
        bus: Where writes are announced; :func:`bridge_with` listens to it.
        servers: The shared servers, and the edits that wait for them.
        gate: While set, answers wait for it: a page stays in its loading state.
    """

    def __init__(self, rows: Iterable[object] = ()) -> None:
        self.rows: dict[type[object], dict[str, Any]] = {shape: {} for shape in ENTITIES}
        self.asked: list[Request[Any]] = []
        self.actor = ACTOR
        self.logs: dict[str, list[Any]] = {}
        self.bus = EventBus()
        self.gate: asyncio.Event | None = None
        self._seq = 0
        self.servers = ServerAnswers(self)
        for row in (*rows, *recording_rows()):
            self.rows[type(row)][getattr(row, ENTITIES[type(row)][1])] = row
        self.answers: dict[type[Any], Answer] = {
            **self._machine_answers(),
            **self._deployment_answers(),
            **self._account_answers(),
            **self._key_answers(),
            **CloudAnswers(self).answers(),
            **recording_answers(self.all),
            **PeopleAnswers(self).answers(),
            **self.servers.answers(),
        }

    def actor_in(self, team_id: str) -> Actor:
        """The same person everywhere."""
        return self.actor

    async def call(self, ask: Request[R]) -> R:
        """The answer, after one turn of the loop, as from the real thing."""
        self.asked.append(ask)
        await asyncio.sleep(0)
        if self.gate is not None:
            await self.gate.wait()
        answer = self.answers.get(type(ask))
        if answer is None:
            raise NotFound(f"The fake gateway has no answer for {type(ask).__name__}.")
        result = answer(ask)
        return cast("R", await result if inspect.isawaitable(result) else result)

    def asked_of(self, shape: type[R]) -> list[R]:
        """The requests of one class, in order."""
        return [ask for ask in self.asked if isinstance(ask, shape)]

    def all(self, shape: type[R]) -> list[R]:
        """All rows of a class."""
        return list(self.rows[shape].values())

    def get(self, shape: type[R], key: str) -> R:
        """One row; raises `NotFound` as the store does."""
        row = self.rows[shape].get(key)
        if row is None:
            raise NotFound(f"There is no {ENTITIES[shape][0]} {key}.")
        return cast("R", row)

    def put(self, row: R) -> R:
        """Add or replace a row and announce the change."""
        entity, id_field = ENTITIES[type(row)]
        key = getattr(row, id_field)
        self.rows[type(row)][key] = row
        self._announce(entity, key, asdict(row) if is_dataclass(row) and not isinstance(row, type) else None)
        return row

    def remove(self, shape: type[object], key: str) -> None:
        """Delete a row and announce the change."""
        self.get(shape, key)
        del self.rows[shape][key]
        self._announce(ENTITIES[shape][0], key, None)

    def append_log(self, deployment_id: str, *lines: object) -> None:
        """Let a run print lines."""
        log = self.logs.setdefault(deployment_id, [])
        log.extend(lines)
        self.bus.publish(LogAppended(deployment_id, len(log) * 100))

    def progress(self, deployment_id: str, phase: str, done: int, total: int) -> None:
        """Let a run move on within its state."""
        self.bus.publish(ProgressMade(deployment_id, phase, done, total))

    def _announce(self, entity: str, key: str, row: dict[str, Any] | None) -> None:
        self._seq += 1
        change = Change(team_id=TEAM_ID, seq=self._seq, entity=entity, entity_id=key, row=row, at=now())
        self.bus.publish(Changed((change,)))

    def _machine_answers(self) -> dict[type[Any], Answer]:
        return {
            machines.ListMachines: self._list_machines,
            machines.GetMachine: lambda ask: self.get(Machine, ask.machine_id),
            machines.CreateMachine: self._create_machine,
            machines.UpdateMachine: self._update_machine,
            machines.DestroyMachine: self._destroy_machine,
            machines.RebootMachine: lambda ask: self._run(ask, DeploymentType.REBOOT, MachineStatus.REBOOTING),
            machines.StartMachine: lambda ask: self._run(ask, DeploymentType.START, MachineStatus.PROVISIONING),
            machines.StopMachine: lambda ask: self._run(ask, DeploymentType.STOP, MachineStatus.STOPPING),
            machines.RefreshMachine: lambda ask: self._run(ask, DeploymentType.REFRESH, None),
            machines.RetryMachine: lambda ask: self._run(ask, DeploymentType.CREATE, MachineStatus.PROVISIONING),
        }

    def _list_machines(self, ask: machines.ListMachines) -> tuple[Machine, ...]:
        found = [
            row
            for row in self.all(Machine)
            if (ask.include_gone or ask.status is not None or not row.is_gone)
            and (ask.status is None or row.actual_status is ask.status)
            and (ask.provider is None or row.provider is ask.provider)
            and ask.region in {"", row.region}
            and ask.search.lower() in f"{row.name} {row.public_ip or ''} {' '.join(row.tags)}".lower()
        ]
        return tuple(sorted(found, key=lambda row: row.name)[: ask.limit])

    def _create_machine(self, ask: machines.CreateMachine) -> Machine:
        if problem := name_problem(ask.name):
            raise InvalidInput(problem, field="name", code="E-MACHINE-NAME")
        if any(row.name == ask.name and not row.is_gone for row in self.all(Machine)):
            raise Conflict(f"There is already a machine called {ask.name}.", code="E-NAME-TAKEN")
        account = self.get(ProviderAccount, ask.account_id)
        at = now()
        machine = Machine(
            machine_id=ask.machine_id,
            team_id=ask.team_id,
            name=ask.name,
            provider=account.provider_type,
            provider_account_id=ask.account_id,
            region=ask.region,
            zone=ask.zone,
            size=ask.size,
            image=ask.image,
            ssh_host=ask.host,
            ssh_port=ask.port,
            ssh_user=ask.user,
            host_key=ask.host_key,
            ssh_key_ids=ask.key_ids,
            bootstrap_script=ask.bootstrap_script,
            tags=ask.tags,
            notes=ask.notes,
            is_protected=ask.is_protected,
            created_at=at,
            updated_at=at,
        )
        self.put(machine)
        self._queue(machine, DeploymentType.CREATE, ask.deployment_id, auto_approve=ask.auto_approve)
        return machine

    def _update_machine(self, ask: machines.UpdateMachine) -> Machine:
        given = {"tags": ask.tags, "notes": ask.notes, "is_protected": ask.is_protected}
        row = self.get(Machine, ask.machine_id)
        return self.put(replace(row, **{name: value for name, value in given.items() if value is not None}))

    def _destroy_machine(self, ask: machines.DestroyMachine) -> Deployment:
        machine = self.get(Machine, ask.machine_id)
        if machine.is_protected and ask.confirm_name != machine.name:
            raise Conflict(f"{machine.name} is protected.", code="E-PROTECTED")
        self.put(replace(machine, desired_status=MachineStatus.TERMINATED))
        return self._queue(machine, DeploymentType.DESTROY, ask.deployment_id, auto_approve=ask.auto_approve)

    def _run(self, ask: Any, kind: DeploymentType, status: MachineStatus | None) -> Deployment:
        machine = self.get(Machine, ask.machine_id)
        if status is not None:
            self.put(replace(machine, actual_status=status, status_reason=""))
        return self._queue(machine, kind, ask.deployment_id)

    def _queue(
        self, machine: Machine, kind: DeploymentType, deployment_id: str, *, auto_approve: bool = False
    ) -> Deployment:
        at = now()
        return self.put(
            Deployment(
                deployment_id=deployment_id,
                team_id=machine.team_id,
                machine_id=machine.machine_id,
                machine_name=machine.name,
                type=kind,
                initiated_by=ACTOR_ID,
                auto_approve=auto_approve,
                created_at=at,
                updated_at=at,
            )
        )

    def _deployment_answers(self) -> dict[type[Any], Answer]:
        return {
            deployments.ListDeployments: self._list_deployments,
            deployments.GetDeployment: lambda ask: self.get(Deployment, ask.deployment_id),
            deployments.ReadLog: self._read_log,
            deployments.ApproveDeployment: self._approve,
            deployments.CancelDeployment: self._cancel,
        }

    def _list_deployments(self, ask: deployments.ListDeployments) -> tuple[Deployment, ...]:
        found = [
            row
            for row in self.all(Deployment)
            if (ask.state is None or row.state is ask.state)
            and (not ask.only_open or not row.state.is_final)
            and (ask.type is None or row.type is ask.type)
            and ask.machine_id in {None, row.machine_id}
            and (ask.since is None or row.created_at >= ask.since)
            and (ask.until is None or row.created_at <= ask.until)
            and ask.search.lower() in f"{row.machine_name} {row.deployment_id}".lower()
        ]
        return tuple(sorted(found, key=lambda row: row.created_at, reverse=True)[: ask.limit])

    def _read_log(self, ask: deployments.ReadLog) -> deployments.LogChunk:
        first = ask.offset // 100
        lines = tuple(self.logs.get(ask.deployment_id, [])[first : first + max(1, ask.limit // 100)])
        return deployments.LogChunk(lines=lines, start=ask.offset, end=ask.offset + 100 * len(lines))

    def _approve(self, ask: deployments.ApproveDeployment) -> Deployment:
        row = self.get(Deployment, ask.deployment_id)
        if row.state is not DeploymentState.AWAITING_APPROVAL:
            raise Conflict("There is no plan to approve.", code="E-NOT-AWAITING")
        if ask.plan_digest and ask.plan_digest != row.plan_digest:
            raise Conflict("The plan has changed since it was shown.", code="E-PLAN-CHANGED")
        return self.put(replace(row, state=DeploymentState.APPLYING, approved_by=ACTOR_ID, started_at=now()))

    def _cancel(self, ask: deployments.CancelDeployment) -> Deployment:
        row = self.get(Deployment, ask.deployment_id)
        if row.state in {DeploymentState.QUEUED, DeploymentState.AWAITING_APPROVAL}:
            return self.put(replace(row, state=DeploymentState.CANCELLED, finished_at=now()))
        return self.put(replace(row, cancel_level=2 if ask.force else 1, cancel_requested_at=now()))

    def _account_answers(self) -> dict[type[Any], Answer]:
        return {
            providers.ListProviders: lambda _ask: PROVIDER_INFOS,
            providers.ListAccounts: self._list_accounts,
            providers.AddAccount: self._add_account,
            providers.VerifyAccount: self._verify_account,
            providers.DeleteAccount: lambda ask: self.remove(ProviderAccount, ask.account_id),
            offers.ListCatalogue: self._catalogue,
            providers.ProbeHost: self._probe,
        }

    def _list_accounts(self, ask: providers.ListAccounts) -> tuple[ProviderAccount, ...]:
        found = [
            row
            for row in self.all(ProviderAccount)
            if ask.type in {None, row.provider_type} and ask.search.lower() in row.label.lower()
        ]
        return tuple(sorted(found, key=lambda row: row.label))

    def _add_account(self, ask: providers.AddAccount) -> ProviderAccount:
        info = next(info for info in PROVIDER_INFOS if info.type is ask.type)
        for entry in info.account_fields:
            if entry.is_required and not ask.fields.get(entry.name):
                raise InvalidInput(f"{entry.title} is needed.", field=entry.name)
        if any(row.label == ask.label for row in self.all(ProviderAccount)):
            raise Conflict(f"There is already an account called {ask.label}.", code="E-LABEL-TAKEN")
        at = now()
        return self.put(
            ProviderAccount(
                provider_account_id=ask.account_id,
                team_id=ask.team_id,
                provider_type=ask.type,
                label=ask.label,
                credential_status=CredentialStatus.VALID,
                last_verified_at=at,
                settings={entry.name: "" for entry in info.account_fields if not entry.is_secret},
                created_at=at,
                updated_at=at,
            )
        )

    def _verify_account(self, ask: providers.VerifyAccount) -> ProviderAccount:
        row = self.get(ProviderAccount, ask.account_id)
        return self.put(replace(row, credential_status=CredentialStatus.VALID, last_verified_at=now()))

    def _catalogue(self, ask: offers.ListCatalogue) -> Catalogue:
        return CATALOGUES[self.get(ProviderAccount, ask.account_id).provider_type]

    def _probe(self, ask: providers.ProbeHost) -> providers.HostKeyFound:
        if not ask.host:
            raise InvalidInput("Give the host.", field="host")
        return providers.HostKeyFound(
            fingerprint="SHA256:4Vv1s7k0k3Yx9mW2cQpTq8rJd6uZbNfLhEaGiOoPxYs", key_type="ssh-ed25519"
        )

    def _key_answers(self) -> dict[type[Any], Answer]:
        return {
            keys.ListKeys: self._list_keys,
            keys.GetKey: lambda ask: self.get(SSHKey, ask.key_id),
            keys.GenerateKey: lambda ask: self._add_key(ask, ask.type, has_private=True),
            keys.ImportKey: lambda ask: self._add_key(ask, None, has_private=bool(ask.private_key)),
            keys.ExportKey: lambda ask: ask.to,
            keys.DeleteKey: lambda ask: self.remove(SSHKey, ask.key_id),
        }

    def _list_keys(self, ask: keys.ListKeys) -> tuple[SSHKey, ...]:
        found = [row for row in self.all(SSHKey) if ask.search.lower() in f"{row.name} {row.fingerprint}".lower()]
        return tuple(sorted(found, key=lambda row: row.name))

    def _add_key(self, ask: Any, kind: Any, *, has_private: bool) -> SSHKey:
        if not ask.name.strip():
            raise InvalidInput("Give the key a name.", field="name")
        if any(row.name == ask.name for row in self.all(SSHKey)):
            raise Conflict(f"There is already a key called {ask.name}.", code="E-NAME-TAKEN")
        at = now()
        return self.put(
            SSHKey(
                ssh_key_id=ask.key_id,
                team_id=ask.team_id,
                name=ask.name.strip(),
                fingerprint=f"SHA256:{ask.key_id[-26:]}".ljust(50, "x"),
                public_key=getattr(ask, "public_key", "") or f"ssh-ed25519 AAAA{ask.key_id[-26:]} {ask.name}",
                provider_key_ids={},
                key_type=kind or keys.SSHKeyType.ED25519,
                key_bits=256,
                has_private_key=has_private,
                created_at=at,
                updated_at=at,
            )
        )


def bridge_with(gateway: FakeGateway) -> Bridge:
    """A settled bridge to ``gateway``, its signals fed by the gateway's writes. Call it inside the running loop."""
    gateway.bus.attach(asyncio.get_running_loop())
    bridge = Bridge(gateway.bus)
    bridge.settle(gateway)
    return bridge


@dataclass
class RecordingWindow:
    """The window as a page sees it; remembers what was asked of it."""

    inspected: list[tuple[str, str]] = field(default_factory=list)
    opened: list[str] = field(default_factory=list)
    done: list[tuple[str, str]] = field(default_factory=list)
    notices: list[tuple[str, str]] = field(default_factory=list)
    wizards: int = 0
    likes: list[Machine | None] = field(default_factory=list)
    teams: list[str] = field(default_factory=list)
    places: list[tuple[str, str]] = field(default_factory=list)

    def choose_team(self, team_id: str) -> None:
        self.teams.append(team_id)

    def inspect(self, entity: str, key: str) -> None:
        self.inspected.append((entity, key))

    def is_inspecting(self, entity: str, key: str) -> bool:
        return self.inspected[-1:] == [(entity, key)]

    def open_app(self, name: str, place: str = "") -> None:
        self.opened.append(name)
        self.places.append((name, place))

    def do(self, app: str, command: str) -> None:
        self.done.append((app, command))

    def notify(
        self,
        text: str,
        *,
        kind: str = "info",
        action: str = "",
        on_action: Callable[[], None] | None = None,
        about: str = "",
    ) -> None:
        self.notices.append((kind, text))

    def open_deploy_wizard(self, *, like: Machine | None = None) -> None:
        self.wizards += 1
        self.likes.append(like)

    def offer_commands(self, bridge: Bridge, commands: Commands, window: QWidget) -> None:
        """Windows of pages have no palette here."""


async def until(condition: Callable[[], object], *, deadline_s: float = 60.0) -> None:
    """Turn both loops, asyncio's and Qt's, until ``condition`` holds; fails after the deadline."""
    end = time.monotonic() + deadline_s
    while not condition():
        assert time.monotonic() < end, "the condition did not come true in time"
        QApplication.processEvents()
        await asyncio.sleep(0.002)


async def turn(times: int = 10) -> None:
    """Give both loops some turns, for what must *not* happen."""
    for _ in range(times):
        QApplication.processEvents()
        await asyncio.sleep(0)


async def close(bridge: Bridge, *widgets: QWidget) -> None:
    """End what an async test has built, so that no task and no widget is left over."""
    await turn()
    for widget in filter(shiboken6.isValid, widgets):
        widget.close()
        if shiboken6.isValid(widget):
            widget.deleteLater()
    await turn()
    # Without a running Qt loop nobody else carries out what was put off.
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    # Names of people are asked for by the bridge's own queries, which outlive the widgets.
    for timer in bridge.findChildren(QTimer):
        timer.stop()
    await bridge.finish()
