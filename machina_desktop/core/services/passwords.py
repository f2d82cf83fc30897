"""Hashing and judging passwords: only a shared server imports this, and with it bcrypt (trust.md D14, T32)."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import logging
import os
import sys
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import bcrypt

from machina_desktop.core.config import bundle_folder
from machina_desktop.core.domain.account import Account, Registration
from machina_desktop.core.domain.password import normal_password, password_problem
from machina_desktop.core.errors import InvalidInput, TooMany, Unavailable
from machina_desktop.core.secret import Secret
from machina_desktop.core.services.authentication import KEEPER
from machina_desktop.core.vault import key_file

if TYPE_CHECKING:
    from machina_desktop.core.store.database import Database

R = TypeVar("R")
LOG = logging.getLogger(__name__)
COST = 12
"""Rounds of bcrypt as a power of two: 0.4 to 0.5 s of one core."""

LONGEST_LINE = 16
LINE_RETRY_S = 5
"""How many strangers may wait for their password to be compared, and when to come back otherwise."""

_NO_DIGEST = b"." * 31
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class Accounts:
    """What a host needs in order to keep accounts."""

    passwords: Passwords
    registration: Registration = Registration.INVITE

    async def check(self, database: Database) -> None:
        """See that passwords which are stored there can be compared.

        Raises:
            Unavailable: E-PEPPER, none of them can: the pepper was lost, and a new one has been made since.
        """
        known = self.passwords.peppers
        some, good = await database.read(KEEPER, lambda tx: (tx.find(Account), tx.find(Account, pepper=known)))
        if some is not None and good is None:
            raise Unavailable(
                "The file that was mixed into all stored passwords is missing, so nobody could sign in.",
                hint="Put .data/.password_pepper back from where it was kept; backups of machina-server hold it.",
                code="E-PEPPER",
            )


class Passwords:
    """bcrypt over a keyed pre-hash, on a thread pool of its own with one thread per core. Everything but that: loop.

    bcrypt reads 72 bytes at most; the pre-hash, base64 of HMAC-SHA256, has 44 of them for any password, and without
    the pepper whoever gets the database cannot even begin to guess.

    Attributes:
        peppers: The fingerprints of those that are known.
        hashings: How many times bcrypt has been asked so far.
    """

    def __init__(self, *peppers: Secret, cost: int = COST) -> None:
        """The first pepper is for new hashes, the others are former ones."""
        self._peppers = {_fingerprint(pepper): pepper for pepper in peppers}
        self.peppers = tuple(self._peppers)
        self._newest = _fingerprint(peppers[0])
        self._cost = cost
        cores = os.cpu_count() or 1
        self._threads = ThreadPoolExecutor(cores, thread_name_prefix="passwords", initializer=_step_back)
        self._line = asyncio.Semaphore(max(1, cores // 2))
        self._waiting = 0
        # What nobody's password gives, made like any other, so that comparing with it takes the same time.
        self._nobody = Account(
            user_id="",
            email="",
            password_hash=(bcrypt.gensalt(cost) + _NO_DIGEST).decode(),
            pepper=self._newest,
            changed_at=_NEVER,
        )
        self.hashings = 0

    def close(self) -> None:
        """Finish what is under way and let go of the threads. Blocking."""
        self._threads.shutdown()

    def check(self, password: Secret, *about: str, field: str = "password") -> None:
        """Whether this may become somebody's password; ``about`` is what everybody knows of them.

        Raises:
            InvalidInput: E-PASSWORD, says why not.
        """
        if problem := password_problem(normal_password(password.reveal()), about=about, common=_common()):
            raise InvalidInput(
                problem, field=field, hint="Several words that have nothing to do with you do well.", code="E-PASSWORD"
            )

    async def hashed(self, password: Secret) -> tuple[Secret, str]:
        """A new hash, and the fingerprint of the pepper that went into it."""
        prepared = _prepared(password, self._peppers[self._newest])
        made = await self._run(lambda: bcrypt.hashpw(prepared, bcrypt.gensalt(self._cost)))
        return Secret(made.decode()), self._newest

    async def match(self, password: Secret, account: Account | None, *, is_first: bool = True) -> bool:
        """Whether that is the account's password. Takes as long when there is no such account.

        Who does not come ``is_first`` stands in a line for half of the processor, and only while it is short.

        Raises:
            TooMany: E-LOGIN-LINE, so many stand there already.
        """
        if is_first:
            return await self._match(password, account)
        if self._waiting >= LONGEST_LINE:
            raise TooMany("Too many sign in at this moment.", retry_after_s=LINE_RETRY_S, code="E-LOGIN-LINE")
        self._waiting += 1
        try:
            async with self._line:
                return await self._match(password, account)
        finally:
            self._waiting -= 1

    async def _match(self, password: Secret, account: Account | None) -> bool:
        known = account or self._nobody
        pepper = self._peppers.get(known.pepper)
        if pepper is None:
            LOG.error("the pepper %s, with which a password was stored, is not known to this server", known.pepper)
            known, pepper = self._nobody, self._peppers[self._newest]
        prepared, stored = _prepared(password, pepper), known.password_hash.encode()
        return await self._run(lambda: bcrypt.checkpw(prepared, stored))

    def is_outdated(self, account: Account) -> bool:
        """Whether the account's hash was made at a lower cost, or with a former pepper."""
        return account.pepper != self._newest or int(account.password_hash.split("$")[2]) < self._cost

    async def _run(self, work: Callable[[], R]) -> R:
        self.hashings += 1
        return await asyncio.wrap_future(self._threads.submit(work))


def stored_pepper(path: Path) -> Secret:
    """The pepper in that private file, made at the first call. Blocking.

    Raises:
        Unavailable: the file can be read by others, holds no key, or cannot be written.
    """
    key = key_file.read(path)
    if key is None:
        try:
            key = key_file.create(path)
        except Unavailable:
            # Another process that started at the same moment has made it.
            key = key_file.read(path)
            if key is None:
                raise
    return Secret(base64.b64encode(key).decode())


def _step_back() -> None:
    """Let everything else go before: whoever tries passwords must not slow down who works. Only Linux can do that."""
    if sys.platform == "linux":
        # There it is the thread that steps back, not its process.
        os.nice(5)


def _prepared(password: Secret, pepper: Secret) -> bytes:
    text = normal_password(password.reveal()).encode("utf-8", "surrogatepass")
    return base64.b64encode(hmac.digest(pepper.reveal().encode(), text, "sha256"))


def _fingerprint(pepper: Secret) -> str:
    return hashlib.sha256(b"machina pepper " + pepper.reveal().encode()).hexdigest()[:16]


@cache
def _common() -> Collection[str]:
    return frozenset((bundle_folder() / "resources" / "passwords" / "common.txt").read_text("utf-8").splitlines())
