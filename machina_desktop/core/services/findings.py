"""What a runner finds out about an account while it carries a run out: its lock file, ids of keys, whether it works."""

from __future__ import annotations

from dataclasses import dataclass, replace

from machina_desktop.core.domain.deployment import Deployment
from machina_desktop.core.domain.fallback import fallback_from
from machina_desktop.core.domain.key import SSHKey
from machina_desktop.core.domain.lock_file import LockFile
from machina_desktop.core.domain.machine import Machine
from machina_desktop.core.domain.provider import CredentialStatus, ProviderAccount, Verification
from machina_desktop.core.domain.team import Actor
from machina_desktop.core.errors import InvalidInput
from machina_desktop.core.ids import now
from machina_desktop.core.services.runs import FALLBACKS, held_run
from machina_desktop.core.services.use_case import Request, use_case
from machina_desktop.core.store.transaction import Transaction

LOCK_BYTES = 64 << 10
_ENGINES = frozenset({"terraform", "tofu"})


@dataclass(frozen=True, kw_only=True)
class KeepLockFile(Request[str]):
    """Keep the lock file of an account's first run; answers the one that counts, which an earlier run may have kept."""

    deployment_id: str
    fence: int
    engine: str
    text: str


@dataclass(frozen=True, kw_only=True)
class KeepKeyId(Request[SSHKey]):
    """The id by which the run's account knows one of the machine's keys."""

    deployment_id: str
    fence: int
    ssh_key_id: str
    provider_key_id: str


@dataclass(frozen=True, kw_only=True)
class ReportAccount(Request[ProviderAccount]):
    """What the provider has just said of the run's account."""

    deployment_id: str
    fence: int
    found: Verification


@dataclass(frozen=True, kw_only=True)
class ReportFallback(Request[Machine]):
    """What the machine is made of instead, for what was wanted is sold out: one of its run's fallbacks."""

    deployment_id: str
    fence: int
    size: str
    region: str


@use_case("deployment.keep_lock_file", "POST /api/runner/deployments/{deployment_id}/lock-file", is_for_devices=True)
def keep_lock_file(tx: Transaction, actor: Actor, ask: KeepLockFile) -> str:
    """The first one wins: all runs with an account get the same plugins."""
    machine = _machine(tx, held_run(tx, actor, ask.deployment_id, ask.fence))
    if ask.engine not in _ENGINES:
        raise InvalidInput("No program of that name makes lock files.", field="engine")
    if len(ask.text.encode()) > LOCK_BYTES:
        raise InvalidInput("This is no lock file: it is too long.", field="text")
    lock_id = f"{machine.provider_account_id}:{ask.engine}"
    if known := tx.find(LockFile, lock_id=lock_id):
        return known.text
    tx.add(
        LockFile(
            lock_id=lock_id,
            team_id=machine.team_id,
            provider_account_id=machine.provider_account_id,
            engine=ask.engine,
            text=ask.text,
            created_at=now(),
        )
    )
    return ask.text


@use_case("deployment.keep_key_id", "POST /api/runner/deployments/{deployment_id}/key-id", is_for_devices=True)
def keep_key_id(tx: Transaction, actor: Actor, ask: KeepKeyId) -> SSHKey:
    """Write it to the key, under the account."""
    machine = _machine(tx, held_run(tx, actor, ask.deployment_id, ask.fence))
    if ask.ssh_key_id not in machine.ssh_key_ids:
        raise InvalidInput("The machine has no such key.", field="ssh_key_id")
    key = tx.get(SSHKey, ask.ssh_key_id)
    known = {**key.provider_key_ids, machine.provider_account_id: ask.provider_key_id[:200]}
    key = replace(key, provider_key_ids=known, updated_at=now())
    tx.replace(key)
    return key


@use_case("deployment.report_account", "POST /api/runner/deployments/{deployment_id}/account", is_for_devices=True)
def report_account(tx: Transaction, actor: Actor, ask: ReportAccount) -> ProviderAccount:
    """Write the status to the account; what was not found out leaves it as it is."""
    machine = _machine(tx, held_run(tx, actor, ask.deployment_id, ask.fence))
    account = tx.get(ProviderAccount, machine.provider_account_id)
    if ask.found.status is CredentialStatus.UNKNOWN:
        return account
    at = now()
    reason = ask.found.reason[:2_000]
    account = replace(
        account, credential_status=ask.found.status, status_reason=reason, last_verified_at=at, updated_at=at
    )
    tx.replace(account)
    return account


@use_case("deployment.report_fallback", "POST /api/runner/deployments/{deployment_id}/fallback", is_for_devices=True)
def report_fallback(tx: Transaction, actor: Actor, ask: ReportFallback) -> Machine:
    """Write size and region to a machine that is not made yet; only what its asker has named."""
    run = held_run(tx, actor, ask.deployment_id, ask.fence)
    machine = _machine(tx, run)
    named = (fallback_from(text).of(machine) for text in run.options.get(FALLBACKS, "").split())
    taken = next((each for each in named if (each.size, each.region) == (ask.size, ask.region)), None)
    if taken is None:
        raise InvalidInput("Nobody has named this to fall back on.", field="size")
    taken = replace(taken, updated_at=now())
    tx.replace(taken)
    return taken


def _machine(tx: Transaction, run: Deployment) -> Machine:
    return tx.get(Machine, run.machine_id or "")
