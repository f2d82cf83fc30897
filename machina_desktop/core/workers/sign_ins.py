"""Tells teams of wrong passwords, apart from the answer: whether there is such an account must not show in its time."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from functools import partial

from machina_desktop.core.domain.audit import AuditOutcome
from machina_desktop.core.domain.team import Client, TeamMember
from machina_desktop.core.domain.throttle import By, Limit, counters
from machina_desktop.core.errors import MachinaError
from machina_desktop.core.ids import now
from machina_desktop.core.services.authentication import KEEPER
from machina_desktop.core.store.database import Database
from machina_desktop.core.store.sql_transaction import SqlTransaction

LOG = logging.getLogger(__name__)
PAUSE_S = 1.0
WAITING = 100
"""More are not kept for the moment: how often somebody may try is limited long before."""
CODE = "E-LOGIN"
_COUNTED = (Limit(by=By.ALL, count=WAITING, window_s=60),)
"""Counted by every transaction of these, so that each of them writes; it limits nothing."""
_NOBODY = "Somebody who has not signed in"


class FailedSignIns:
    """Notes them as they come and writes them down once a second. Loop thread only."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: list[tuple[str, Client]] = []

    def note(self, user_id: str, client: Client) -> None:
        """Somebody gave a wrong password for that person's account, or for none where the id is empty."""
        if len(self._waiting) < WAITING:
            self._waiting.append((user_id, client))

    async def run(self) -> None:
        """Write them down, again and again, and what is left when this is ended."""
        try:
            while True:
                await asyncio.sleep(PAUSE_S)
                await self._write()
        finally:
            await self._write()

    async def _write(self) -> None:
        waiting, self._waiting = self._waiting, []
        for user_id, client in waiting:
            who = replace(KEEPER, user_id="", display_name=_NOBODY, client=client)
            try:
                await self._database.write(who, _anything, partial(_note, user_id=user_id))
            except MachinaError:
                LOG.exception("a failed sign-in could not be written to the audit trail")


def _note(tx: SqlTransaction, *, user_id: str) -> None:
    at_s = now().timestamp()
    # Whoever asks next waits for the disk, and must not learn by it whose account it was.
    tx.count_up(counters("account.login.failed", _COUNTED, address="", account="", at_s=at_s), at_s)
    members = tx.list(TeamMember, user_id=user_id)
    for team_id in sorted(member.team_id for member in members):
        tx.audit(team_id, "account.login", f"user:{user_id}", AuditOutcome.FAILED, CODE)


def _anything(_team_id: str, _tags: object = None) -> None:
    """The audit trail is written whatever was refused."""
