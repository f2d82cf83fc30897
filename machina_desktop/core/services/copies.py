"""A machine like another one: the same choices, another name."""

from __future__ import annotations

from dataclasses import dataclass, field

from machina_desktop.core.domain.machine import Machine, MachineStatus
from machina_desktop.core.domain.series import series
from machina_desktop.core.domain.team import Actor
from machina_desktop.core.errors import InvalidInput
from machina_desktop.core.ids import new_id
from machina_desktop.core.providers.registry import provider_for
from machina_desktop.core.services.machines import CreateMachine, create_machine
from machina_desktop.core.services.use_case import Request, use_case
from machina_desktop.core.store.transaction import Transaction

_MOST = 1_000_000


def _new_machine_id() -> str:
    return new_id("machine")


def _new_deployment_id() -> str:
    return new_id("deployment")


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
