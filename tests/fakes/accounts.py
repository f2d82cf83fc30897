"""A core that keeps accounts, and people who ask it over a network of which there is none."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import TypeVar

from machina_desktop.core.domain.account import Registration, Session, SessionKind
from machina_desktop.core.domain.team import Actor, Client
from machina_desktop.core.secret import Secret
from machina_desktop.core.services.accounts import Login, Register
from machina_desktop.core.services.authentication import SignedIn, authenticate
from machina_desktop.core.services.passwords import Accounts, Passwords
from machina_desktop.core.services.use_case import Request
from tests.fakes.hosts import Core, core

R = TypeVar("R")
QUICK = 4
"""bcrypt's lowest cost: a hash takes a millisecond."""
PEPPER = Secret("pepper of the tests")
PASSWORD = Secret("seven green lanterns")
AGENT = "Machina/1.0 (tests)"


@dataclass
class Server:
    """A started core that keeps accounts. Everybody signs in from an address of their own, so that no limit is met."""

    made: Core
    passwords: Passwords
    _people: int = field(default=0)

    async def ask(self, request: Request[R], token: Secret | None = None, *, address: str = "198.51.100.7") -> R:
        """The answer to whoever has that token, or to somebody who has none."""
        client = Client(address=address, user_agent=AGENT)
        actor = Actor(user_id="", display_name="", client=client)
        if token is not None:
            actor = await self.actor(token, client)
        return await self.made.host._dispatcher.execute(actor, request)

    async def actor(self, token: Secret, client: Client | None = None) -> Actor:
        """Who has that token."""
        return (await self.entered(token, client))[0]

    async def entered(self, token: Secret, client: Client | None = None) -> tuple[Actor, Session]:
        """Who has that token, and their session."""
        return await authenticate(self.made.host._database, token, client or Client(address="198.51.100.7"))

    async def registered(self, name: str, *, code: Secret | None = None, **fields: object) -> SignedIn:
        """Somebody with a new account."""
        ask = Register(
            email=f"{name.lower()}@example.org",
            display_name=name,
            password=PASSWORD,
            code=code or Secret(""),
            **fields,  # type: ignore[arg-type]
        )
        return await self.ask(ask, address=self._elsewhere())

    async def signed_in(
        self, name: str, *, password: Secret = PASSWORD, kind: SessionKind = SessionKind.DEVICE, device_name: str = ""
    ) -> SignedIn:
        """Another session of somebody with an account."""
        ask = Login(email=f"{name.lower()}@example.org", password=password, kind=kind, device_name=device_name)
        return await self.ask(ask, address=self._elsewhere())

    def _elsewhere(self) -> str:
        self._people += 1
        return f"203.0.113.{self._people}"

    def passes(self, time: timedelta, session_id: str) -> None:
        """Put all that a session knows of time into the past, as if so much of it had gone by."""
        for table, columns in (
            ("session", ("created_at", "last_seen_at", "expires_at")),
            ("retired_token", ("retired_at",)),
        ):
            for column in columns:
                query = f"SELECT {column}, token_hash FROM {table} WHERE session_id = ?"
                for value, token_hash in self.made.sql(query, session_id):
                    moved = (datetime.fromisoformat(str(value)) - time).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
                    change = f"UPDATE {table} SET {column} = ? WHERE token_hash = ? AND session_id = ?"
                    self.made.sql(change, moved, token_hash, session_id)


@asynccontextmanager
async def server(
    home: Path,
    *,
    registration: Registration = Registration.OPEN,
    peppers: tuple[Secret, ...] = (PEPPER,),
    cost: int = QUICK,
) -> AsyncIterator[Server]:
    """A core on the data folder ``home`` that keeps accounts, with passwords that are hashed quickly."""
    passwords = Passwords(*peppers, cost=cost)
    try:
        async with core(home, accounts=Accounts(passwords=passwords, registration=registration)) as made:
            yield Server(made, passwords)
    finally:
        passwords.close()
