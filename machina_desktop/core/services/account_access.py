"""An account, opened for a question to its provider, and which accounts have machines to ask for."""

from __future__ import annotations

from machina_desktop.core.domain.custody import KEPT_BACK
from machina_desktop.core.domain.provider import ProviderAccount, ProviderType
from machina_desktop.core.domain.team import Actor
from machina_desktop.core.errors import NotFound
from machina_desktop.core.providers.base import Access
from machina_desktop.core.providers.registry import available_types, provider_for
from machina_desktop.core.services.context import Context
from machina_desktop.core.services.sealing import open_record
from machina_desktop.core.store.transaction import Transaction


async def open_account(context: Context, actor: Actor, account: ProviderAccount, *, may_write: bool = False) -> Access:
    """The account as its provider wants it; for reading, unless ``may_write``.

    Raises:
        Conflict: E-NOT-HERE, its secrets are kept elsewhere.
        Locked: the vault is locked.
    """
    opened = await open_record(context, actor, account)
    kept_back = {name: opened.pop(name).reveal() for name in KEPT_BACK if name in opened}
    settings = {**account.settings, **kept_back}
    return Access(settings=settings, secrets=opened, preferences=context.settings, may_write=may_write)


def account_of(tx: Transaction, account_id: str, team_id: str) -> ProviderAccount:
    """The team's account.

    Raises:
        NotFound: it is another team's, or there is none.
    """
    account = tx.get(ProviderAccount, account_id)
    if account.team_id != team_id:
        raise NotFound("The team has no such account.", hint="Choose one of the team's own.")
    return account


def has_list(kind: ProviderType) -> bool:
    """Whether that provider has machines of its own, which it lists and Terraform keeps a record of."""
    return kind in available_types() and bool(provider_for(kind).main_resource)
