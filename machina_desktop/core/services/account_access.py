"""What areas share of accounts: opened for a question to the provider, their fields checked, its answer put in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from machina_desktop.core.domain.custody import KEPT_BACK
from machina_desktop.core.domain.provider import (
    CredentialStatus,
    ProviderAccount,
    ProviderInfo,
    ProviderType,
    Verification,
)
from machina_desktop.core.domain.team import Actor
from machina_desktop.core.errors import InvalidInput, NotFound
from machina_desktop.core.ids import now
from machina_desktop.core.log import REDACTOR
from machina_desktop.core.providers.base import Access
from machina_desktop.core.providers.registry import available_types, provider_for
from machina_desktop.core.secret import Secret
from machina_desktop.core.services.context import Context
from machina_desktop.core.services.sealing import open_record
from machina_desktop.core.store.transaction import Transaction

WORDS = 2_000
"""So much is stored of what a provider says of an account."""


async def open_account(context: Context, actor: Actor, account: ProviderAccount, *, may_write: bool = False) -> Access:
    """The account as its provider wants it; for reading, unless ``may_write``.

    Raises:
        Conflict: E-NOT-HERE, its secrets are kept elsewhere.
        Locked: the vault is locked.
    """
    await provider_for(account.provider_type).load()
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


def split_fields(info: ProviderInfo, fields: Mapping[str, Secret]) -> tuple[dict[str, Secret], dict[str, str]]:
    """The secret fields of an account and its settings, without what is empty.

    Raises:
        InvalidInput: a field is unknown, or one that is needed is missing; names it.
    """
    known = {entry.name: entry for entry in info.account_fields}
    for name in fields:
        if name not in known:
            raise InvalidInput(f"{info.title} accounts have no field {name[:100]}.", field=name)
    given = [name for name, value in fields.items() if value]
    way = info.way_of(given)
    if other := next((name for name in given if known[name].way not in {"", way}), ""):
        raise InvalidInput(f"Choose one way to sign in: {' or '.join(info.ways)}, not both.", field=other)
    for entry in info.account_fields:
        if entry.is_required and entry.way in {"", way} and not fields.get(entry.name):
            raise InvalidInput(f"{entry.title} is needed.", field=entry.name)
    secrets = {name: value for name, value in fields.items() if known[name].is_secret and value}
    settings = {name: value.reveal().strip() for name, value in fields.items() if not known[name].is_secret}
    return secrets, {name: value for name, value in settings.items() if value}


def check_settings(info: ProviderInfo, settings: Mapping[str, str], *, is_shared: bool) -> None:
    """Refuse settings that no account of that provider has, and on a server those that it never has."""
    known = {entry.name for entry in info.account_fields if not entry.is_secret}
    for name in settings:
        if name not in known:
            raise InvalidInput(f"{info.title} accounts have no field {name[:100]}.", field="settings")
        if is_shared and name in KEPT_BACK:
            raise InvalidInput(
                f"The field {name} stays on one's own computer; a server never has it.",
                field="settings",
                hint="Add the account from the desktop.",
            )


def verified(account: ProviderAccount, found: Verification) -> ProviderAccount:
    """The account with what its provider answered."""
    return replace(
        account,
        credential_status=found.status,
        identity=REDACTOR.redact(found.identity)[:WORDS],
        scopes=tuple(scope[:WORDS] for scope in found.scopes[:WORDS]) or None,
        quota=found.quota[:WORDS],
        status_reason=REDACTOR.redact(found.reason)[:WORDS],
        last_verified_at=account.last_verified_at if found.status is CredentialStatus.UNKNOWN else now(),
    )
