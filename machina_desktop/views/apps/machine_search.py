"""What the palette finds of machines."""

from __future__ import annotations

from machina_desktop.core.domain.machine import Machine
from machina_desktop.core.services.machines import GetMachine, ListMachines
from machina_desktop.views.apps.machine_looks import status_of
from machina_desktop.views.apps.machine_text import endpoint_of, place_of, tr
from machina_desktop.views.icons import PROVIDER_ICONS
from machina_desktop.views.links import Link
from machina_desktop.views.searches import Finding, Search, search

# More than anybody scrolls through; search and filters run here, on what was read once.
LIMIT = 5000


def searches() -> tuple[Search, ...]:
    """By name, address, tags, place and id."""
    return (
        search(
            entity="machine",
            title=tr("Machines"),
            request=lambda team: ListMachines(team_id=team, limit=LIMIT),
            depends=frozenset({"machine"}),
            finding=_finding,
            one=lambda key: GetMachine(machine_id=key),
        ),
    )


def _finding(machine: Machine) -> Finding:
    words = (machine.machine_id, machine.private_ip or "", place_of(machine), *machine.tags)
    return Finding(
        link=Link("machine", machine.machine_id),
        title=machine.name,
        icon=PROVIDER_ICONS[machine.provider],
        detail=endpoint_of(machine),
        words=" ".join(words),
        status=status_of(machine),
    )
