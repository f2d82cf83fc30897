"""The audit chain notices every event that was changed, moved, removed, put in or cut off."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from machina_desktop.core.domain.audit import AuditEvent, chain_digest
from machina_desktop.core.services.audit import GetAuditEvent, ListAuditEvents, VerifyAudit, verify_audit
from machina_desktop.core.services.machines import UpdateMachine
from machina_desktop.core.store.database import Database
from tests.fakes.hosts import Core, core

EVENTS = 12
TAMPERS = 1000
FIELDS = (
    "actor_id",
    "actor_name",
    "action",
    "target",
    "outcome",
    "detail",
    "ip_address",
    "user_agent",
    "previous",
    "at",
)

Tamper = Callable[[sqlite3.Connection, random.Random, int], None]


@pytest.fixture
async def made(tmp_path: Path) -> AsyncIterator[Core]:
    """A team with a short history."""
    async with core(tmp_path / "home") as started:
        ask = await started.create()
        for number in range(EVENTS - 2):
            await started.call(UpdateMachine(machine_id=ask.machine_id, notes=str(number)))
        yield started


def edit(connection: sqlite3.Connection, chance: random.Random, last: int) -> None:
    field, seq = chance.choice(FIELDS), chance.randint(1, last)
    other = {"outcome": "refused", "at": "2020-01-01T00:00:00.000000Z"}.get(field, f"forged-{chance.random()}")
    connection.execute(f"UPDATE audit_event SET {field} = ? WHERE seq = ?", (other, seq))


def edit_with_its_digest(connection: sqlite3.Connection, chance: random.Random, last: int) -> None:
    """Whoever knows how the digest is made can forge one event, but not those after it."""
    seq = chance.randint(1, last)
    connection.execute(
        "UPDATE audit_event SET action = 'forged', digest = ? WHERE seq = ?", (chance.randbytes(32).hex(), seq)
    )


def remove(connection: sqlite3.Connection, chance: random.Random, last: int) -> None:
    connection.execute("DELETE FROM audit_event WHERE seq = ?", (chance.randint(1, last - 1),))


def remove_and_close_the_gap(connection: sqlite3.Connection, chance: random.Random, last: int) -> None:
    seq = chance.randint(1, last - 1)
    connection.execute("DELETE FROM audit_event WHERE seq = ?", (seq,))
    connection.execute("UPDATE audit_event SET seq = -(seq - 1) WHERE seq > ?", (seq,))
    connection.execute("UPDATE audit_event SET seq = -seq WHERE seq < 0")


def cut_off(connection: sqlite3.Connection, chance: random.Random, last: int) -> None:
    connection.execute("DELETE FROM audit_event WHERE seq > ?", (chance.randint(0, last - 1),))


def cut_off_with_the_counter(connection: sqlite3.Connection, chance: random.Random, last: int) -> None:
    """The counter says fewer, but not with the digest that belongs to it."""
    seq = chance.randint(1, last - 1)
    connection.execute("DELETE FROM audit_event WHERE seq > ?", (seq,))
    connection.execute("UPDATE counter SET audit_seq = ?", (seq,))


def swap(connection: sqlite3.Connection, chance: random.Random, last: int) -> None:
    one, two = chance.sample(range(1, last + 1), 2)
    connection.execute("UPDATE audit_event SET seq = -1 WHERE seq = ?", (one,))
    connection.execute("UPDATE audit_event SET seq = ? WHERE seq = ?", (one, two))
    connection.execute("UPDATE audit_event SET seq = ? WHERE seq = -1", (two,))


def put_in(connection: sqlite3.Connection, chance: random.Random, last: int) -> None:
    seq = chance.randint(1, last)
    connection.execute("UPDATE audit_event SET seq = -(seq + 1) WHERE seq >= ?", (seq,))
    connection.execute("UPDATE audit_event SET seq = -seq WHERE seq < 0")
    copied = chance.choice([number for number in range(1, last + 2) if number != seq])
    columns = "team_id, at, actor_id, actor_name, action, target, outcome, detail, ip_address, user_agent, previous"
    connection.execute(
        f"INSERT INTO audit_event (audit_event_id, seq, digest, {columns})"
        f" SELECT ?, ?, digest, {columns} FROM audit_event WHERE seq = ?",
        (f"forged-{chance.random()}", seq, copied),
    )


KINDS: tuple[Tamper, ...] = (
    edit,
    edit_with_its_digest,
    remove,
    remove_and_close_the_gap,
    cut_off,
    cut_off_with_the_counter,
    swap,
    put_in,
)


async def test_a_history_nobody_touched_is_whole(made: Core) -> None:
    report = await made.call(VerifyAudit(team_id=made.team_id))
    assert (report.events, report.broken_at, report.problem) == (EVENTS, None, "")


async def test_a_thousand_random_tampers_are_noticed(made: Core, tmp_path: Path) -> None:
    [(last,)] = made.sql("SELECT max(seq) FROM audit_event")
    ask = VerifyAudit(team_id=made.team_id)
    forged = tmp_path / "forged.db"
    with closing(sqlite3.connect(made.paths.database)) as source, closing(sqlite3.connect(forged)) as target:
        source.backup(target)
    database = Database(forged)
    missed = []
    with closing(sqlite3.connect(forged, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        whole = connection.execute("SELECT * FROM audit_event ORDER BY seq").fetchall()
        head = connection.execute("SELECT audit_seq, audit_digest FROM counter").fetchone()
        for seed in range(TAMPERS):
            chance, kind = random.Random(seed), KINDS[seed % len(KINDS)]
            connection.execute("BEGIN")
            kind(connection, chance, int(str(last)))
            connection.execute("COMMIT")
            found = await database.read(made.host.actor, lambda tx: verify_audit(tx, made.host.actor, ask))
            if found.broken_at is None or not found.problem:
                missed.append((seed, kind.__name__))
            connection.execute("BEGIN")
            connection.execute("DELETE FROM audit_event")
            connection.executemany(f"INSERT INTO audit_event VALUES ({', '.join('?' * len(whole[0]))})", whole)
            connection.execute("UPDATE counter SET audit_seq = ?, audit_digest = ?", head)
            connection.execute("COMMIT")
    untouched = await database.read(made.host.actor, lambda tx: verify_audit(tx, made.host.actor, ask))
    database.close()
    assert missed == []
    assert untouched.broken_at is None


async def test_the_report_names_the_first_event_that_is_wrong(made: Core) -> None:
    made.sql("UPDATE audit_event SET actor_name = 'Somebody else' WHERE seq IN (5, 8)")
    report = await made.call(VerifyAudit(team_id=made.team_id))
    assert report.broken_at == 5


async def test_every_field_is_in_the_digest(made: Core) -> None:
    event = (await made.audit())[3]
    assert event.digest == chain_digest(event)
    for name in ("audit_event_id", "team_id", *FIELDS[:-1]):
        assert chain_digest(replace(event, **{name: "other"})) != event.digest, name  # type: ignore[arg-type]
    assert chain_digest(replace(event, seq=99)) != event.digest


async def test_events_are_listed_newest_first_and_found_by_their_words(made: Core) -> None:
    listed = await made.call(ListAuditEvents(team_id=made.team_id))
    assert [event.seq for event in listed] == list(range(EVENTS, 0, -1))
    found = await made.call(ListAuditEvents(team_id=made.team_id, search="provider_account.add"))
    assert [event.seq for event in found] == [1]
    newest = await made.call(ListAuditEvents(team_id=made.team_id, limit=3))
    assert len(newest) == 3


async def test_one_event_can_be_read(made: Core) -> None:
    event: AuditEvent = (await made.audit())[0]
    assert await made.call(GetAuditEvent(audit_event_id=event.audit_event_id)) == event
