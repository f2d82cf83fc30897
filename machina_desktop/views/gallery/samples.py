"""Made-up rows for the gallery: machines, log lines, a plan. No account, no network, no store."""

from __future__ import annotations

from machina_desktop.core.domain.log_line import LogLevel, LogLine
from machina_desktop.core.domain.machine import Machine, MachineStatus
from machina_desktop.core.domain.plan import AttributeChange, PlanAction, PlanSummary, ResourceChange
from machina_desktop.core.domain.provider import ProviderType
from machina_desktop.core.ids import now
from machina_desktop.views.icons import PROVIDER_ICONS
from machina_desktop.views.models.status import Status
from machina_desktop.views.models.table_model import Column, RecordTableModel
from machina_desktop.views.widgets.card_grid import CardContent

LONG_NAME = "a-machine-whose-name-nobody-will-ever-want-to-type-" * 4
ARABIC = "خادم الويب الأول"


def machines(count: int) -> tuple[Machine, ...]:
    """Machines over all providers, in every status."""
    statuses, providers = tuple(MachineStatus), tuple(ProviderType)
    return tuple(
        Machine(
            machine_id=f"m{number}",
            team_id="t",
            name=f"web-{number}" if number != 5 else LONG_NAME,
            provider=providers[number % len(providers)],
            provider_account_id="a",
            region="fra1",
            size="s-2vcpu-4gb",
            actual_status=statuses[(number * 7) % len(statuses)],
            public_ip=f"203.0.113.{number}" if number % 4 else None,
            tags=("production", "web")[: number % 3],
            created_at=now(),
            updated_at=now(),
        )
        for number in range(count)
    )


def _status(machine: Machine) -> Status:
    return Status(machine.actual_status, machine.desired_status)


def machine_model(count: int) -> RecordTableModel[Machine]:
    """Made-up machines as a table model."""
    columns = (
        Column[Machine](
            key="name", title="Name", text=lambda m: m.name, icon=lambda m: PROVIDER_ICONS[m.provider], width=200
        ),
        Column[Machine](key="status", title="Status", status=_status, width=220),
        Column[Machine](key="address", title="Address", text=lambda m: m.public_ip or "–", is_mono=True, width=150),
        Column[Machine](key="region", title="Region", text=lambda m: m.region, is_quiet=True),
        Column[Machine](key="size", title="Size", text=lambda m: m.size, is_mono=True, is_quiet=True),
        Column[Machine](key="tags", title="Tags", text=lambda m: ", ".join(m.tags), is_quiet=True),
    )
    model = RecordTableModel(columns, key=lambda machine: machine.machine_id)
    model.set_records(machines(count))
    return model


def machine_card(machine: Machine) -> CardContent:
    """One made-up machine as a card."""
    return CardContent(
        title=machine.name,
        status=_status(machine),
        icon_name=PROVIDER_ICONS[machine.provider],
        mono=machine.public_ip or "",
        facts=f"{machine.region} · {machine.size}",
        tags=machine.tags,
        mark="practice" if machine.is_practice else "",
    )


def log_lines(count: int) -> list[LogLine]:
    """Lines of a run in three phases, with a warning and an error now and then."""
    made = []
    for number in range(count):
        phase = "init" if number < count // 5 else "plan" if number < count // 2 else "apply"
        level = LogLevel.ERROR if number % 17 == 16 else LogLevel.WARNING if number % 11 == 10 else LogLevel.INFO
        text = f"digitalocean_droplet.web: Still creating... [{number}s elapsed]"
        made.append(LogLine(at=now(), phase=phase, level=level, text=text))
    return made


def plan_summary() -> PlanSummary:
    """A plan with one of each action."""
    changes = (
        AttributeChange(path="image", before='"ubuntu-22-04"', after='"ubuntu-24-04"', forces_replacement=True),
        AttributeChange(path="id", before='"3164444"', unknown=True),
        AttributeChange(path="user_data", sensitive=True),
    )
    made = (AttributeChange(path="name", after='"web-2"'), AttributeChange(path="ipv4_address", unknown=True))
    resources = (
        _change("digitalocean_droplet.web", PlanAction.REPLACE, *changes, reason="image cannot be changed in place"),
        _change("digitalocean_firewall.old", PlanAction.DELETE, AttributeChange(path="name", before='"old"')),
        _change("digitalocean_droplet.web2", PlanAction.CREATE, *made),
        _change("digitalocean_tag.web", PlanAction.UPDATE, AttributeChange(path="name", before='"a"', after='"b"')),
    )
    return PlanSummary(add=2, change=1, remove=2, resources=resources, outputs=("address",))


def _change(address: str, action: PlanAction, *attributes: AttributeChange, reason: str = "") -> ResourceChange:
    kind, name = address.split(".")
    return ResourceChange(address=address, type=kind, name=name, action=action, reason=reason, attributes=attributes)
