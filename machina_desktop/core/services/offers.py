"""What an account may choose from: asked of its provider, and kept for when that is slow or away (spec 4.2, 6.3)."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from machina_desktop.core.domain.provider import Catalogue, ProviderAccount, ProviderType, Size, StoredCatalogue
from machina_desktop.core.domain.similar import Similar, nearest
from machina_desktop.core.domain.team import Actor, is_granted
from machina_desktop.core.errors import InvalidInput, Locked, MachinaError, NotFound, Unavailable
from machina_desktop.core.ids import now
from machina_desktop.core.log import REDACTOR
from machina_desktop.core.providers.registry import provider_for
from machina_desktop.core.services.account_access import account_of, has_list, open_account
from machina_desktop.core.services.context import Context
from machina_desktop.core.services.use_case import Request, use_case
from machina_desktop.core.store.transaction import Transaction

FRESH = timedelta(hours=1)
"""So long a catalogue is answered without asking again."""
COMPARE_S = 20.0
"""So long one account is waited for when sizes are compared."""
MOST_ALIKE = 10
MOST = 1_000_000
KEEP = "provider_account.keep_catalogue"


@dataclass(frozen=True, kw_only=True)
class ListCatalogue(Request[Catalogue]):
    """Regions, sizes and images an account may choose from; ``type``, where given, must be the account's.

    One that was fetched less than an hour ago is answered as it is kept, and so is an older one while the provider is
    away: its ``fetched_at`` tells its age. With ``refresh`` it is asked for anew, and the provider's refusal is told.
    """

    account_id: str
    type: ProviderType | None = None
    refresh: bool = False


@dataclass(frozen=True, kw_only=True)
class Elsewhere:
    """What one account has that is most like a size of another one.

    Attributes:
        sizes: The nearest first; empty where nothing is like it.
        fetched_at: When its provider told what it offers; ``None`` where that does not age.
        problem: Why the account could not be asked, one sentence; empty when it was.
        code: The code of that error.
    """

    account_id: str
    label: str
    type: ProviderType
    sizes: tuple[Similar, ...] = ()
    fetched_at: datetime | None = None
    problem: str = ""
    code: str = ""


@dataclass(frozen=True, kw_only=True)
class CompareSizes(Request[tuple[Elsewhere, ...]]):
    """What is most like a size of an account, at each other account of the team, in the order of their labels.

    ``region`` is where the size itself would be made: elsewhere a region on the same continent is chosen first. Up to
    ``most`` sizes of each account are told. Prices are in the currency of each provider; AWS and Google tell none.
    """

    team_id: str
    account_id: str
    size: str
    region: str = ""
    most: int = 1


@dataclass(frozen=True, kw_only=True)
class KeepCatalogue(Request[None]):
    """Keep a catalogue in this computer's database, whatever the home of its team is."""

    team_id: str
    account_id: str
    catalogue: Catalogue


@use_case("provider_account.catalogue", "GET /api/providers/{type}/options")
async def list_catalogue(context: Context, actor: Actor, ask: ListCatalogue) -> Catalogue:
    """Ask the provider what may be chosen, unless what it said last will do."""
    account, kept = await context.read(actor, lambda tx: _known(tx, ask.account_id))
    if ask.type not in {None, account.provider_type}:
        raise InvalidInput(f"{account.label} is no account of that provider.", field="account_id")
    return await _offered(context, actor, account, kept, refresh=ask.refresh)


async def _offered(
    context: Context, actor: Actor, account: ProviderAccount, kept: Catalogue | None, *, refresh: bool = False
) -> Catalogue:
    if kept is not None and not refresh and _is_fresh(kept):
        return kept
    access = await open_account(context, actor, account)
    try:
        found = await provider_for(account.provider_type).catalogue(access)
    except Unavailable as error:
        if kept is None or refresh or error.code == "E-CLOUD-DENIED":
            raise
        return kept
    # A provider that lists the same at any time says nothing of when it was asked.
    if found.fetched_at is not None and is_granted(actor, KEEP, account.team_id, is_read=False):
        keep = KeepCatalogue(team_id=account.team_id, account_id=account.provider_account_id, catalogue=found)
        await context.record(actor, keep)
    return found


@use_case("provider_account.compare", "GET /api/providers/accounts/{account_id}/sizes/{size}/elsewhere")
async def compare_sizes(context: Context, actor: Actor, ask: CompareSizes) -> tuple[Elsewhere, ...]:
    """Look into what the accounts are kept to offer, and ask those at once whose offer is old or not known."""
    if not 1 <= ask.most <= MOST_ALIKE:
        raise InvalidInput(f"Between 1 and {MOST_ALIKE} sizes of each account can be told.", field="most")
    account, others = await context.read(actor, lambda tx: _with_others(tx, ask))
    own = await list_catalogue(context, actor, ListCatalogue(account_id=ask.account_id))
    wanted = next((each for each in own.sizes if each.slug == ask.size), None)
    if wanted is None:
        raise NotFound(
            f"{account.label} offers no size {ask.size[:80]}.", hint="List what it offers with its catalogue."
        )
    return tuple(await asyncio.gather(*(_elsewhere(context, actor, ask, wanted, each) for each in others)))


def _with_others(
    tx: Transaction, ask: CompareSizes
) -> tuple[ProviderAccount, tuple[tuple[ProviderAccount, Catalogue | None], ...]]:
    account = account_of(tx, ask.account_id, ask.team_id)
    found = tx.list(ProviderAccount, team_id=ask.team_id, order_by="label", limit=MOST)
    others = (each for each in found if each != account and has_list(each.provider_type))
    return account, tuple(_known(tx, each.provider_account_id) for each in others)


async def _elsewhere(
    context: Context,
    actor: Actor,
    ask: CompareSizes,
    wanted: Size,
    other: tuple[ProviderAccount, Catalogue | None],
) -> Elsewhere:
    account, kept = other
    found = Elsewhere(account_id=account.provider_account_id, label=account.label, type=account.provider_type)
    try:
        async with asyncio.timeout(COMPARE_S):
            offered = await _offered(context, actor, account, kept)
    except TimeoutError:
        return replace(found, problem=f"{account.label} did not answer within {COMPARE_S:.0f} s.", code="E-SLOW")
    except Locked:
        raise
    except MachinaError as error:
        return replace(found, problem=REDACTOR.redact(str(error)), code=error.code)
    alike = await asyncio.to_thread(nearest, wanted, ask.region, offered, most=ask.most)
    return replace(found, sizes=alike, fetched_at=offered.fetched_at)


def _known(tx: Transaction, account_id: str) -> tuple[ProviderAccount, Catalogue | None]:
    stored = tx.find(StoredCatalogue, provider_account_id=account_id)
    return tx.get(ProviderAccount, account_id), stored.catalogue if stored is not None else None


def _is_fresh(kept: Catalogue) -> bool:
    return kept.fetched_at is not None and timedelta() <= now() - kept.fetched_at < FRESH


@use_case(KEEP, "POST /api/device/catalogues", is_audited=False, is_internal=True)
def keep_catalogue(tx: Transaction, _actor: Actor, ask: KeepCatalogue) -> None:
    """In place of what is there."""
    row = StoredCatalogue(provider_account_id=ask.account_id, team_id=ask.team_id, catalogue=ask.catalogue)
    if tx.find(StoredCatalogue, provider_account_id=ask.account_id) is None:
        tx.add(row)
    else:
        tx.replace(row)
