"""What the deployer reads of the store, each in one transaction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from machina_desktop.core.domain.custody import KEPT_BACK
from machina_desktop.core.domain.deployment import Deployment, DeploymentState, Lease
from machina_desktop.core.domain.firewall import FirewallRule
from machina_desktop.core.domain.key import SSHKey
from machina_desktop.core.domain.machine import Machine
from machina_desktop.core.domain.provider import ProviderAccount
from machina_desktop.core.domain.server import Server
from machina_desktop.core.domain.team import Team
from machina_desktop.core.errors import Conflict
from machina_desktop.core.log import REDACTOR
from machina_desktop.core.providers.registry import provider_for
from machina_desktop.core.services.reports import teams_elsewhere
from machina_desktop.core.services.runs import APPROVED, locks_of, ordered, rules_of
from machina_desktop.core.services.sealing import ACCOUNT_TABLE, KEY_TABLE, STATE_FIELD, STATE_TABLE
from machina_desktop.core.store.transaction import SealedPlace, StateRevision, Transaction
from machina_desktop.core.terraform.state_file import read_state_file
from machina_desktop.core.vault.seals import Opener
from machina_desktop.core.workers.subject import Subject


@dataclass(frozen=True, kw_only=True)
class Material:
    """What the store has for a run, still sealed; read in one transaction."""

    machine: Machine
    account: ProviderAccount
    keys: tuple[SSHKey, ...]
    sealed: tuple[tuple[SealedPlace, bytes], ...]
    state: StateRevision | None
    cursors: Mapping[str, int]
    locks: Mapping[str, str]
    rules: tuple[FirewallRule, ...] | None


def material_of(tx: Transaction, deployment: Deployment) -> Material:
    """Machine, account, keys and state of a run."""
    machine = ordered(tx.get(Machine, deployment.machine_id or ""), deployment)
    account = tx.get(ProviderAccount, machine.provider_account_id)
    found = {key.ssh_key_id: key for key in tx.list(SSHKey, ssh_key_id=machine.ssh_key_ids)}
    keys = tuple(found[key_id] for key_id in machine.ssh_key_ids if key_id in found)
    return Material(
        machine=machine,
        account=account,
        keys=keys,
        sealed=sealed_of(tx, account, keys),
        state=tx.read_state(machine.machine_id),
        cursors=tx.read_cursors(deployment.deployment_id),
        locks=locks_of(tx, account.provider_account_id),
        rules=rules_of(tx, machine),
    )


def sealed_of(
    tx: Transaction, account: ProviderAccount, keys: tuple[SSHKey, ...]
) -> tuple[tuple[SealedPlace, bytes], ...]:
    """The envelopes of an account and of keys, as far as they are here."""
    sealed = tx.read_sealed(account.team_id, ACCOUNT_TABLE, account.provider_account_id)
    for key in keys:
        sealed += tx.read_sealed(key.team_id, KEY_TABLE, key.ssh_key_id)
    return sealed


def opened(material: Material, vault: Opener) -> Subject:
    """What a run works on, with its secrets in clear, known to the redactor before anything can print them. Blocks."""
    secrets = {
        (place.table, place.record_id, place.field): vault.open_(
            place.team_id, place.table, place.record_id, place.field, place.version, envelope
        )
        for place, envelope in material.sealed
    }
    REDACTOR.learn(*(secret.reveal() for secret in secrets.values()))
    state = material.state
    raw = state and vault.open_bytes(
        state.team_id, STATE_TABLE, state.machine_id, STATE_FIELD, state.serial, state.envelope
    )
    of_account = {field: secret for (table, _, field), secret in secrets.items() if table == ACCOUNT_TABLE}
    kept_back = {name: of_account.pop(name).reveal() for name in KEPT_BACK if name in of_account}
    return Subject(
        machine=material.machine,
        account=replace(material.account, settings={**material.account.settings, **kept_back}),
        keys=material.keys,
        credentials=of_account,
        private_keys={key_id: secret for (table, key_id, _), secret in secrets.items() if table == KEY_TABLE},
        state=read_state_file(raw) if raw else None,
        locks=material.locks,
        rules=material.rules,
    )


def refuse_on_server(material: Material) -> None:
    """What works on the computer that carries it out has no place on a server.

    Raises:
        Conflict: E-NOT-ON-A-SERVER.
    """
    if provider_for(material.machine.provider).info.is_on_this_computer:
        what = f"{material.machine.name} lives on somebody's own computer; a server cannot work on it."
    elif material.account.settings.get("start_command"):
        what = f"The account {material.account.label} has a start command; it never runs on a server."
    else:
        return
    raise Conflict(what, hint="Run it from a desktop: choose Run here on that computer.", code="E-NOT-ON-A-SERVER")


def has_claimable(tx: Transaction) -> bool:
    """Whether a claim may find something: asking is cheap, a claim takes the writer."""
    approved = tx.find(Deployment, state=DeploymentState.APPLYING, phase_detail=APPROVED, runs_on="")
    return approved is not None or tx.find(Deployment, state=DeploymentState.QUEUED, runs_on="") is not None


@dataclass(frozen=True, kw_only=True)
class Due:
    """A deployment that a runner should take, and the host that has its plan; empty where any will do."""

    deployment_id: str
    machine_id: str
    host: str
    since: datetime


def due(tx: Transaction) -> tuple[Due, ...]:
    """All that may be claimed now, the approved first, then the oldest; in few questions, however much waits."""
    elsewhere = teams_elsewhere(tx)
    found = []
    for run in tx.list(Deployment, state=DeploymentState.APPLYING, phase_detail=APPROVED, runs_on=""):
        lease = tx.find(Lease, deployment_id=run.deployment_id)
        if run.team_id not in elsewhere and (lease is None or not lease.runner_id):
            found.append(_due(run, host=lease.host if lease is not None else ""))
    active = tuple(state for state in DeploymentState if state.is_active)
    taken = {run.machine_id for run in tx.list(Deployment, state=active)}
    for run in tx.list(Deployment, state=DeploymentState.QUEUED, order_by="created_at"):
        if run.machine_id not in taken and not run.runs_on and run.team_id not in elsewhere:
            found.append(_due(run))
        # Of one machine the oldest comes first, whoever shall carry it out.
        taken.add(run.machine_id)
    return tuple(found)


def _due(run: Deployment, host: str = "") -> Due:
    return Due(deployment_id=run.deployment_id, machine_id=run.machine_id or "", host=host, since=run.updated_at)


def unfinished(tx: Transaction) -> tuple[tuple[Deployment, Lease], ...]:
    """Runs of this home's runners that somebody holds, or held."""
    states = (DeploymentState.PLANNING, DeploymentState.APPLYING)
    runs = tx.list(Deployment, state=states, runs_on="")
    found = ((run, tx.find(Lease, deployment_id=run.deployment_id)) for run in runs)
    return tuple((run, lease) for run, lease in found if lease is not None and lease.runner_id)


def expired(tx: Transaction, oldest: datetime) -> tuple[Deployment, ...]:
    """Plans of this home's teams that have waited for approval since ``oldest`` or longer."""
    waiting = tx.list(Deployment, state=DeploymentState.AWAITING_APPROVAL, updated_at__le=oldest)
    elsewhere = teams_elsewhere(tx) if waiting else frozenset()
    return tuple(run for run in waiting if run.team_id not in elsewhere)


@dataclass(frozen=True, kw_only=True)
class OwnRun:
    """A run of a team that lives elsewhere, as the copy here has it, which this computer shall carry out."""

    deployment: Deployment
    device_id: str


def own_runs(tx: Transaction, states: tuple[DeploymentState, ...]) -> tuple[OwnRun, ...]:
    """What this computer shall carry out for teams that live elsewhere, oldest first."""
    runs = tx.list(Deployment, state=states, runs_on__ne="", order_by="created_at")
    homes = {team.team_id: team.home for team in tx.list(Team, home__ne="")} if runs else {}
    devices = {server.url: server.device_id for server in tx.list(Server)} if runs else {}
    return tuple(
        OwnRun(deployment=run, device_id=run.runs_on)
        for run in runs
        if run.runs_on == devices.get(homes.get(run.team_id, ""))
    )


def machines_awaiting(tx: Transaction) -> frozenset[str | None]:
    """Machines whose plan waits for approval."""
    return frozenset(run.machine_id for run in tx.list(Deployment, state=DeploymentState.AWAITING_APPROVAL))


def machines_in_use(tx: Transaction) -> frozenset[str | None]:
    """Machines for which anything waits or runs."""
    states = tuple(state for state in DeploymentState if not state.is_final)
    return frozenset(deployment.machine_id for deployment in tx.list(Deployment, state=states))
