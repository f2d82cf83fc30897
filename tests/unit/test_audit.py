"""The audit chain notices every event that was changed, moved, removed, put in or cut off (trust.md T40)."""

from __future__ import annotations

import csv
import io
import random
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from machina_desktop.core.codec import from_json
from machina_desktop.core.domain.audit import AuditEvent, AuditOutcome, chain_digest
from machina_desktop.core.errors import Conflict, Forbidden, InvalidInput
from machina_desktop.core.services import audit
from machina_desktop.core.services.audit import (
    ExportAudit,
    ExportFormat,
    GetAuditEvent,
    ListAuditEvents,
    VerifyAudit,
    verify_audit,
)
from machina_desktop.core.services.machines import ListMachines, RebootMachine, UpdateMachine
from machina_desktop.core.services.teams import UpdateTeam
from machina_desktop.core.store.database import Database
from tests.fakes.hosts import ON_ONE_STORE, Core, core

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


@asynccontextmanager
async def history(home: Path) -> AsyncIterator[Core]:
    """A team with a short history."""
    async with core(home) as started:
        ask = await started.create()
        for number in range(EVENTS - 2):
            await started.call(UpdateMachine(machine_id=ask.machine_id, notes=str(number)))
        yield started


@pytest.fixture
async def made(tmp_path: Path, each_store: str) -> AsyncIterator[Core]:
    async with history(tmp_path / "home") as started:
        yield started


@pytest.fixture
async def in_file(tmp_path: Path) -> AsyncIterator[Core]:
    """One that can be copied and forged a thousand times."""
    async with history(tmp_path / "home") as started:
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


async def test_a_thousand_random_tampers_are_noticed(in_file: Core, tmp_path: Path) -> None:
    [(last,)] = in_file.sql("SELECT max(seq) FROM audit_event")
    ask = VerifyAudit(team_id=in_file.team_id)
    forged = tmp_path / "forged.db"
    with closing(sqlite3.connect(in_file.paths.database)) as source, closing(sqlite3.connect(forged)) as target:
        source.backup(target)
    database = Database.of_file(forged)
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
            found = await database.read(in_file.host.actor, lambda tx: verify_audit(tx, in_file.host.actor, ask))
            if found.broken_at is None or not found.problem:
                missed.append((seed, kind.__name__))
            connection.execute("BEGIN")
            connection.execute("DELETE FROM audit_event")
            connection.executemany(f"INSERT INTO audit_event VALUES ({', '.join('?' * len(whole[0]))})", whole)
            connection.execute("UPDATE counter SET audit_seq = ?, audit_digest = ?", head)
            connection.execute("COMMIT")
    untouched = await database.read(in_file.host.actor, lambda tx: verify_audit(tx, in_file.host.actor, ask))
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


# Looking through it


async def numbers(made: Core, **fields: object) -> list[int]:
    return [event.seq for event in await made.call(ListAuditEvents(team_id=made.team_id, **fields))]  # type: ignore[arg-type]


async def test_events_are_narrowed_by_actor_action_thing_outcome_and_time(made: Core) -> None:
    machine = (await made.call(ListMachines(team_id=made.team_id)))[0]
    with pytest.raises(Conflict):
        await made.call(RebootMachine(machine_id=machine.machine_id))
    with pytest.raises(Forbidden):
        await made.door(made.member()).call(UpdateTeam(team_id=made.team_id, name="Mine"))
    failed, refused = EVENTS + 1, EVENTS + 2
    assert await numbers(made, actor_id="user-member") == [refused]
    assert await numbers(made, action="machine.create") == [2]
    assert await numbers(made, action="provider_account") == [1]
    assert await numbers(made, action="provider") == []
    assert await numbers(made, entity="provider_account") == [1]
    assert await numbers(made, entity=f"machine:{machine.machine_id}") == list(range(failed, 1, -1))
    assert await numbers(made, outcome=AuditOutcome.FAILED) == [failed]
    assert await numbers(made, outcome=AuditOutcome.REFUSED, action="team") == [refused]
    sixth = (await made.audit())[5]
    assert await numbers(made, since=sixth.at) == list(range(refused, 5, -1))
    assert await numbers(made, until=sixth.at) == [6, 5, 4, 3, 2, 1]
    assert await numbers(made, search="reboot E-MACHINE") == [failed]


async def test_pages_follow_each_other_whatever_comes_meanwhile(made: Core) -> None:
    first = await numbers(made, limit=5)
    await made.account()
    machine = (await made.call(ListMachines(team_id=made.team_id)))[0]
    await made.call(UpdateMachine(machine_id=machine.machine_id, notes="meanwhile"))
    second = await numbers(made, limit=5, before=first[-1])
    third = await numbers(made, limit=5, before=second[-1])
    assert first + second + third == list(range(EVENTS, 0, -1))


# Taking it along


async def exported(made: Core, limit: int, **fields: object) -> str:
    """All pages, one after the other."""
    texts, after = [], 0
    while True:
        page = await made.call(ExportAudit(team_id=made.team_id, after=after, limit=limit, **fields))  # type: ignore[arg-type]
        texts.append(page.text)
        after = page.after
        if page.is_last:
            return "".join(texts)


@pytest.mark.parametrize("limit", [1, 5, EVENTS, 1000])
async def test_the_pages_of_an_export_make_one_table(made: Core, limit: int) -> None:
    rows = list(csv.DictReader(io.StringIO(await exported(made, limit))))
    events = await made.audit()
    assert [row["seq"] for row in rows] == [str(number) for number in range(1, EVENTS + 1)]
    assert [row["action"] for row in rows] == [event.action for event in events]
    assert [row["digest"] for row in rows] == [event.digest for event in events]
    assert {datetime.fromisoformat(row["at"]) for row in rows} == {event.at for event in events}


@pytest.mark.parametrize("limit", [5, 1000])
async def test_an_export_in_json_holds_whole_events(made: Core, limit: int) -> None:
    lines = (await exported(made, limit, format=ExportFormat.JSON)).splitlines()
    assert tuple(from_json(line, AuditEvent) for line in lines) == await made.audit()


async def test_the_page_with_the_last_event_says_so(made: Core) -> None:
    for limit, is_last in ((EVENTS - 1, False), (EVENTS, True), (EVENTS + 1, True)):
        page = await made.call(ExportAudit(team_id=made.team_id, limit=limit))
        assert (page.is_last, page.after) == (is_last, min(limit, EVENTS))


async def test_an_export_is_narrowed_like_the_list(made: Core) -> None:
    rows = list(csv.DictReader(io.StringIO(await exported(made, 1000, action="machine.create"))))
    assert [row["seq"] for row in rows] == ["2"]


@ON_ONE_STORE
@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", " =1", "\t=1", "\uff1d1", "\r=1"])
async def test_nothing_in_an_export_is_a_formula(made: Core, text: str) -> None:
    made.sql("UPDATE audit_event SET actor_name = ?, target = ?", text, text)
    for row in csv.DictReader(io.StringIO(await exported(made, 1000))):
        assert row["actor_name"].startswith(("'", "\\t=", "\\r="))
        assert row["target"] == row["actor_name"]


async def test_nothing_in_an_export_steers_a_terminal_or_breaks_a_line(made: Core) -> None:
    made.sql("UPDATE audit_event SET target = ?", 'a"b,\x1b[2J\r\n\u202ec')
    text = await exported(made, 1000)
    assert [row["target"] for row in csv.DictReader(io.StringIO(text))] == ['a"b,\\x1b[2J\\r\\n\\u202ec'] * EVENTS
    assert all(each.isprintable() for each in text.replace("\r\n", ""))


@pytest.mark.parametrize("limit", [0, -1, 50_001])
async def test_a_page_without_bounds_is_refused(made: Core, limit: int) -> None:
    with pytest.raises(InvalidInput):
        await made.call(ExportAudit(team_id=made.team_id, limit=limit))


async def test_a_long_chain_is_verified_page_by_page(made: Core, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "CHAIN_PAGE", 5)
    report = await made.call(VerifyAudit(team_id=made.team_id))
    assert (report.events, report.broken_at) == (EVENTS, None)
    made.sql("DELETE FROM audit_event WHERE seq = 6")
    report = await made.call(VerifyAudit(team_id=made.team_id))
    assert (report.events, report.broken_at) == (EVENTS - 1, 6)


async def test_an_event_put_in_before_the_first_is_noticed(made: Core) -> None:
    made.sql(
        "INSERT INTO audit_event SELECT 'forged', team_id, 0, at, actor_id, actor_name, action, target, outcome, "
        "detail, ip_address, user_agent, previous, digest FROM audit_event WHERE seq = 1"
    )
    assert (await made.call(VerifyAudit(team_id=made.team_id))).broken_at == 1
