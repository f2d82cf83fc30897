"""The store keeps whole transactions or nothing, numbers them without gaps, and says what is wrong with its file."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sqlite3
import stat
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from machina_desktop.core.config import REPOSITORY
from machina_desktop.core.domain.audit import AuditEvent
from machina_desktop.core.domain.log_line import LogLevel, LogLine
from machina_desktop.core.domain.machine import Machine, MachineStatus
from machina_desktop.core.domain.provider import ProviderType
from machina_desktop.core.domain.team import Actor, TeamRole
from machina_desktop.core.errors import Bug, Conflict, InvalidInput, MachinaError, NotFound, Unavailable
from machina_desktop.core.store import feed, run_logs
from machina_desktop.core.store.database import Database
from machina_desktop.core.store.sqlite import is_wal_safe
from machina_desktop.core.store.tables import METADATA
from machina_desktop.core.store.transaction import SealedPlace, StateRevision, Transaction
from tests.fakes.hosts import core, read_sql, store_at

AT = datetime(2026, 1, 1, tzinfo=UTC)
MINE = Actor(user_id="user-1", display_name="I", team_roles=(("team-1", TeamRole.ADMIN),))
THEIRS = Actor(user_id="user-2", display_name="They", team_roles=(("team-2", TeamRole.ADMIN),))
RUNNER = Actor(user_id="runner", display_name="Runner", is_runner=True)
MACHINE = Machine(
    machine_id="machine-1",
    team_id="team-1",
    name="m1",
    provider=ProviderType.SANDBOX,
    provider_account_id="account-1",
    tags=("a", "b"),
    facts={"os": "Debian"},
    created_at=AT,
    updated_at=AT,
)

# Writes one machine after another for one team, on a line of its own each, until it is stopped.
WRITER = """
import asyncio, sys
from dataclasses import replace
from pathlib import Path
from tests.fakes.hosts import store_at
from tests.unit.test_store import MACHINE, MINE, allow

async def main(path, prefix, count):
    database = store_at(path)
    for number in range(count):
        row = replace(MACHINE, machine_id=f"{prefix}-{number}", name=f"{prefix}-{number}")
        twin = replace(row, machine_id=f"{prefix}-{number}-twin")
        await database.write(MINE, allow, lambda tx: (tx.add(row), tx.add(twin)))
        print(number, flush=True)
    database.close()

asyncio.run(main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])))
"""

# Starts a whole core and says which team it has.
STARTER = """
import asyncio, sys
from pathlib import Path
from tests.fakes.hosts import core

async def main():
    async with core(Path(sys.argv[1])) as made:
        print(made.team_id)

asyncio.run(main())
"""


def allow(_team_id: str, _tags: object = None) -> None:
    """Permit every write."""


def start_core(home: Path) -> subprocess.Popen[str]:
    arguments = [sys.executable, "-c", STARTER, str(home)]
    return subprocess.Popen(arguments, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True)


def writer(path: Path, prefix: str, count: int) -> subprocess.Popen[str]:
    arguments = [sys.executable, "-c", WRITER, str(path), prefix, str(count)]
    return subprocess.Popen(arguments, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "machina.db"


@pytest.fixture
async def database(path: Path, each_store: str) -> AsyncIterator[Database]:
    made = store_at(path)
    await asyncio.to_thread(made.open)
    yield made
    await asyncio.to_thread(made.close)


@pytest.fixture
async def in_file(path: Path) -> AsyncIterator[Database]:
    """For what only a file can be asked."""
    made = Database.of_file(path, busy_ms=300)
    await asyncio.to_thread(made.open)
    yield made
    await asyncio.to_thread(made.close)


async def add(database: Database, *rows: object, actor: Actor = MINE) -> None:
    def fill(tx: Transaction) -> None:
        for row in rows:
            tx.add(row)

    await database.write(actor, allow, fill)


def fails_to_open(path: Path) -> MachinaError:
    database = Database.of_file(path, busy_ms=100)
    try:
        with pytest.raises(MachinaError) as caught:
            database.open()
        return caught.value
    finally:
        database.close()


@pytest.mark.parametrize(
    ("version", "safe"),
    [
        ((3, 40, 1), False),
        ((3, 44, 5), False),
        ((3, 44, 6), True),
        ((3, 44, 99), True),
        ((3, 45, 0), False),
        ((3, 50, 6), False),
        ((3, 50, 7), True),
        ((3, 51, 0), False),
        ((3, 51, 2), False),
        ((3, 51, 3), True),
        ((3, 52, 0), True),
        ((4, 0, 0), True),
    ],
)
def test_the_write_ahead_log_serves_only_where_the_library_is_free_of_its_bug(
    version: tuple[int, int, int], *, safe: bool
) -> None:
    assert is_wal_safe(version) is safe


async def test_the_journal_of_this_library_is_the_one_the_rule_names(in_file: Database, path: Path) -> None:
    await add(in_file, MACHINE)
    with closing(sqlite3.connect(path)) as connection:
        mode = connection.execute("PRAGMA journal_mode").fetchone()[0]
    # Other rollback modes are of the connection, so a file that is not in WAL says "delete".
    assert mode == ("wal" if is_wal_safe(sqlite3.sqlite_version_info) else "delete")


async def test_a_row_comes_back_as_it_was_written(database: Database) -> None:
    await add(database, MACHINE)
    assert await database.read(MINE, lambda tx: tx.get(Machine, "machine-1")) == MACHINE


async def test_the_file_is_private_to_its_owner(in_file: Database, path: Path) -> None:
    await add(in_file, MACHINE)
    assert mode(path) == 0o600


async def test_rows_of_a_team_one_is_not_in_cannot_be_seen(database: Database) -> None:
    await add(database, MACHINE)
    with pytest.raises(NotFound) as caught:
        await database.read(THEIRS, lambda tx: tx.get(Machine, "machine-1"))
    assert caught.value.code == "E-NOT-FOUND"
    assert await database.read(THEIRS, lambda tx: tx.find(Machine, name="m1")) is None
    assert await database.read(THEIRS, lambda tx: tx.list(Machine)) == ()
    assert await database.read(THEIRS, lambda tx: tx.list(Machine, team_id="team-1")) == ()
    assert await database.read(THEIRS, lambda tx: tx.list(Machine, search="m1")) == ()
    assert await database.read(THEIRS, lambda tx: tx.count(Machine)) == 0


async def test_where_a_row_is_missing_another_can_be_read_in_its_place(database: Database) -> None:
    async def found(actor: Actor, name: str) -> tuple[Machine | None, bool]:
        return await database.read(actor, lambda tx: tx.find_or_other(Machine, name=name))

    assert await found(MINE, "m1") == (None, False)
    await add(database, MACHINE)
    await add(database, replace(MACHINE, machine_id="machine-2", name="m2"))
    assert [(await found(MINE, name))[0] for name in ("m1", "m2")] == [
        MACHINE,
        replace(MACHINE, machine_id="machine-2", name="m2"),
    ]
    other, is_it = await found(MINE, "m3")
    assert other is not None
    assert not is_it
    assert await found(THEIRS, "m1") == (None, False)


async def test_states_secrets_and_chains_of_a_foreign_team_are_not_found(database: Database) -> None:
    place = SealedPlace(team_id="team-1", table="ssh_key", record_id="key-1", field="private_key")

    def fill(tx: Transaction) -> None:
        tx.save_state(revision(1), keep=20)
        tx.save_sealed(place, b"sealed")

    await database.write(MINE, allow, fill)
    for peek in (
        lambda tx: tx.read_state("machine-1"),
        lambda tx: tx.read_sealed("team-1", "ssh_key", "key-1"),
        lambda tx: tx.read_chain("team-1"),
    ):
        with pytest.raises(NotFound):
            await database.read(THEIRS, peek)


async def test_a_row_of_a_foreign_team_can_be_neither_replaced_nor_deleted(database: Database) -> None:
    await add(database, MACHINE)
    stolen = replace(MACHINE, team_id="team-2", name="stolen")
    with pytest.raises(NotFound):
        await database.write(THEIRS, allow, lambda tx: tx.replace(stolen))
    with pytest.raises(NotFound):
        await database.write(THEIRS, allow, lambda tx: tx.delete(stolen))
    assert await database.read(MINE, lambda tx: tx.get(Machine, "machine-1")) == MACHINE


async def test_a_reading_use_case_cannot_write(database: Database) -> None:
    with pytest.raises(Conflict) as caught:
        await database.read(MINE, lambda tx: tx.add(MACHINE))
    assert caught.value.code == "E-READ-ONLY"
    assert await database.read(MINE, lambda tx: tx.count(Machine)) == 0


async def test_a_failing_piece_of_work_leaves_nothing(database: Database) -> None:
    def half(tx: Transaction) -> None:
        tx.add(MACHINE)
        raise Conflict("No.")

    with pytest.raises(Conflict):
        await database.write(MINE, allow, half)
    assert await database.read(MINE, lambda tx: tx.count(Machine)) == 0
    assert await database.change_heads() == {}


async def test_a_key_that_is_taken_is_a_conflict(database: Database) -> None:
    await add(database, MACHINE)
    with pytest.raises(Conflict) as caught:
        await add(database, MACHINE)
    assert caught.value.code == "E-TAKEN"


@pytest.mark.parametrize("field", [{"notes": "\udcff"}, {"ssh_port": 1 << 70}, {"tags": ("\ud800",)}])
async def test_what_no_database_can_hold_is_refused_as_input(database: Database, field: dict[str, object]) -> None:
    with pytest.raises(InvalidInput) as caught:
        await add(database, replace(MACHINE, **field))  # type: ignore[arg-type]
    assert caught.value.code == "E-VALUE"
    assert await database.read(MINE, lambda tx: tx.count(Machine)) == 0


@pytest.mark.parametrize("text", ["'; DROP TABLE machine; --", "%", "_", "\\", '"', "\u202e", "🦄" * 300])
async def test_text_is_kept_literally_and_found_by_itself(database: Database, text: str) -> None:
    await add(database, replace(MACHINE, notes=text))
    assert (await database.read(MINE, lambda tx: tx.get(Machine, "machine-1"))).notes == text
    assert len(await database.read(MINE, lambda tx: tx.list(Machine, search=text))) == 1
    assert await database.read(MINE, lambda tx: tx.list(Machine, search="absent%")) == ()


async def test_a_text_with_a_nul_is_kept_in_a_file_and_refused_by_a_server(database: Database, each_store: str) -> None:
    row = replace(MACHINE, notes="a\0b")
    if each_store == "postgresql":
        with pytest.raises(InvalidInput) as caught:
            await add(database, row)
        assert caught.value.code == "E-VALUE"
    else:
        await add(database, row)
        assert (await database.read(MINE, lambda tx: tx.get(Machine, "machine-1"))).notes == "a\0b"


async def test_conditions_compare_and_choose(database: Database) -> None:
    rows = [replace(MACHINE, machine_id=f"machine-{n}", name=f"m{n}", ssh_port=n) for n in range(5)]
    await add(database, *rows)

    async def ports(**conditions: object) -> list[int]:
        found = await database.read(MINE, lambda tx: tx.list(Machine, **conditions))  # type: ignore[arg-type]
        return [machine.ssh_port for machine in found]

    assert await ports(ssh_port__ge=3) == [3, 4]
    assert await ports(ssh_port__le=1) == [0, 1]
    assert await ports(ssh_port__ne=2) == [0, 1, 3, 4]
    assert await ports(ssh_port=(1, 4)) == [1, 4]
    assert await ports(zone=None, limit=2, offset=1) == [1, 2]
    assert await ports(order_by="ssh_port", descending=True, limit=1) == [4]
    assert await ports(actual_status=(MachineStatus.RUNNING,)) == []


async def test_two_processes_that_write_at_once_number_their_changes_without_gaps(
    database: Database, path: Path
) -> None:
    writers = [writer(path, prefix, 25) for prefix in ("left", "right")]
    for process in writers:
        process.communicate(timeout=30)
        assert process.returncode == 0
    numbers = [change.seq for change in await database.changes_after("team-1", 0)]
    assert numbers == list(range(1, 101))
    assert await database.read(MINE, lambda tx: tx.count(Machine)) == 100


async def test_a_writer_killed_in_the_middle_leaves_only_whole_transactions(database: Database, path: Path) -> None:
    for round_ in range(3):
        process = writer(path, f"round{round_}", 100_000)
        assert process.stdout is not None
        acknowledged = -1
        while acknowledged < 5 + round_:
            acknowledged = int(process.stdout.readline())
        process.send_signal(signal.SIGKILL)
        rest = process.communicate(timeout=30)[0].split()
        acknowledged = int(rest[-1]) if rest else acknowledged
        names = [f"round{round_}-{number}" for number in range(acknowledged + 1)]
        found = await database.read(MINE, lambda tx, names=tuple(names): tx.list(Machine, name=names))  # type: ignore[misc]
        assert len(found) == 2 * len(names)
        halves = read_sql(path, "SELECT name FROM machine GROUP BY name HAVING count(*) <> 2")
        assert halves == []
    heads = await database.change_heads()
    assert heads["team-1"] == len(await database.changes_after("team-1", 0))


async def test_a_database_in_use_by_another_program_is_said_to_be_busy_and_never_blocks_the_loop(
    in_file: Database, path: Path
) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        began = time.monotonic()
        writing = asyncio.ensure_future(add(in_file, MACHINE))
        turns = 0
        while not writing.done():
            await asyncio.sleep(0.005)
            turns += 1
        error = writing.exception()
        other.execute("ROLLBACK")
    assert isinstance(error, Unavailable)
    assert error.code == "E-DB-BUSY"
    assert error.hint
    assert time.monotonic() - began > 0.25
    assert turns > 3, "the loop stood still meanwhile"
    await add(in_file, MACHINE)


async def test_a_writer_waits_for_another_that_is_done_in_time(in_file: Database, path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        writing = asyncio.ensure_future(add(in_file, MACHINE))
        await asyncio.sleep(0.05)
        other.execute("COMMIT")
        await writing


async def test_a_busy_database_cannot_be_opened_and_says_so(path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        error = await asyncio.to_thread(fails_to_open, path)
        other.execute("ROLLBACK")
    assert error.code == "E-DB-BUSY"


def damage(path: Path, kind: str) -> None:
    data = bytearray(path.read_bytes())
    match kind:
        case "header":
            data[:16] = b"not a database!!"
        case "pages":
            data[4096:] = os.urandom(len(data) - 4096)
        case "cut":
            del data[len(data) // 2 :]
        case "schema":
            data[100:2000] = bytes(1900)
        case "text":
            data[:] = b"my shopping list\n" * 1000
    path.write_bytes(data)


def scribble(path: Path, whole: bytes, seed: int) -> None:
    data = bytearray(whole)
    place = (seed * 7919) % (len(data) - 64)
    data[place : place + 1 + seed % 64] = random.Random(seed).randbytes(1 + seed % 64)
    path.write_bytes(data)


def content(path: Path) -> bytes:
    return path.read_bytes()


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def neighbours(path: Path) -> set[str]:
    return {entry.name for entry in path.parent.iterdir()}


@pytest.mark.parametrize("kind", ["header", "pages", "cut", "schema", "text"])
async def test_a_damaged_file_is_refused_and_left_as_it_is(path: Path, kind: str) -> None:
    made = Database.of_file(path)
    made.open()
    for number in range(40):
        await add(made, replace(MACHINE, machine_id=f"m-{number}", name=f"m{number}", notes="x" * 500))
    made.close()
    damage(path, kind)
    before = content(path)
    error = await asyncio.to_thread(fails_to_open, path)
    assert error.code == "E-DB-CORRUPT"
    assert error.hint
    assert content(path) == before
    assert neighbours(path) <= {path.name, f"{path.name}-journal"}


async def test_random_damage_is_either_noticed_or_without_effect(path: Path) -> None:
    made = Database.of_file(path)
    made.open()
    for number in range(20):
        await add(made, replace(MACHINE, machine_id=f"m-{number:02}", name=f"m{number}"))
    rows = await made.read(MINE, lambda tx: tx.list(Machine))
    made.close()
    whole = content(path)
    for seed in range(60):
        scribble(path, whole, seed)
        opened = Database.of_file(path, busy_ms=100)
        try:
            opened.open()
            found = await opened.read(MINE, lambda tx: tx.list(Machine))
        except MachinaError as error:
            assert error.code in {"E-DB-CORRUPT", "E-DB-NEWER", "E-DB-FOREIGN", "E-DB-IO"}, error.code  # noqa: PT017
        else:
            # A value may have changed within its own bounds: no page checksums exist to tell.
            assert len(found) == len(rows)
        finally:
            opened.close()


async def test_a_database_of_another_program_is_refused_and_left_as_it_is(path: Path) -> None:
    read_sql(path, "CREATE TABLE recipe (name TEXT)")
    before = content(path)
    error = await asyncio.to_thread(fails_to_open, path)
    assert error.code == "E-DB-FOREIGN"
    assert content(path) == before


async def test_a_folder_that_cannot_hold_the_file_is_named(tmp_path: Path) -> None:
    error = await asyncio.to_thread(fails_to_open, tmp_path / "absent" / "machina.db")
    assert error.code == "E-DB-OPEN"


async def test_a_closed_store_refuses_and_says_why(path: Path) -> None:
    made = Database.of_file(path)
    made.open()
    made.close()
    with pytest.raises(Unavailable) as caught:
        await made.read(MINE, lambda tx: tx.count(Machine))
    assert caught.value.code == "E-CLOSING"


def revision(serial: int, lineage: str = "one") -> StateRevision:
    return StateRevision(
        team_id="team-1", machine_id="machine-1", lineage=lineage, serial=serial, envelope=f"state {serial}".encode()
    )


async def test_twenty_states_are_kept_and_the_newest_is_read(database: Database, path: Path) -> None:
    for serial in range(1, 31):
        await database.write(MINE, allow, lambda tx, serial=serial: tx.save_state(revision(serial), keep=20))  # type: ignore[misc]
    assert await database.read(MINE, lambda tx: tx.read_state("machine-1")) == revision(30)
    kept = [row[0] for row in read_sql(path, "SELECT serial FROM terraform_state ORDER BY serial")]
    assert kept == list(range(11, 31))


@pytest.mark.parametrize("stale", [revision(4), revision(9, lineage="two")])
async def test_an_older_or_foreign_state_never_replaces_the_newest(database: Database, stale: StateRevision) -> None:
    await database.write(MINE, allow, lambda tx: tx.save_state(revision(5), keep=20))
    with pytest.raises(Conflict) as caught:
        await database.write(MINE, allow, lambda tx: tx.save_state(stale, keep=20))
    assert caught.value.code == "E-STATE-STALE"
    assert await database.read(MINE, lambda tx: tx.read_state("machine-1")) == revision(5)


def line(number: int) -> LogLine:
    return LogLine(at=AT, phase="apply", level=LogLevel.INFO, text=f"line {number}")


async def whole_log(database: Database) -> bytes:
    data, offset = b"", 0
    while True:
        piece, offset = await database.read(RUNNER, lambda tx, at=offset: tx.read_log("d", at, 3000))  # type: ignore[misc]
        if not piece:
            return data
        assert piece.endswith(b"\n")
        data += piece


async def grow_log(database: Database, batches: range) -> int:
    end = 0
    for batch in batches:
        lines = tuple(line(batch * 20 + number) for number in range(20))
        end, _ = await database.write(RUNNER, allow, lambda tx, lines=lines: tx.append_log("d", lines, {}))  # type: ignore[misc]
    return end


async def test_a_very_long_log_keeps_its_head_and_tail_and_says_what_is_missing(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, size in (("LOG_HEAD_BYTES", 10_000), ("LOG_TAIL_BYTES", 20_000), ("LOG_SLACK_BYTES", 5_000)):
        monkeypatch.setattr(run_logs, name, size)
    end = await grow_log(database, range(100))
    read = (await whole_log(database)).splitlines()
    kept = [int(entry.split(b'"line ')[1].split(b'"')[0]) for entry in read if b'"line ' in entry]
    missing = [entry for entry in read if b"left out" in entry]
    assert (kept[0], kept[-1]) == (0, 1999)
    assert kept == sorted(kept)
    assert len(missing) == 1
    assert 30_000 <= sum(map(len, read)) <= 45_000 < end
    # Who has read up to the tail reads on from there, and who was left behind is told of the gap.
    assert await grow_log(database, range(100, 101)) > end
    piece, following = await database.read(RUNNER, lambda tx: tx.read_log("d", end, 1 << 20))
    assert [entry.count(b'"line ') for entry in piece.splitlines()] == [1] * 20
    assert following > end
    behind, _ = await database.read(RUNNER, lambda tx: tx.read_log("d", 50_000, 1))
    assert b"left out" in behind


async def test_of_the_change_feed_only_the_newest_part_is_kept(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "FEED", 50)
    monkeypatch.setattr(feed, "FEED_STEP", 10)
    await database.write(MINE, allow, lambda tx: tx.add(MACHINE))
    for number in range(200):
        changed = replace(MACHINE, notes=str(number))
        await database.write(MINE, allow, lambda tx, changed=changed: tx.replace(changed))  # type: ignore[misc]
    numbers = [change.seq for change in await database.changes_after("team-1", 0)]
    assert numbers == list(range(201 - len(numbers) + 1, 202))
    assert 50 <= len(numbers) <= 60


async def test_a_broken_rule_of_the_database_is_not_taken_for_a_name_in_use(database: Database) -> None:
    with pytest.raises(Bug):
        await database.write(MINE, allow, lambda tx: tx.add(replace(MACHINE, notes=None)))  # type: ignore[arg-type]


async def test_a_log_is_read_in_pieces_of_whole_lines_without_loss(database: Database) -> None:
    for batch in range(50):
        lines = tuple(line(batch * 20 + number) for number in range(20))
        await database.write(RUNNER, allow, lambda tx, lines=lines, at=batch: tx.append_log("d", lines, {"out": at}))  # type: ignore[misc]
    data = await whole_log(database)
    assert [entry.count(b"line") for entry in data.splitlines()] == [1] * 1000
    assert await database.read(RUNNER, lambda tx: tx.read_cursors("d")) == {"out": 49}


async def test_a_chain_nobody_has_written_to_is_empty_and_reading_it_writes_nothing(database: Database) -> None:
    assert await database.read(MINE, lambda tx: tx.audit_head("team-1")) == (0, "")
    assert await database.read(MINE, lambda tx: tx.list(AuditEvent)) == ()


@pytest.mark.usefixtures("each_store")
async def test_two_processes_may_start_on_an_empty_folder_at_once(tmp_path: Path) -> None:
    starts = [start_core(tmp_path / "home") for _ in range(3)]
    teams = {process.communicate(timeout=30)[0].strip() for process in starts}
    assert [process.returncode for process in starts] == [0, 0, 0]
    async with core(tmp_path / "home") as made:
        assert teams == {made.team_id}


def test_on_postgresql_too_the_database_refuses_a_second_active_run() -> None:
    statements: list[str] = []

    def keep(statement: sa.ClauseElement, *_arguments: object) -> None:
        statements.append(str(statement.compile(dialect=postgresql.dialect())))  # type: ignore[no-untyped-call]

    engine = sa.create_mock_engine("postgresql+asyncpg://", keep)
    METADATA.create_all(engine, checkfirst=False)
    [index] = [text for text in statements if "uq_deployment_active_machine" in text]
    assert "WHERE state IN (" in index
