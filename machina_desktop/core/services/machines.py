"""Machines: asking for them, listing them, and the actions a person takes on one (spec 4.1, 6.2)."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TypeVar

from machina_desktop.core.domain.deployment import Deployment, DeploymentType
from machina_desktop.core.domain.fallback import absolute_fallbacks
from machina_desktop.core.domain.key import SSHKey
from machina_desktop.core.domain.machine import Machine, MachineStatus, ProvisioningMethod, name_problem
from machina_desktop.core.domain.provider import ProviderAccount, ProviderType
from machina_desktop.core.domain.series import series
from machina_desktop.core.domain.team import Actor
from machina_desktop.core.errors import Conflict, InvalidInput, NotFound
from machina_desktop.core.ids import new_id, now
from machina_desktop.core.providers.registry import provider_for
from machina_desktop.core.services.runs import FALLBACKS, check_firewall, discard_waiting, end_queue_of_gone, queue_run
from machina_desktop.core.services.use_case import Request, use_case
from machina_desktop.core.store.transaction import Transaction

_MOST = 1_000_000
R = TypeVar("R", ProviderAccount, SSHKey)


def _new_machine_id() -> str:
    return new_id("machine")


def _new_deployment_id() -> str:
    return new_id("deployment")


@dataclass(frozen=True, kw_only=True)
class CreateMachine(Request[Machine]):
    """Ask for a machine. Answers at once with it in ``pending``; the deployer does the rest.

    The ids are made by the asker, so a repeated request is harmless. ``host``, ``port``, ``user`` and ``host_key``
    (``SHA256:…``) are for providers that register a host the user already has. Where the size is sold out when the run
    begins, the ``fallbacks`` (``SIZE``, ``SIZE@REGION`` or ``@REGION``) are tried in their order. ``runs_on`` is the
    device that carries the run out, as in all that queue one; empty for the runners of the team's home.
    """

    team_id: str
    account_id: str
    name: str
    region: str = ""
    zone: str | None = None
    size: str = ""
    fallbacks: tuple[str, ...] = ()
    image: str = ""
    key_ids: tuple[str, ...] = ()
    bootstrap_profile_id: str | None = None
    firewall_profile_id: str | None = None
    bootstrap_script: str = ""
    tags: tuple[str, ...] = ()
    notes: str = ""
    host: str = ""
    port: int = 22
    user: str = ""
    host_key: str = ""
    is_protected: bool = False
    auto_approve: bool = False
    runs_on: str = ""
    machine_id: str = field(default_factory=_new_machine_id)
    deployment_id: str = field(default_factory=_new_deployment_id)


@dataclass(frozen=True, kw_only=True)
class CopyMachine(Request[Machine]):
    """Ask for a machine with the choices of another one: account, place, size, image, keys, firewall, script and tags.

    Nothing of what is on the other one's disk is copied. Without a ``name`` it gets the next free one: ``web-2`` after
    ``web-1``. The ids are made by the asker, so a repeated request is harmless.
    """

    machine_id: str
    name: str = ""
    auto_approve: bool = False
    runs_on: str = ""
    new_machine_id: str = field(default_factory=_new_machine_id)
    deployment_id: str = field(default_factory=_new_deployment_id)


@dataclass(frozen=True, kw_only=True)
class ListMachines(Request[tuple[Machine, ...]]):
    """Machines of a team, by name; destroyed ones only with ``include_gone``."""

    team_id: str
    search: str = ""
    status: MachineStatus | None = None
    provider: ProviderType | None = None
    account_id: str = ""
    region: str = ""
    include_gone: bool = False
    limit: int = 1000
    offset: int = 0


@dataclass(frozen=True, kw_only=True)
class GetMachine(Request[Machine]):
    """One machine."""

    machine_id: str


@dataclass(frozen=True, kw_only=True)
class UpdateMachine(Request[Machine]):
    """Change what people write on a machine; ``None`` leaves a field as it is."""

    machine_id: str
    tags: tuple[str, ...] | None = None
    notes: str | None = None
    is_protected: bool | None = None


@dataclass(frozen=True, kw_only=True)
class DestroyMachine(Request[Deployment]):
    """Ask for a machine to be destroyed. A protected one wants its name in ``confirm_name``."""

    machine_id: str
    confirm_name: str = ""
    auto_approve: bool = False
    runs_on: str = ""
    deployment_id: str = field(default_factory=_new_deployment_id)


@dataclass(frozen=True, kw_only=True)
class RebootMachine(Request[Deployment]):
    """Ask for a restart."""

    machine_id: str
    runs_on: str = ""
    deployment_id: str = field(default_factory=_new_deployment_id)


@dataclass(frozen=True, kw_only=True)
class StartMachine(Request[Deployment]):
    """Ask for a stopped machine to be started."""

    machine_id: str
    runs_on: str = ""
    deployment_id: str = field(default_factory=_new_deployment_id)


@dataclass(frozen=True, kw_only=True)
class StopMachine(Request[Deployment]):
    """Ask for a running machine to be stopped."""

    machine_id: str
    runs_on: str = ""
    deployment_id: str = field(default_factory=_new_deployment_id)


@dataclass(frozen=True, kw_only=True)
class RefreshMachine(Request[Deployment]):
    """Ask what the machine is now, and bring the record into line."""

    machine_id: str
    auto_approve: bool = True
    runs_on: str = ""
    deployment_id: str = field(default_factory=_new_deployment_id)


@dataclass(frozen=True, kw_only=True)
class RetryMachine(Request[Deployment]):
    """Plan and apply again what is missing, after a run that failed half-way."""

    machine_id: str
    auto_approve: bool = False
    runs_on: str = ""
    deployment_id: str = field(default_factory=_new_deployment_id)


@use_case("machine.create", "POST /api/machines")
def create_machine(tx: Transaction, actor: Actor, ask: CreateMachine) -> Machine:
    """Store the machine as ``pending`` and queue its creation."""
    if known := tx.find(Machine, machine_id=ask.machine_id):
        return known
    account = _of_team(tx.get(ProviderAccount, ask.account_id), ask.team_id)
    at = now()
    machine = _asked_for(ask, account, at)
    _check(tx, machine)
    fallbacks = absolute_fallbacks(ask.fallbacks, machine)
    tx.add(machine)
    queue_run(
        tx,
        actor,
        machine,
        DeploymentType.CREATE,
        deployment_id=ask.deployment_id,
        at=at,
        auto_approve=ask.auto_approve,
        runs_on=ask.runs_on,
        options={FALLBACKS: " ".join(fallbacks)} if fallbacks else None,
    )
    return tx.get(Machine, machine.machine_id)


@use_case("machine.copy", "POST /api/machines/{machine_id}/copy")
def copy_machine(tx: Transaction, actor: Actor, ask: CopyMachine) -> Machine:
    """Store it as ``pending`` and queue its creation, as for any other new machine."""
    other = tx.get(Machine, ask.machine_id)
    info = provider_for(other.provider).info
    if info.asks_host:
        raise InvalidInput(
            f"{other.name} is a server that was there already; another one like it has its own address.",
            field="machine_id",
            hint="Register the other server by itself.",
            code="E-PROVIDER-CANNOT",
        )
    create = CreateMachine(
        team_id=other.team_id,
        account_id=other.provider_account_id,
        name=ask.name or _next_name(tx, other),
        region=other.region,
        zone=other.zone,
        size=other.size,
        image=other.image,
        key_ids=other.ssh_key_ids,
        bootstrap_profile_id=other.bootstrap_profile_id,
        firewall_profile_id=other.firewall_profile_id,
        bootstrap_script=other.bootstrap_script,
        tags=other.tags,
        notes=other.notes,
        is_protected=other.is_protected,
        auto_approve=ask.auto_approve,
        runs_on=ask.runs_on,
        machine_id=ask.new_machine_id,
        deployment_id=ask.deployment_id,
    )
    return create_machine(tx, actor, create)


def _next_name(tx: Transaction, other: Machine) -> str:
    living = {"team_id": other.team_id, "actual_status__ne": MachineStatus.TERMINATED}
    taken = {each.name for each in tx.list(Machine, living, limit=_MOST)}
    return series(other.name, 1, taken | {other.name})[0]


def _asked_for(ask: CreateMachine, account: ProviderAccount, at: datetime) -> Machine:
    return Machine(
        machine_id=ask.machine_id,
        team_id=ask.team_id,
        name=ask.name,
        provider=account.provider_type,
        provider_account_id=account.provider_account_id,
        region=ask.region,
        zone=ask.zone,
        size=ask.size,
        image=ask.image,
        ssh_host=ask.host,
        ssh_port=ask.port,
        ssh_user=ask.user,
        host_key=ask.host_key,
        ssh_key_ids=ask.key_ids,
        bootstrap_profile_id=ask.bootstrap_profile_id,
        firewall_profile_id=ask.firewall_profile_id,
        bootstrap_script=ask.bootstrap_script,
        tags=ask.tags,
        notes=ask.notes,
        is_protected=ask.is_protected,
        terraform_workspace=ask.machine_id,
        state_keeper=ask.runs_on,
        provisioning_method=(
            ProvisioningMethod.REGISTERED
            if account.provider_type is ProviderType.BAREMETAL
            else ProvisioningMethod.TERRAFORM
        ),
        created_at=at,
        updated_at=at,
    )


def _check(tx: Transaction, machine: Machine) -> None:
    if problem := name_problem(machine.name):
        raise InvalidInput(problem, field="name", code="E-MACHINE-NAME")
    if tx.find(Machine, team_id=machine.team_id, name=machine.name, actual_status__ne=MachineStatus.TERMINATED):
        raise Conflict(
            f"There is already a machine called {machine.name}.", hint="Choose another name.", code="E-NAME-TAKEN"
        )
    for key_id in machine.ssh_key_ids:
        _of_team(tx.get(SSHKey, key_id), machine.team_id)
    check_firewall(tx, machine.team_id, machine.provider, machine.firewall_profile_id or "")
    provider_for(machine.provider).check(machine)


def _of_team(row: R, team_id: str) -> R:
    """The row, unless it is another team's of the same person."""
    if row.team_id != team_id:
        raise NotFound("The team has no such account or key.", hint="Choose one of the team's own.")
    return row


@use_case("machine.list", "GET /api/machines")
def list_machines(tx: Transaction, _actor: Actor, ask: ListMachines) -> tuple[Machine, ...]:
    """Machines in the order of their names."""
    conditions: dict[str, object] = {"team_id": ask.team_id}
    if ask.status is not None:
        conditions["actual_status"] = ask.status
    elif not ask.include_gone:
        conditions["actual_status__ne"] = MachineStatus.TERMINATED
    if ask.provider is not None:
        conditions["provider"] = ask.provider
    if ask.account_id:
        conditions["provider_account_id"] = ask.account_id
    if ask.region:
        conditions["region"] = ask.region
    return tx.list(Machine, conditions, search=ask.search, order_by="name", limit=ask.limit, offset=ask.offset)


@use_case("machine.get", "GET /api/machines/{machine_id}")
def get_machine(tx: Transaction, _actor: Actor, ask: GetMachine) -> Machine:
    """The machine as it stands."""
    return tx.get(Machine, ask.machine_id)


@use_case("machine.update", "PUT /api/machines/{machine_id}", offline=True)
def update_machine(tx: Transaction, _actor: Actor, ask: UpdateMachine) -> Machine:
    """Write tags, notes and protection."""
    machine = tx.get(Machine, ask.machine_id)
    updated = replace(
        machine,
        tags=machine.tags if ask.tags is None else ask.tags,
        notes=machine.notes if ask.notes is None else ask.notes,
        is_protected=machine.is_protected if ask.is_protected is None else ask.is_protected,
        updated_at=now(),
    )
    tx.replace(updated)
    return updated


@use_case("machine.destroy", "POST /api/machines/{machine_id}/destroy")
def destroy_machine(tx: Transaction, actor: Actor, ask: DestroyMachine) -> Deployment:
    """Queue the destruction; what else waits for the machine is discarded.

    A machine that was never made is gone at once, and so is the run that should have destroyed it.
    """
    machine = _living(tx, ask.machine_id)
    if machine.is_protected and ask.confirm_name != machine.name:
        raise Conflict(
            f"{machine.name} is protected.", hint="Type its name to confirm that it may go.", code="E-PROTECTED"
        )
    at = now()
    machine = discard_waiting(tx, machine, at)
    run = queue_run(
        tx,
        actor,
        machine,
        DeploymentType.DESTROY,
        deployment_id=ask.deployment_id,
        at=at,
        auto_approve=ask.auto_approve,
        runs_on=ask.runs_on,
    )
    end_queue_of_gone(tx, machine, at)
    return tx.get(Deployment, run.deployment_id)


@use_case("machine.reboot", "POST /api/machines/{machine_id}/reboot")
def reboot_machine(tx: Transaction, actor: Actor, ask: RebootMachine) -> Deployment:
    """Queue a restart of a running machine."""
    return _power(tx, actor, ask, DeploymentType.REBOOT)


@use_case("machine.start", "POST /api/machines/{machine_id}/start")
def start_machine(tx: Transaction, actor: Actor, ask: StartMachine) -> Deployment:
    """Queue the start of a stopped machine."""
    return _power(tx, actor, ask, DeploymentType.START)


@use_case("machine.stop", "POST /api/machines/{machine_id}/stop")
def stop_machine(tx: Transaction, actor: Actor, ask: StopMachine) -> Deployment:
    """Queue the stop of a running machine."""
    return _power(tx, actor, ask, DeploymentType.STOP)


@use_case("machine.refresh", "POST /api/machines/{machine_id}/refresh")
def refresh_machine(tx: Transaction, actor: Actor, ask: RefreshMachine) -> Deployment:
    """Queue a refresh-only run."""
    machine = _living(tx, ask.machine_id)
    return queue_run(
        tx,
        actor,
        machine,
        DeploymentType.REFRESH,
        deployment_id=ask.deployment_id,
        at=now(),
        auto_approve=ask.auto_approve,
        runs_on=ask.runs_on,
    )


@use_case("machine.retry", "POST /api/machines/{machine_id}/retry")
def retry_machine(tx: Transaction, actor: Actor, ask: RetryMachine) -> Deployment:
    """Queue a new plan for a machine in error; what exists already is kept."""
    machine = _living(tx, ask.machine_id)
    if machine.actual_status is not MachineStatus.ERROR:
        raise Conflict(f"{machine.name} is not in error.", hint="There is nothing to try again.", code="E-NO-ERROR")
    return queue_run(
        tx,
        actor,
        machine,
        DeploymentType.CREATE,
        deployment_id=ask.deployment_id,
        at=now(),
        auto_approve=ask.auto_approve,
        runs_on=ask.runs_on,
        options=_named_before(tx, machine),
    )


def _named_before(tx: Transaction, machine: Machine) -> dict[str, str]:
    """What its asker named to fall back on."""
    runs = tx.list(Deployment, machine_id=machine.machine_id, type=DeploymentType.CREATE, order_by="created_at")
    return {FALLBACKS: runs[-1].options[FALLBACKS]} if runs and FALLBACKS in runs[-1].options else {}


_POWER_FROM = {
    DeploymentType.REBOOT: frozenset({MachineStatus.RUNNING, MachineStatus.ERROR}),
    DeploymentType.STOP: frozenset({MachineStatus.RUNNING, MachineStatus.ERROR}),
    DeploymentType.START: frozenset({MachineStatus.STOPPED, MachineStatus.ERROR}),
}


def _power(
    tx: Transaction, actor: Actor, ask: RebootMachine | StartMachine | StopMachine, kind: DeploymentType
) -> Deployment:
    machine = _living(tx, ask.machine_id)
    if machine.actual_status not in _POWER_FROM[kind]:
        raise Conflict(
            f"{machine.name} is {machine.actual_status.value}; it cannot {kind.value} now.",
            hint="Wait until the present action is done, or refresh the machine.",
            code="E-MACHINE-STATE",
        )
    if kind.value not in provider_for(machine.provider).info.power_actions:
        raise Conflict(f"{machine.name} cannot {kind.value}: its provider has no such action.", code="E-NO-POWER")
    return queue_run(tx, actor, machine, kind, deployment_id=ask.deployment_id, at=now(), runs_on=ask.runs_on)


def _living(tx: Transaction, machine_id: str) -> Machine:
    machine = tx.get(Machine, machine_id)
    if machine.is_gone:
        raise Conflict(f"{machine.name} is already destroyed.", code="E-MACHINE-GONE")
    return machine
