"""Rows put straight into a team's home, as its runners and other people would have put them there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from machina_desktop.core.domain.machine import Machine, MachineStatus
from machina_desktop.core.domain.provider import ProviderType
from machina_desktop.core.events import Changed
from machina_desktop.core.host import Host
from machina_desktop.core.ids import new_id, now
from machina_desktop.core.store.sql_transaction import SqlTransaction
from machina_desktop.core.workers.deployer import RUNNER


def machine_row(team_id: str, name: str = "m1", **fields: object) -> Machine:
    """A machine that runs."""
    at = now()
    machine = Machine(
        machine_id=new_id("machine"),
        team_id=team_id,
        name=name,
        provider=ProviderType.SANDBOX,
        provider_account_id=new_id("account"),
        actual_status=MachineStatus.RUNNING,
        created_at=at,
        updated_at=at,
    )
    return replace(machine, **fields)  # type: ignore[arg-type]


async def write(host: Host, work: Callable[[SqlTransaction], object]) -> None:
    """Change the rows of that host, and tell of it."""
    _result, tx = await host.database.write(RUNNER, lambda _team_id, _tags=None: None, work)
    host.bus.publish(Changed(tuple(tx.changes)))


async def add_machine(host: Host, team_id: str, name: str = "m1", **fields: object) -> Machine:
    """Put a machine there."""
    machine = machine_row(team_id, name, **fields)
    await write(host, lambda tx: tx.add(machine))
    return machine
