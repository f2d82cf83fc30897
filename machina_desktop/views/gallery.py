"""Every widget in every state, in one window, to be looked at: ``python -m machina_desktop.views.gallery [THEME]``."""

from __future__ import annotations

import sys

from PySide6.QtWidgets import QApplication, QGridLayout, QHBoxLayout, QScrollArea, QTabWidget, QVBoxLayout, QWidget

from machina_desktop.core.domain.deployment import DeploymentState
from machina_desktop.core.domain.log_line import LogLevel, LogLine
from machina_desktop.core.domain.machine import Machine, MachineStatus
from machina_desktop.core.domain.plan import AttributeChange, PlanAction, PlanSummary, ResourceChange
from machina_desktop.core.domain.provider import AccountField, ProviderType
from machina_desktop.core.ids import now
from machina_desktop.views import theme
from machina_desktop.views.icons import PROVIDER_ICONS
from machina_desktop.views.models.table_model import Column, RecordTableModel
from machina_desktop.views.theme import Space, Type
from machina_desktop.views.widgets.buttons import Button, ButtonKind, IconButton, Segment, Segmented
from machina_desktop.views.widgets.card_grid import CardContent, CardGrid
from machina_desktop.views.widgets.feedback import Avatar, Badge, Progress, Skeleton, Spinner
from machina_desktop.views.widgets.filter_bar import Filter, FilterBar
from machina_desktop.views.widgets.form import Form
from machina_desktop.views.widgets.inputs import Checkbox, Input, PasswordInput, Select
from machina_desktop.views.widgets.layout import Card, CollapsibleGroup, PageHeader, SectionHeader
from machina_desktop.views.widgets.log_view import LogView
from machina_desktop.views.widgets.plan_view import PlanView
from machina_desktop.views.widgets.states import EmptyState, ErrorState
from machina_desktop.views.widgets.status import Status, StatusBadge
from machina_desktop.views.widgets.table_view import TableView
from machina_desktop.views.widgets.text import CopyLabel, ElidedLabel, KeyValueList, Label


def _row(*widgets: QWidget) -> QWidget:
    made = QWidget()
    row = QHBoxLayout(made)
    row.setContentsMargins(0, 0, 0, 0)
    row.setSpacing(Space.S)
    for widget in widgets:
        row.addWidget(widget)
    row.addStretch()
    return made


def _column(*widgets: QWidget) -> QWidget:
    made = QWidget()
    column = QVBoxLayout(made)
    column.setContentsMargins(Space.XL, Space.XL, Space.XL, Space.XL)
    column.setSpacing(Space.L)
    for widget in widgets:
        column.addWidget(widget)
    column.addStretch()
    return made


def _buttons() -> QWidget:
    busy = Button("Deploying", kind=ButtonKind.PRIMARY, icon_name="rocket")
    busy.set_busy(True)
    off = Button("Disabled")
    off.setEnabled(False)
    return _row(
        Button("Deploy machine", kind=ButtonKind.PRIMARY, icon_name="plus"),
        Button("Refresh", icon_name="refresh-cw"),
        Button("Destroy", kind=ButtonKind.DANGER, icon_name="trash-2"),
        Button("Cancel", kind=ButtonKind.GHOST),
        busy,
        off,
        IconButton("panel-right", "Details"),
        IconButton("pin", "Pin", is_checkable=True),
    )


def _fields() -> QWidget:
    wrong = Input("Name", text="Web_1", help_text="Lower-case letters and digits.")
    wrong.set_error("Use lower-case letters, digits and hyphens; begin and end with a letter or digit.")
    password = PasswordInput("API token", placeholder="dop_v1_…")
    password.set_text("dop_v1_0123456789")
    made = QWidget()
    grid = QGridLayout(made)
    grid.setContentsMargins(0, 0, 0, 0)
    grid.setHorizontalSpacing(Space.L)
    region = Select("Region", choices=(("fra1", "Frankfurt 1"), ("nyc3", "New York 3")))
    host = Input("Host", placeholder="203.0.113.7", help_text="Address or name.")
    fields: tuple[QWidget, ...] = (host, wrong, password, region)
    for index, field in enumerate(fields):
        grid.addWidget(field, 0, index)
    return made


def _states() -> QWidget:
    error = ErrorState()
    error.set_message("The provider did not answer.", "Check the network, then try again.")
    empty = EmptyState(
        icon_name="server",
        title="No machines yet",
        text="Deploy one, or try it on this computer.",
        action="Deploy machine",
    )
    made = QWidget()
    row = QHBoxLayout(made)
    for widget in (empty, error):
        row.addWidget(widget)
    return made


def _card() -> QWidget:
    card = Card(is_clickable=True, name="web-1")
    card.column.addWidget(_row(Label("web-1", style=Type.STRONG), StatusBadge(MachineStatus.RUNNING)))
    facts = KeyValueList()
    facts.add_copyable("address", "Public address", "203.0.113.7")
    facts.add_text("size", "Size", "s-2vcpu-4gb", is_mono=True)
    facts.add_text("zone", "Zone")
    facts.add_widget("status", "Status", StatusBadge(Status(MachineStatus.STOPPED, MachineStatus.RUNNING)))
    card.column.addWidget(facts)
    card.setFixedWidth(360)
    return card


def _primitives() -> QWidget:
    header = PageHeader("Machines", search_placeholder="Filter machines…")
    header.set_count(1284)
    header.add_action(Button("Deploy", kind=ButtonKind.PRIMARY, icon_name="plus"))
    filters = FilterBar(
        (
            Filter(key="status", any_title="Any status", choices=(("running", "running"), ("error", "error"))),
            Filter(key="provider", any_title="Any provider", choices=(("aws", "AWS"),)),
        )
    )
    filters.restore({"status": "running"})
    view = (
        Segment(key="cards", title="Cards", icon_name="layout-grid"),
        Segment(key="table", title="Table", icon_name="list"),
    )
    filters.add_widget(Segmented(view, name="View"))
    done, working = Progress(name="Applying"), Progress(name="Planning")
    done.set_progress(3, 5)
    working.set_progress(0, 0)
    checked, off = Checkbox("Only mine"), Checkbox("Agent online")
    checked.setChecked(True)
    off.setEnabled(False)
    group = CollapsibleGroup("Production", count=12)
    group.column.addWidget(Label("Inside the group", tone="secondary"))
    badges = [Badge(tone, tone=tone) for tone in ("neutral", "accent", "success", "warning", "error")]
    return _column(
        header,
        filters,
        SectionHeader("Buttons", hint="one primary a page"),
        _buttons(),
        _row(*(StatusBadge(status) for status in MachineStatus)),
        _row(
            *(StatusBadge(state) for state in DeploymentState),
            StatusBadge(Status(MachineStatus.STOPPED, MachineStatus.RUNNING)),
        ),
        _row(
            *badges,
            Badge("practice", icon_name="flask-conical"),
            Avatar("Ada Lovelace"),
            Spinner(),
            checked,
            Checkbox("Unchecked"),
            off,
        ),
        _fields(),
        _row(
            _card(),
            _column(done, working, ElidedLabel("a-very-long-name-" * 20), CopyLabel("SHA256:abcdef", name="host key")),
        ),
        group,
        _states(),
    )


def _form() -> QWidget:
    form = Form(
        (
            AccountField(name="label", title="Label", is_required=True, placeholder="rack"),
            AccountField(name="api_token", title="API token", is_secret=True, help="Read and write scope."),
            AccountField(name="key", title="Private key", is_secret=True, is_multiline=True),
        )
    )
    form.validate()
    return _column(form, Skeleton(rows=5))


def _machines(count: int) -> tuple[Machine, ...]:
    statuses, providers = tuple(MachineStatus), tuple(ProviderType)
    return tuple(
        Machine(
            machine_id=f"m{number}",
            team_id="t",
            name=f"web-{number}",
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
        Column[Machine](key="status", title="Status", status=_status, width=240),
        Column[Machine](key="address", title="Address", text=lambda m: m.public_ip or "–", is_mono=True, width=150),
        Column[Machine](key="region", title="Region", text=lambda m: m.region, is_quiet=True),
        Column[Machine](key="size", title="Size", text=lambda m: m.size, is_mono=True, is_quiet=True),
        Column[Machine](key="tags", title="Tags", text=lambda m: ", ".join(m.tags), is_quiet=True),
    )
    model = RecordTableModel(columns, key=lambda machine: machine.machine_id)
    model.set_records(_machines(count))
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


def _table() -> QWidget:
    table = TableView(machine_model(40), name="Machines")
    table.select_key("m2")
    return _filled(table)


def _cards() -> QWidget:
    grid = CardGrid(machine_model(40), card=machine_card, name="Machines")
    grid.select_key("m2")
    return _filled(grid)


def log_lines(count: int) -> list[LogLine]:
    """Made-up lines of a run."""
    made = []
    for number in range(count):
        phase = "init" if number < count // 5 else "plan" if number < count // 2 else "apply"
        level = LogLevel.ERROR if number % 17 == 16 else LogLevel.WARNING if number % 11 == 10 else LogLevel.INFO
        text = f"digitalocean_droplet.web: Still creating... [{number}s elapsed]"
        made.append(LogLine(at=now(), phase=phase, level=level, text=text))
    return made


def _log() -> QWidget:
    view = LogView()
    view.append_lines(log_lines(60))
    view.search.setText("creating... [2")
    view.canvas.set_following(False)
    return _filled(view)


def plan_summary() -> PlanSummary:
    """A made-up plan with one of each action."""
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


def _plan() -> QWidget:
    view, empty = PlanView(), PlanView()
    view.set_plan(plan_summary())
    empty.set_plan(PlanSummary())
    return _column(view, empty)


def _filled(widget: QWidget) -> QWidget:
    made = QWidget()
    column = QVBoxLayout(made)
    column.setContentsMargins(Space.XL, Space.XL, Space.XL, Space.XL)
    column.addWidget(widget)
    return made


def build_gallery() -> QTabWidget:
    """The whole gallery as tabs."""
    tabs = QTabWidget()
    tabs.tabBar().setDrawBase(False)
    tabs.setWindowTitle("Gallery")
    pages = {
        "Primitives": _primitives(),
        "Form": _form(),
        "Table": _table(),
        "Cards": _cards(),
        "Log": _log(),
        "Plan": _plan(),
    }
    for title, page in pages.items():
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setWidget(page)
        tabs.addTab(area, title)
    tabs.resize(1360, 1180)
    return tabs


def main() -> int:
    """Show the gallery."""
    app = QApplication(sys.argv)
    theme.apply_theme(app, sys.argv[1] if len(sys.argv) > 1 else theme.SYSTEM)
    tabs = build_gallery()
    tabs.show()
    return app.exec()


if __name__ == "__main__":
    sys.exit(main())
