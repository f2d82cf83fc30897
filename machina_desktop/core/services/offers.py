"""What an account may choose from: asked of its provider, and kept for when that is slow or away (spec 4.2, 6.3)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from machina_desktop.core.domain.provider import Catalogue, ProviderAccount, ProviderType, StoredCatalogue
from machina_desktop.core.domain.team import Actor, is_granted
from machina_desktop.core.errors import InvalidInput, Unavailable
from machina_desktop.core.ids import now
from machina_desktop.core.providers.registry import provider_for
from machina_desktop.core.services.account_access import open_account
from machina_desktop.core.services.context import Context
from machina_desktop.core.services.use_case import Request, use_case
from machina_desktop.core.store.transaction import Transaction

FRESH = timedelta(hours=1)
"""So long a catalogue is answered without asking again."""
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
    if kept is not None and not ask.refresh and _is_fresh(kept):
        return kept
    access = await open_account(context, actor, account)
    try:
        found = await provider_for(account.provider_type).catalogue(access)
    except Unavailable as error:
        if kept is None or ask.refresh or error.code == "E-CLOUD-DENIED":
            raise
        return kept
    # A provider that lists the same at any time says nothing of when it was asked.
    if found.fetched_at is not None and is_granted(actor, KEEP, account.team_id, is_read=False):
        keep = KeepCatalogue(team_id=account.team_id, account_id=account.provider_account_id, catalogue=found)
        await context.record(actor, keep)
    return found


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
