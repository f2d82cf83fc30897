"""Many write to PostgreSQL at once, in several processes, and each team's history is as if they had stood in line."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa

from machina_desktop.core.config import REPOSITORY
from machina_desktop.core.domain.machine import Machine
from machina_desktop.core.domain.team import Actor, TeamRole, User
from machina_desktop.core.errors import Bug, Conflict, MachinaError
from machina_desktop.core.events import Change, Changed, Event, EventBus, LogAppended
from machina_desktop.core.services.members import RemoveMember
from machina_desktop.core.store.database import Database
from machina_desktop.core.store.sql_transaction import SqlTransaction
from machina_desktop.core.store.tables import METADATA
from machina_desktop.core.store.transaction import Transaction
from machina_desktop.core.workers import watcher
from machina_desktop.core.workers.watcher import FeedWatcher
from tests.fakes import postgres
from tests.fakes.hosts import core, store_at, until
from tests.fakes.people import joined, place_of
from tests.fakes.postgres import Server
from tests.unit.test_store import AT, MACHINE, MINE, RUNNER, THEIRS, allow, line, start_core, writer

WRITERS, COMMITS, PROCESSES = 20, 200, 4

# Several writers, each one machine after the other, in turn into one of two teams.
CROWD = """
import asyncio, sys
from dataclasses import replace
from pathlib import Path
from tests.fakes.hosts import store_at
from tests.unit.test_store import MACHINE, RUNNER, allow

async def write(database, name, count):
    for number in range(count):
        row = replace(MACHINE, machine_id=f"{name}-{number}", name=name, team_id=f"team-{number % 2 + 1}")
        await database.write(RUNNER, allow, lambda tx: tx.add(row))

async def main(path, process, writers, count):
    database = store_at(path)
    await asyncio.gather(*(write(database, f"{process}-{number}", count) for number in range(writers)))
    database.close()

asyncio.run(main(Path(sys.argv[1]), *map(int, sys.argv[2:])))
"""


@pytest.fixture(autouse=True)
def server() -> Iterator[Server]:
    with postgres.in_use() as used:
        yield used


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "machina.db"


@pytest.fixture
async def database(path: Path) -> AsyncIterator[Database]:
    made = store_at(path)
    yield made
    await asyncio.to_thread(made.close)


async def add(database: Database, *rows: object) -> None:
    def fill(tx: Transaction) -> None:
        for row in rows:
            tx.add(row)

    await database.write(MINE, allow, fill)


def start_crowd(path: Path, number: int) -> subprocess.Popen[bytes]:
    arguments = [str(path), str(number), str(WRITERS // PROCESSES), str(COMMITS)]
    return subprocess.Popen([sys.executable, "-c", CROWD, *arguments], cwd=REPOSITORY)


# Order


async def test_whoever_reads_while_twenty_write_sees_every_teams_feed_without_gaps(
    database: Database, path: Path
) -> None:
    crowd = [start_crowd(path, number) for number in range(PROCESSES)]
    seen = {"team-1": 0, "team-2": 0}
    while any(process.poll() is None for process in crowd):
        for team_id, last in seen.items():
            numbers = [change.seq for change in await database.changes_after(team_id, last)]
            assert numbers == list(range(last + 1, last + 1 + len(numbers)))
            seen[team_id] += len(numbers)
        await asyncio.sleep(0.05)
    assert [process.returncode for process in crowd] == [0] * PROCESSES
    assert await database.change_heads() == dict.fromkeys(seen, WRITERS * COMMITS // 2)
    assert await database.read(RUNNER, lambda tx: tx.count(Machine)) == WRITERS * COMMITS


async def test_of_those_who_read_and_then_write_at_once_none_undoes_the_other(database: Database) -> None:
    await add(database, replace(MACHINE, ssh_port=0))

    def count(tx: Transaction) -> None:
        [machine] = tx.list(Machine, name="m1")
        tx.replace(replace(machine, ssh_port=machine.ssh_port + 1))

    await asyncio.gather(*(database.write(MINE, allow, count) for _ in range(40)))
    assert (await database.read(MINE, lambda tx: tx.get(Machine, "machine-1"))).ssh_port == 40


async def test_a_row_of_no_team_is_read_and_written_by_one_at_a_time(database: Database) -> None:
    await add(database, User(user_id="user-1", email="1@example.org", display_name="0", created_at=AT))

    def count(tx: Transaction) -> None:
        user = tx.get(User, "user-1")
        tx.replace(replace(user, display_name=str(int(user.display_name) + 1)))

    await asyncio.gather(*(database.write(RUNNER, allow, count) for _ in range(40)))
    assert (await database.read(RUNNER, lambda tx: tx.get(User, "user-1"))).display_name == "40"


async def test_who_finds_nothing_and_then_adds_it_at_once_does_so_once(database: Database) -> None:
    def found(tx: Transaction) -> None:
        if tx.find(Machine, name="the only one") is None:
            tx.add(replace(MACHINE, machine_id=f"machine-{threading.get_ident()}", name="the only one"))

    await asyncio.gather(*(database.write(MINE, allow, found) for _ in range(20)))
    assert await database.read(MINE, lambda tx: tx.count(Machine, name="the only one")) == 1


async def test_a_reader_sees_one_moment(database: Database) -> None:
    await add(database, MACHINE)
    has_read, has_written = threading.Event(), threading.Event()

    def look_twice(tx: Transaction) -> tuple[int, int]:
        before = tx.count(Machine)
        has_read.set()
        assert has_written.wait(10)
        return before, tx.count(Machine)

    reading = asyncio.ensure_future(database.read(MINE, look_twice))
    await asyncio.to_thread(has_read.wait, 10)
    await add(database, replace(MACHINE, machine_id="machine-2"))
    has_written.set()
    assert await reading == (1, 1)


async def test_two_that_wait_for_each_other_both_succeed_and_each_is_counted_once(database: Database) -> None:
    people = [User(user_id=f"user-{n}", email=f"{n}@example.org", display_name=str(n), created_at=AT) for n in (1, 2)]
    await add(database, *people)
    both = threading.Barrier(2)
    attempts: list[str] = []

    def rename(first: User, second: User, name: str, tx: Transaction) -> None:
        tx.replace(replace(first, display_name=name))
        attempts.append(name)
        if attempts.count(name) == 1:
            both.wait(10)
        tx.replace(replace(second, display_name=name))
        tx.add(replace(MACHINE, machine_id=f"machine-{name}", team_id=f"team-{name}"))

    here, there = people
    answers = await asyncio.gather(
        database.write(RUNNER, allow, lambda tx: rename(here, there, "a", tx)),
        database.write(RUNNER, allow, lambda tx: rename(there, here, "b", tx)),
    )
    assert len(attempts) == 3
    assert [[change.seq for change in tx.changes] for _, tx in answers] == [[1], [1]]
    assert await database.change_heads() == {"team-a": 1, "team-b": 1}
    names = {user.display_name for user in await database.read(RUNNER, lambda tx: tx.list(User))}
    assert len(names) == 1


async def test_who_finds_nothing_and_comes_second_looks_again(database: Database) -> None:
    person = User(user_id="user-1", email="1@example.org", display_name="One", created_at=AT)
    both = threading.Barrier(2)
    found: list[bool] = []

    def settle(tx: Transaction) -> User:
        known = tx.find(User, user_id="user-1")
        found.append(known is not None)
        if known is None:
            both.wait(10)
            tx.add(person)
        return known or person

    answers = await asyncio.gather(*(database.write(RUNNER, allow, settle) for _ in range(2)))
    assert [user for user, _ in answers] == [person, person]
    assert sorted(found) == [False, False, True]


async def test_of_two_administrators_who_remove_each_other_one_stays(tmp_path: Path) -> None:
    async with core(tmp_path / "home") as made:
        for number in range(5):
            zoe = await joined(made, f"Zoe{number}", TeamRole.ADMIN)
            removals = (
                made.host.gateway.call(RemoveMember(team_id=made.team_id, member_id=place_of(made, zoe))),
                zoe.call(RemoveMember(team_id=made.team_id, member_id=place_of(made, made.host.gateway))),
            )
            answers = await asyncio.gather(*removals, return_exceptions=True)
            assert [isinstance(each, MachinaError) for each in answers].count(True) == 1, answers
            admins = made.sql("SELECT user_id FROM team_member WHERE team_id = ? AND role = 'admin'", made.team_id)
            assert len(admins) == 1
            if admins != [(made.host.actor.user_id,)]:
                break


# Several processes


def test_processes_may_start_on_an_empty_database_at_once(path: Path, server: Server) -> None:
    postgres.database_of(path, is_empty=True)
    starts = [start_core(path.parent) for _ in range(3)]
    teams = {process.communicate(timeout=60)[0].strip() for process in starts}
    assert [process.returncode for process in starts] == [0, 0, 0]
    assert len(teams) == 1


async def watched(database: Database, told: list[Event]) -> asyncio.Task[None]:
    """Watch as another process would; answers once it listens."""
    bus = EventBus()
    bus.attach(asyncio.get_running_loop())
    bus.subscribe(told.append)
    watching = FeedWatcher(database, bus)
    task = asyncio.ensure_future(watching.run())
    await until(lambda: watching._heads is not None and not watching._wake.is_set(), what="the first look")
    query = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'"
    await until(lambda: postgres.server().sql("postgres", query) != [(0,)], what="the listening")
    return task


def changes(told: list[Event]) -> list[Change]:
    return [change for event in told if isinstance(event, Changed) for change in event.changes]


async def test_a_second_process_is_told_at_once_without_looking(
    database: Database, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watcher, "LISTENING_LOOK_S", 600.0)
    told: list[Event] = []
    task = await watched(database, told)
    process = writer(path, "theirs", 20)
    await until(lambda: len(changes(told)) == 40, what="the news")
    process.communicate(timeout=30)
    assert [change.seq for change in changes(told)] == list(range(1, 41))
    task.cancel()


async def test_news_take_some_milliseconds(database: Database, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watcher, "LISTENING_LOOK_S", 600.0)
    told: list[Event] = []
    task = await watched(database, told)
    other = store_at(path)
    waits: list[float] = []
    for number in range(30):
        await add(other, replace(MACHINE, machine_id=f"machine-{number}"))
        began = time.perf_counter()
        while len(changes(told)) <= number:
            await asyncio.sleep(0.001)
            assert time.perf_counter() - began < 10
        waits.append(time.perf_counter() - began)
    task.cancel()
    await asyncio.to_thread(other.close)
    median_ms = sorted(waits)[len(waits) // 2] * 1000
    print(f"median {median_ms:.1f} ms, longest {max(waits) * 1000:.1f} ms")
    assert median_ms < 200


async def test_the_growth_of_a_log_is_told_and_ones_own_writes_are_not(
    database: Database, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watcher, "LISTENING_LOOK_S", 600.0)
    told: list[Event] = []
    task = await watched(database, told)
    other = store_at(path)
    await database.write(RUNNER, allow, lambda tx: tx.append_log("mine", (line(1),), {}))
    await add(database, MACHINE)
    end, _ = await other.write(RUNNER, allow, lambda tx: tx.append_log("theirs", (line(1),), {}))
    await until(lambda: bool(told), what="the news")
    assert told == [LogAppended("theirs", end)]
    task.cancel()
    await asyncio.to_thread(other.close)


async def test_who_is_cut_off_listens_again_and_has_missed_nothing(
    database: Database, path: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watcher, "LISTENING_LOOK_S", 600.0)
    told: list[Event] = []
    task = await watched(database, told)
    other = store_at(path)
    server.sql("postgres", "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'")
    await add(other, MACHINE)
    await until(lambda: bool(told), what="the news")
    await add(other, replace(MACHINE, machine_id="machine-2"))
    await until(lambda: len(changes(told)) == 2, what="the next news")
    task.cancel()
    await asyncio.to_thread(other.close)


async def test_what_is_told_are_ids_and_numbers_only(database: Database, path: Path, server: Server) -> None:
    with server.connect(postgres.database_of(path)) as connection:
        connection.execute("LISTEN machina")
        await add(database, replace(MACHINE, notes="a private note"))
        await database.write(RUNNER, allow, lambda tx: tx.append_log("deployment-1", (line(1),), {}))
        payloads = [notify.payload for notify in connection.notifies(timeout=5, stop_after=2)]
    assert payloads[0] == "team-1:1"
    assert re.fullmatch(r"log:deployment-1:\d+", payloads[1])


# The second wall


async def test_a_statement_that_forgets_the_team_reaches_ones_own_rows_only(database: Database) -> None:
    await add(database, MACHINE)
    await database.write(THEIRS, allow, lambda tx: tx.add(replace(MACHINE, machine_id="machine-2", team_id="team-2")))
    everything = sa.text("SELECT machine_id FROM machine ORDER BY machine_id")

    def look(tx: Transaction) -> list[str]:
        assert isinstance(tx, SqlTransaction)
        return list(tx._connection.execute(everything).scalars())

    assert await database.read(MINE, look) == ["machine-1"]
    assert await database.read(THEIRS, look) == ["machine-2"]
    assert await database.read(RUNNER, look) == ["machine-1", "machine-2"]
    assert await database.read(Actor(user_id="user-3", display_name="Nobody"), look) == []
    assert await database.read(Actor(user_id="u", display_name="Star", team_roles=(("*", TeamRole.ADMIN),)), look) == []


async def test_a_row_put_into_a_foreign_team_is_a_bug_and_not_stored(database: Database) -> None:
    with pytest.raises(Bug) as caught:
        await database.write(THEIRS, allow, lambda tx: tx.add(MACHINE))
    assert "row-level security" in caught.value.message
    assert await database.read(RUNNER, lambda tx: tx.count(Machine)) == 0


async def test_every_table_with_rows_of_teams_is_walled_even_from_its_owner(path: Path, server: Server) -> None:
    name = postgres.database_of(path)
    walled = server.sql(
        name,
        "SELECT relname FROM pg_class JOIN pg_policy ON polrelid = pg_class.oid "
        "WHERE relrowsecurity AND relforcerowsecurity ORDER BY relname",
    )
    assert [table for (table,) in walled] == sorted(
        table.name for table in METADATA.sorted_tables if "team_id" in table.c
    )
    await database_with(path, MACHINE)
    with psycopg.connect(server.url(name).reveal()) as owner:
        assert owner.execute("SELECT count(*) FROM machine").fetchone() == (0,)


def said_by(program: str, *arguments: str, options: str = "", fed: str = "") -> subprocess.CompletedProcess[str]:
    command, seeing = [str(postgres.binary(program)), *arguments], os.environ | {"PGOPTIONS": options}
    return subprocess.run(command, env=seeing, input=fed, capture_output=True, text=True, check=False)


async def database_with(path: Path, *rows: object) -> None:
    made = store_at(path)
    await add(made, *rows)
    await asyncio.to_thread(made.close)


async def test_a_dump_either_holds_every_team_or_says_that_it_cannot(path: Path, server: Server) -> None:
    await database_with(path, MACHINE, replace(MACHINE, machine_id="machine-2", name="m2"))
    address = server.url(postgres.database_of(path)).reveal()
    blind = said_by("pg_dump", address)
    assert blind.returncode != 0
    assert "row-level security" in blind.stderr
    dump = said_by("pg_dump", "--enable-row-security", address, options="-c machina.teams={*}").stdout
    copy = server.url(postgres.database_of(path.with_name("copy.db"), is_empty=True)).reveal()
    put_back = said_by("psql", "--set=ON_ERROR_STOP=1", copy, options="-c machina.teams={*}", fed=dump)
    assert put_back.returncode == 0, put_back.stderr
    restored = store_at(path.with_name("copy.db"))
    await asyncio.to_thread(restored.open)
    assert [machine.name for machine in await restored.read(MINE, lambda tx: tx.list(Machine))] == ["m1", "m2"]
    assert await restored.read(THEIRS, lambda tx: tx.count(Machine)) == 0
    assert await restored.change_heads() == {"team-1": 2}
    await asyncio.to_thread(restored.close)


# What is no file


async def test_a_copy_is_the_servers_business_and_its_checksums_are_asked(database: Database, tmp_path: Path) -> None:
    with pytest.raises(Conflict) as caught:
        database.copy_to(tmp_path / "copy.db")
    assert caught.value.code == "E-DB-NO-FILE"
    assert "pg_dump" in caught.value.hint
    assert not (tmp_path / "copy.db").exists()
    assert await asyncio.to_thread(database.damage) == ""


def test_the_desktop_loads_neither_driver_nor_dialect() -> None:
    program = (
        "import sys, machina_desktop.core.host\n"
        "print([name for name in sys.modules if name.startswith(('psycopg', 'sqlalchemy.dialects.postgresql'))])"
    )
    said = subprocess.run([sys.executable, "-c", program], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[]"
