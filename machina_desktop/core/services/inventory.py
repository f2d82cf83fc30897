"""What there is in the team's accounts, made by Machina or not, and taking it into the team's care (spec 4.1)."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from machina_desktop.core.domain.console import console_of
from machina_desktop.core.domain.deployment import DeploymentType
from machina_desktop.core.domain.key import SSHKey
from machina_desktop.core.domain.machine import Machine, MachineStatus, ProvisioningMethod, name_problem
from machina_desktop.core.domain.provider import Instance, ProviderAccount
from machina_desktop.core.domain.team import Actor
from machina_desktop.core.errors import Conflict, InvalidInput, Locked, MachinaError, NotFound
from machina_desktop.core.ids import new_id, now
from machina_desktop.core.log import REDACTOR
from machina_desktop.core.providers.registry import provider_for
from machina_desktop.core.services.account_access import account_of, has_list, open_account
from machina_desktop.core.services.context import Context
from machina_desktop.core.services.runs import queue_run
from machina_desktop.core.services.use_case import Request, use_case
from machina_desktop.core.store.transaction import Transaction

LIST_S = 30.0
"""So long one account is waited for."""
MOST = 1_000_000


def _new_machine_id() -> str:
    return new_id("machine")


def _new_deployment_id() -> str:
    return new_id("deployment")


@dataclass(frozen=True, kw_only=True)
class Listed:
    """What one account has.

    Attributes:
        machine_ids: Which instances are machines of the team, by ``Instance.resource_id``.
        problem: Why the account could not be asked, one sentence; empty when it was.
        code: The code of that error.
    """

    account_id: str
    label: str = ""
    instances: tuple[Instance, ...] = ()
    machine_ids: dict[str, str] = field(default_factory=dict)
    problem: str = ""
    code: str = ""


@dataclass(frozen=True, kw_only=True)
class ListInstances(Request[tuple[Listed, ...]]):
    """Every machine in the team's cloud accounts, account by account in the order of their labels.

    ``account_ids`` limits it to these; with ``is_unmanaged`` machines of the team are left out.
    """

    team_id: str
    account_ids: tuple[str, ...] = ()
    is_unmanaged: bool = False


@dataclass(frozen=True, kw_only=True)
class ImportMachine(Request[Machine]):
    """Take a machine that exists at a provider into the team's care; ``resource_id`` is the provider's id of it.

    Its plan shows what is taken into the record, and no machine is made; one by which it would be lost is refused.
    ``key_ids`` are those that log in to it. ``tags`` take the place of those that it has at its provider; without any
    it keeps them, for firewalls there may go by them.
    """

    team_id: str
    account_id: str
    resource_id: str
    name: str
    key_ids: tuple[str, ...] = ()
    tags: tuple[str, ...] | None = None
    auto_approve: bool = False
    runs_on: str = ""
    machine_id: str = field(default_factory=_new_machine_id)
    deployment_id: str = field(default_factory=_new_deployment_id)


@dataclass(frozen=True, kw_only=True)
class RecordImport(Request[Machine]):
    """Store the machine as its provider lists it, and queue the run that takes it into the record."""

    team_id: str
    account_id: str
    found: Instance
    name: str
    key_ids: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    auto_approve: bool = False
    runs_on: str = ""
    machine_id: str = field(default_factory=_new_machine_id)
    deployment_id: str = field(default_factory=_new_deployment_id)


@dataclass(frozen=True, kw_only=True)
class GetConsole(Request[str]):
    """The address of the page where a machine's console is opened at its provider: the way in when nothing answers."""

    machine_id: str


@use_case("machine.instances", "GET /api/providers/instances")
async def list_instances(context: Context, actor: Actor, ask: ListInstances) -> tuple[Listed, ...]:
    """Ask all accounts at once; one that is slow or broken costs the others nothing but its own time-out."""
    accounts, ours = await context.read(actor, lambda tx: _accounts(tx, ask))
    listed = await asyncio.gather(*(_listed(context, actor, account, ours) for account in accounts))
    return tuple(_unmanaged(each) for each in listed) if ask.is_unmanaged else tuple(listed)


def _accounts(tx: Transaction, ask: ListInstances) -> tuple[tuple[ProviderAccount, ...], Mapping[str, Machine]]:
    for account_id in ask.account_ids:
        account_of(tx, account_id, ask.team_id)
    chosen: dict[str, object] = {"provider_account_id": ask.account_ids} if ask.account_ids else {}
    accounts = tx.list(ProviderAccount, chosen, team_id=ask.team_id, order_by="label", limit=MOST)
    machines = tx.list(Machine, team_id=ask.team_id, actual_status__ne=MachineStatus.TERMINATED, limit=MOST)
    clouds = tuple(account for account in accounts if has_list(account.provider_type))
    return clouds, {machine.machine_id: machine for machine in machines}


async def _listed(context: Context, actor: Actor, account: ProviderAccount, ours: Mapping[str, Machine]) -> Listed:
    account_id = account.provider_account_id
    asked = Listed(account_id=account_id, label=account.label)
    try:
        async with asyncio.timeout(LIST_S):
            access = await open_account(context, actor, account)
            found = await provider_for(account.provider_type).instances(access)
    except TimeoutError:
        return replace(asked, problem=f"{account.label} did not answer within {LIST_S:.0f} s.", code="E-SLOW")
    except Locked:
        raise
    except MachinaError as error:
        return replace(asked, problem=REDACTOR.redact(str(error)), code=error.code)
    return replace(asked, instances=found, machine_ids=_ours(account_id, found, ours))


def _ours(account_id: str, found: tuple[Instance, ...], ours: Mapping[str, Machine]) -> dict[str, str]:
    """By the id on record; a machine that none is on record for yet is known by its mark."""
    by_resource = {
        machine.provider_resource_id: machine.machine_id
        for machine in ours.values()
        if machine.provider_account_id == account_id and machine.provider_resource_id
    }
    known = {each.resource_id: by_resource.get(each.resource_id, "") or each.machine_id for each in found}
    return {resource_id: machine_id for resource_id, machine_id in known.items() if machine_id in ours}


def _unmanaged(listed: Listed) -> Listed:
    left = tuple(each for each in listed.instances if each.resource_id not in listed.machine_ids)
    return replace(listed, instances=left, machine_ids={})


@use_case("machine.console", "GET /api/machines/{machine_id}/console")
def get_console(tx: Transaction, _actor: Actor, ask: GetConsole) -> str:
    """Put together from what is on record; nothing is asked."""
    machine = tx.get(Machine, ask.machine_id)
    info = provider_for(machine.provider).info
    account = tx.find(ProviderAccount, provider_account_id=machine.provider_account_id)
    if address := console_of(machine, info, account):
        return address
    raise NotFound(
        f"No page with a console of {machine.name} is known.",
        hint="Machines have one at the clouds once they are made there, unless the account has an endpoint of its own.",
        code="E-NO-CONSOLE",
    )


@use_case("machine.import", "POST /api/machines/import")
async def import_machine(context: Context, actor: Actor, ask: ImportMachine) -> Machine:
    """Ask the provider what the machine is made of, then record it as it is."""
    if problem := name_problem(ask.name):
        raise InvalidInput(problem, field="name", code="E-MACHINE-NAME")
    account = await context.read(actor, lambda tx: account_of(tx, ask.account_id, ask.team_id))
    provider = provider_for(account.provider_type)
    access = await open_account(context, actor, account)
    found = next((each for each in await provider.instances(access) if each.resource_id == ask.resource_id), None)
    if found is None:
        raise NotFound(
            f"{provider.info.title} has no machine {ask.resource_id[:80]} in {account.label}.",
            hint="List what is there again; it may have been deleted.",
            code="E-ADOPT-GONE",
        )
    return await context.record(
        actor,
        RecordImport(
            team_id=ask.team_id,
            account_id=ask.account_id,
            found=found,
            name=ask.name,
            key_ids=ask.key_ids,
            tags=found.tags if ask.tags is None else tuple(tag for tag in ask.tags if tag),
            auto_approve=ask.auto_approve,
            runs_on=ask.runs_on,
            machine_id=ask.machine_id,
            deployment_id=ask.deployment_id,
        ),
    )


@use_case("machine.record_import", "POST /api/machines/imports", is_for_devices=True)
def record_import(tx: Transaction, actor: Actor, ask: RecordImport) -> Machine:
    """Store it as ``pending`` and queue the run; refused where a machine of the team has it already."""
    if known := tx.find(Machine, machine_id=ask.machine_id):
        return known
    account = account_of(tx, ask.account_id, ask.team_id)
    _check(tx, account, ask)
    at = now()
    machine = Machine(
        machine_id=ask.machine_id,
        team_id=ask.team_id,
        name=ask.name,
        provider=account.provider_type,
        provider_account_id=account.provider_account_id,
        region=ask.found.region,
        zone=ask.found.zone or None,
        size=ask.found.size,
        image=ask.found.image,
        public_ip=ask.found.public_ip or None,
        private_ip=ask.found.private_ip or None,
        provider_resource_id=ask.found.resource_id,
        provisioning_method=ProvisioningMethod.IMPORTED,
        ssh_key_ids=ask.key_ids,
        tags=ask.tags,
        terraform_workspace=ask.machine_id,
        state_keeper=ask.runs_on,
        created_at=at,
        updated_at=at,
    )
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
    )
    return tx.get(Machine, machine.machine_id)


def _check(tx: Transaction, account: ProviderAccount, ask: RecordImport) -> None:
    if problem := name_problem(ask.name):
        raise InvalidInput(problem, field="name", code="E-MACHINE-NAME")
    if not has_list(account.provider_type) or not ask.found.resource_id:
        title = provider_for(account.provider_type).info.title
        raise InvalidInput(f"Machines of {title} cannot be taken over.", field="account_id", code="E-PROVIDER-CANNOT")
    living = tx.list(Machine, team_id=ask.team_id, actual_status__ne=MachineStatus.TERMINATED, limit=MOST)
    known = _ours(account.provider_account_id, (ask.found,), {each.machine_id: each for each in living})
    if holder := known.get(ask.found.resource_id):
        name = next(each.name for each in living if each.machine_id == holder)
        raise Conflict(
            f"{ask.found.name} is in the team's care already, as {name}.",
            hint=f"Refresh {name}, or try it again if it is in error.",
            code="E-ADOPT-KNOWN",
        )
    if any(each.name == ask.name for each in living):
        raise Conflict(
            f"There is already a machine called {ask.name}.", hint="Choose another name.", code="E-NAME-TAKEN"
        )
    for key_id in ask.key_ids:
        if tx.get(SSHKey, key_id).team_id != ask.team_id:
            raise NotFound("The team has no such key.", hint="Choose one of the team's own.")
