"""Who reads streams is looked at together, and in doubt nobody is trusted (trust.md T35)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from machina_desktop.core.domain.team import Actor, Client, TeamRole
from machina_desktop.core.errors import MachinaError, Unauthenticated
from machina_desktop.core.events import Change, Changed
from machina_desktop.core.ids import now
from machina_desktop.core.secret import Secret
from machina_desktop.server.rights import Reader, Rights, Shown
from tests.fakes.hosts import until

SELDOM_S = 60.0


def person(name: str, *, team_id: str = "crew") -> Actor:
    return Actor(user_id=name, display_name=name, team_roles=((team_id, TeamRole.MEMBER),))


def deleted(team_id: str) -> Changed:
    return Changed((Change(team_id=team_id, seq=1, entity="team_member", entity_id="m", at=now()),))


@dataclass
class Book:
    """Who each token stands for now; what is asked waits while it is shut."""

    people: dict[str, Actor | MachinaError] = field(default_factory=dict)
    asked: list[list[str]] = field(default_factory=list)
    is_open: asyncio.Event = field(default_factory=asyncio.Event)

    async def look(self, shown: Sequence[Shown]) -> Sequence[Actor | MachinaError]:
        tokens = [each.token.reveal() for each in shown]
        found = [self.people[token] for token in tokens]
        self.asked.append(tokens)
        await self.is_open.wait()
        return found


@asynccontextmanager
async def looking(book: Book, *, good_for_s: float = SELDOM_S) -> AsyncIterator[Rights]:
    rights = Rights(book.look, good_for_s)
    task = asyncio.create_task(rights.run())
    yield rights
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


def enter(rights: Rights, book: Book, name: str, woken: list[str] | None = None) -> Reader:
    actor = person(name)
    book.people.setdefault(name, actor)
    seen = [] if woken is None else woken
    return rights.join(rights.reader(Shown(Secret(name), Client()), actor), lambda: seen.append(name))


async def test_all_sessions_in_doubt_are_looked_at_in_one_read() -> None:
    book = Book()
    book.is_open.set()
    async with looking(book) as rights:
        readers = [enter(rights, book, name) for name in ("ada", "bob", "ada", "cyd")]
        rights.hear(deleted("crew"))
        assert not any(reader.is_trusted for reader in readers)
        await until(lambda: all(reader.is_trusted for reader in readers), what="the look")
        assert book.asked == [["ada", "bob", "cyd"]]


async def test_a_place_in_another_team_is_no_reason_to_doubt() -> None:
    book = Book()
    async with looking(book) as rights:
        reader = enter(rights, book, "ada")
        rights.hear(deleted("others"))
        assert reader.is_trusted


async def test_what_was_found_before_a_doubt_is_not_believed() -> None:
    book = Book()
    async with looking(book) as rights:
        reader = enter(rights, book, "ada")
        rights.check("ada")
        await until(lambda: len(book.asked) == 1, what="the first look")
        book.people["ada"] = Unauthenticated("You are not signed in.")
        rights.check("ada")
        book.is_open.set()
        await until(lambda: len(book.asked) == 2, what="the second look")
        assert not reader.is_trusted
        await until(lambda: reader.refusal is not None, what="the refusal")


async def test_nobody_is_trusted_longer_than_a_look_is_good_for() -> None:
    book = Book()
    async with looking(book, good_for_s=0.1) as rights:
        woken: list[str] = []
        reader = enter(rights, book, "ada", woken)
        await until(lambda: not reader.is_trusted, what="the end of trust while a look takes long")
        assert woken == []
        book.is_open.set()
        await until(lambda: woken == ["ada"], what="being woken")
        assert reader.is_trusted


async def test_a_reader_whose_rights_are_others_is_woken_with_them() -> None:
    book = Book()
    book.is_open.set()
    async with looking(book, good_for_s=0.1) as rights:
        woken: list[str] = []
        reader = enter(rights, book, "ada", woken)
        former = reader.actor
        await until(lambda: len(book.asked) >= 2, what="looks that find nothing new")
        assert (reader.actor is former, woken) == (True, [])
        book.people["ada"] = person("ada", team_id="others")
        await until(lambda: bool(woken), what="being woken")
        assert reader.actor.role_in("others") is TeamRole.MEMBER
