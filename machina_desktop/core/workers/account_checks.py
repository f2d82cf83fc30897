"""Accounts are verified every few hours: credentials that were withdrawn show before a run needs them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from machina_desktop.core import ids
from machina_desktop.core.domain.provider import CredentialStatus, ProviderAccount, ProviderType
from machina_desktop.core.domain.team import Actor, is_granted
from machina_desktop.core.errors import Conflict, MachinaError
from machina_desktop.core.services.custody import is_here
from machina_desktop.core.services.providers import VerifyAccount
from machina_desktop.core.store.database import Database
from machina_desktop.core.store.transaction import Transaction
from machina_desktop.core.sync.gateway import Gateway

LOG = logging.getLogger(__name__)
EVERY = timedelta(hours=6)
LOOK_S = 300.0
"""How often it is looked which accounts are due."""
_PLAIN = frozenset({ProviderType.BAREMETAL, ProviderType.SANDBOX})
"""They have no credentials that somebody could withdraw."""
ACTION = "provider_account.verify"


class AccountChecks:
    """Verifies those that the person may verify and this computer can open, while its vault is open. Loop thread."""

    def __init__(self, gateway: Gateway, database: Database, is_open: Callable[[], bool]) -> None:
        self._gateway = gateway
        self._database = database
        self._is_open = is_open
        self._tried: dict[str, datetime] = {}

    async def run(self) -> None:
        """Again and again, one account after the other."""
        while True:
            try:
                await self.check_due()
            except MachinaError as error:
                LOG.warning("accounts are looked at again in a while: %s %s", error.code, error)
            await asyncio.sleep(LOOK_S)

    async def check_due(self) -> None:
        """Verify what has not been for :data:`EVERY`; what cannot be found out now is asked again that much later."""
        if not self._is_open():
            return
        oldest = ids.now() - EVERY
        for account in await self._database.read(self._gateway.actor, lambda tx: due(tx, self._gateway, oldest)):
            account_id = account.provider_account_id
            if self._tried.get(account_id, oldest) <= oldest and self._is_open():
                self._tried[account_id] = ids.now()
                await self._check(account)

    async def _check(self, account: ProviderAccount) -> None:
        ask = VerifyAccount(account_id=account.provider_account_id, is_routine=True)
        try:
            found = await self._gateway.call(ask)
        except MachinaError as error:
            LOG.info("%s could not be verified: %s", account.provider_account_id, error.code)
            return
        is_new = account.credential_status is not CredentialStatus.INVALID
        if found.credential_status is CredentialStatus.INVALID and is_new:
            LOG.warning("the credentials of %s are not accepted any more", account.provider_account_id)


def due(tx: Transaction, gateway: Gateway, oldest: datetime) -> tuple[ProviderAccount, ...]:
    """Accounts that were last verified at ``oldest`` or before, and that can and may be verified here."""
    accounts = tx.list(ProviderAccount, order_by="created_at", limit=100_000)
    return tuple(each for each in accounts if _is_due(each, oldest) and _may(tx, gateway.actor_in(each.team_id), each))


def _is_due(account: ProviderAccount, oldest: datetime) -> bool:
    last = account.last_verified_at or account.created_at
    return account.provider_type not in _PLAIN and last <= oldest


def _may(tx: Transaction, actor: Actor, account: ProviderAccount) -> bool:
    try:
        return is_granted(actor, ACTION, account.team_id, is_read=False) and is_here(tx, account)
    except Conflict:
        # Signed out of the server where the team lives.
        return False
