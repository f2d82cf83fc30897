"""What a machine's card and its row in the table say."""

from __future__ import annotations

from collections.abc import Callable

from machina_desktop.core.domain.deployment import Deployment, DeploymentState
from machina_desktop.core.domain.machine import Machine
from machina_desktop.core.domain.provider import ProviderAccount
from machina_desktop.views.apps.machine_text import endpoint_of, measure_of, tr
from machina_desktop.views.icons import PROVIDER_ICONS
from machina_desktop.views.models.status import Status, mark_of
from machina_desktop.views.models.table_model import Column
from machina_desktop.views.provider_words import dot_of, provider_title
from machina_desktop.views.run_words import news_of
from machina_desktop.views.widgets.card_grid import CardContent
from machina_desktop.views.wording import moment

# The others say what the machine's own status says already, or that all is well.
_TELLING = frozenset({DeploymentState.AWAITING_APPROVAL, DeploymentState.FAILED})


def status_of(machine: Machine) -> Status:
    """What it is, and what it should be where that differs."""
    return Status(machine.actual_status, machine.desired_status)


def account_words(machine: Machine, account: ProviderAccount | None) -> str:
    """Whose it is: what its account is called, and of a practice machine or while that is not known, its provider."""
    return provider_title(machine.provider) if account is None or machine.is_practice else account.label


def card_of(machine: Machine, run: Deployment | None = None, *, account: ProviderAccount | None = None) -> CardContent:
    """What a machine's card says; ``run`` is its newest one."""
    place = () if machine.is_practice else (machine.region, machine.size)
    return CardContent(
        title=machine.name,
        status=status_of(machine),
        aside=news_of(run) if run is not None else "",
        aside_mark=mark_of(run.state) if run is not None and run.state in _TELLING else None,
        icon_name=PROVIDER_ICONS[machine.provider],
        mono=endpoint_of(machine),
        measure=measure_of(machine),
        facts=" · ".join(part for part in (account_words(machine, account), *place) if part),
        dot=dot_of(account) if account is not None else "",
        tags=machine.tags,
        mark=_mark_of(machine),
    )


def columns(
    run_of: Callable[[Machine], Deployment | None], account_of: Callable[[Machine], ProviderAccount | None]
) -> tuple[Column[Machine], ...]:
    """The columns of the table; ``run_of`` knows a machine's newest run."""
    return (*_first_columns(), _account_column(account_of), *_place_columns(), *_history_columns(run_of))


def _first_columns() -> tuple[Column[Machine], ...]:
    return (
        Column(key="name", title=tr("Name"), text=lambda each: each.name, icon=_icon_of, width=180, least=150, grows=2),
        Column(key="status", title=tr("Status"), status=status_of, width=170, least=155),
        Column(key="address", title=tr("Address"), text=endpoint_of, is_mono=True, width=160, least=150),
    )


def _account_column(account_of: Callable[[Machine], ProviderAccount | None]) -> Column[Machine]:
    def dot(machine: Machine) -> str:
        account = account_of(machine)
        return dot_of(account) if account is not None else ""

    def words(machine: Machine) -> str:
        return account_words(machine, account_of(machine))

    return Column(key="account", title=tr("Account"), text=words, dot=dot, width=140, least=125)


def _place_columns() -> tuple[Column[Machine], ...]:
    return (
        Column(key="provider", title=tr("Provider"), text=_provider_of, is_quiet=True, width=125, least=115, rank=7),
        Column(
            key="region",
            title=tr("Region"),
            text=lambda each: _slug(each, each.region),
            is_quiet=True,
            width=120,
            least=110,
            rank=3,
        ),
        Column(
            key="size",
            title=tr("Size"),
            text=lambda each: _slug(each, each.size),
            is_quiet=True,
            width=125,
            least=115,
            rank=4,
        ),
        Column(
            key="tags",
            title=tr("Tags"),
            text=lambda each: ", ".join(each.tags) or "–",
            is_quiet=True,
            width=130,
            rank=5,
            grows=1,
        ),
    )


def _history_columns(run_of: Callable[[Machine], Deployment | None]) -> tuple[Column[Machine], ...]:
    def news(machine: Machine) -> str:
        run = run_of(machine)
        return news_of(run).capitalize() if run is not None else "–"

    def when(machine: Machine) -> float:
        run = run_of(machine)
        return run.created_at.timestamp() if run is not None else 0.0

    return (
        Column(
            key="run",
            title=tr("Last run"),
            text=news,
            sort_key=when,
            is_quiet=True,
            width=180,
            least=160,
            rank=1,
            grows=1,
        ),
        Column(
            key="created",
            title=tr("Created"),
            text=lambda each: moment(each.created_at),
            sort_key=lambda each: each.created_at.timestamp(),
            is_quiet=True,
            width=125,
            least=115,
            rank=6,
        ),
    )


def _mark_of(machine: Machine) -> str:
    if machine.is_in_rescue and not machine.is_gone:
        return tr("rescue system")
    return tr("practice") if machine.is_practice else tr("protected") if machine.is_protected else ""


def _slug(machine: Machine, slug: str) -> str:
    # A practice machine's region and size are this computer's: telling them says nothing.
    return "–" if machine.is_practice else slug or "–"


def _icon_of(machine: Machine) -> str:
    return PROVIDER_ICONS[machine.provider]


def _provider_of(machine: Machine) -> str:
    return provider_title(machine.provider)
