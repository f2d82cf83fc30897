"""What a person's computer asks its team's home for, to carry out a run itself, and the states that it keeps."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from machina_desktop.core.domain.custody import KEPT_BACK
from machina_desktop.core.domain.deployment import Deployment, Lease
from machina_desktop.core.domain.firewall import FirewallRule
from machina_desktop.core.domain.key import SSHKey
from machina_desktop.core.domain.machine import Machine
from machina_desktop.core.domain.provider import ProviderAccount
from machina_desktop.core.domain.team import Actor
from machina_desktop.core.errors import Forbidden
from machina_desktop.core.services.custody import require_device
from machina_desktop.core.services.runs import STATE_REVISIONS, locks_of, ordered, rules_of
from machina_desktop.core.services.use_case import Request, use_case
from machina_desktop.core.store.transaction import StateRevision, Transaction


@dataclass(frozen=True, kw_only=True)
class RunRecord:
    """A run as its home has it: what it works on, how far its log was read, and the sealed state of its machine.

    ``locks`` are the account's lock files by engine, ``rules`` those of the machine's firewall, if it has one.
    """

    deployment: Deployment
    machine: Machine
    account: ProviderAccount
    keys: tuple[SSHKey, ...]
    state: StateRevision | None
    cursors: dict[str, int]
    locks: dict[str, str] = field(default_factory=dict)
    rules: tuple[FirewallRule, ...] | None = None


@dataclass(frozen=True, kw_only=True)
class ReadRun(Request[RunRecord]):
    """A run that this computer carries out for the person."""

    deployment_id: str


@dataclass(frozen=True, kw_only=True)
class ReadLease(Request[Lease | None]):
    """Who carries out a run that this computer shall carry out; ``None`` before anybody has begun."""

    deployment_id: str


@dataclass(frozen=True, kw_only=True)
class KeepState(Request[int]):
    """Keep a machine's sealed state in this computer's database, whatever its team's home is; answers its serial."""

    revision: StateRevision


@use_case("deployment.read_run", "GET /api/runner/deployments/{deployment_id}", is_for_devices=True, at_home=True)
def read_run(tx: Transaction, actor: Actor, ask: ReadRun) -> RunRecord:
    """In one transaction; no secret is in it, nor a setting that would be run where it arrives."""
    run = _own(tx, actor, ask.deployment_id)
    machine = ordered(tx.get(Machine, run.machine_id or ""), run)
    account = tx.get(ProviderAccount, machine.provider_account_id)
    found = {key.ssh_key_id: key for key in tx.list(SSHKey, ssh_key_id=machine.ssh_key_ids)}
    return RunRecord(
        deployment=run,
        machine=machine,
        account=without_kept_back(account),
        keys=tuple(found[key_id] for key_id in machine.ssh_key_ids if key_id in found),
        state=tx.read_state(machine.machine_id),
        cursors=tx.read_cursors(run.deployment_id),
        locks=locks_of(tx, account.provider_account_id),
        rules=rules_of(tx, machine),
    )


@use_case(
    "deployment.read_lease", "GET /api/runner/deployments/{deployment_id}/lease", is_for_devices=True, at_home=True
)
def read_lease(tx: Transaction, actor: Actor, ask: ReadLease) -> Lease | None:
    """As it stands."""
    run = _own(tx, actor, ask.deployment_id)
    return tx.find(Lease, deployment_id=run.deployment_id)


@use_case("deployment.keep_state", "POST /api/device/states", is_audited=False, is_internal=True)
def keep_state(tx: Transaction, _actor: Actor, ask: KeepState) -> int:
    """Refused when a newer or a foreign one is here."""
    tx.save_state(ask.revision, keep=STATE_REVISIONS)
    return ask.revision.serial


def without_kept_back(account: ProviderAccount) -> ProviderAccount:
    """The account without settings that stay where they were typed in."""
    settings = {name: value for name, value in account.settings.items() if name not in KEPT_BACK}
    return replace(account, settings=settings)


def _own(tx: Transaction, actor: Actor, deployment_id: str) -> Deployment:
    run = tx.get(Deployment, deployment_id)
    if not run.runs_on or run.initiated_by != actor.user_id:
        raise Forbidden("Somebody else carries this run out.", code="E-NOT-YOURS")
    require_device(tx, actor, run.runs_on)
    return run
