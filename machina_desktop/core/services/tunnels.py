"""Tunnels to machines, as the audit trail has them; they are opened by the computer that uses them."""

from __future__ import annotations

from dataclasses import dataclass

from machina_desktop.core.domain.machine import Machine
from machina_desktop.core.domain.team import Actor, is_granted
from machina_desktop.core.errors import Forbidden, NotFound
from machina_desktop.core.services.use_case import Request, use_case
from machina_desktop.core.store.transaction import Transaction

TUNNEL = "machine.tunnel"
DETAIL_LIMIT = 300


@dataclass(frozen=True, kw_only=True)
class RecordTunnel(Request[None]):
    """Note that somebody opens a tunnel through a machine, before it is opened; ``about`` says from where to where."""

    team_id: str
    machine_id: str
    about: str

    @property
    def audit_detail(self) -> str:
        """From where to where."""
        return self.about[:DETAIL_LIMIT]


@use_case(TUNNEL, "POST /api/machines/{machine_id}/tunnels", is_for_devices=True)
def record_tunnel(tx: Transaction, actor: Actor, ask: RecordTunnel) -> None:
    """Leaves its trace in the audit trail; the machine stays as it is."""
    machine = tx.find(Machine, machine_id=ask.machine_id, team_id=ask.team_id)
    if machine is None:
        raise NotFound("The team has no such machine.")
    if not is_granted(actor, TUNNEL, machine.team_id, is_read=False, tags=machine.tags):
        raise Forbidden(
            f"You may not open a tunnel through {machine.name}.",
            hint="Ask an administrator of the team for the right.",
        )
