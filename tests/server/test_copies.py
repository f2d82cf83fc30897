"""Backups of a server: made while it works, refused when they are damaged, and a whole server made of one again."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tarfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from machina_desktop.core.config import Paths
from machina_desktop.core.errors import MachinaError
from machina_desktop.core.secret import Secret
from machina_desktop.core.store import postgres_copies
from machina_desktop.core.store.database import Database
from machina_desktop.core.store.tables import METADATA
from machina_desktop.core.workers.queue import RunQueue
from machina_desktop.server import archive
from machina_desktop.server.config import read_config
from machina_desktop.server.copies import Made, back_up, restore
from tests.fakes import postgres
from tests.fakes.hosts import until
from tests.fakes.server import PASSWORD, Site, environment, running

LEFT_OUT = {"session", "retired_token"}


@dataclass(frozen=True)
class Place:
    """A data folder and, on PostgreSQL, the database that goes with it."""

    home: Path
    url: str = ""

    @property
    def paths(self) -> Paths:
        return Paths(self.home)

    @property
    def variables(self) -> dict[str, str]:
        return {"DATABASE_URL": self.url} if self.url else {}

    def back_up(self, target: Path) -> Made:
        return back_up(read_config(self.variables), self.paths, target)

    def restore(self, source: Path) -> Path | None:
        return restore(read_config(self.variables), self.paths, source)

    def sql(self, statement: str) -> list[tuple[object, ...]]:
        if self.url:
            return postgres.server().sql(postgres.name_of(self.home), statement)
        with closing(sqlite3.connect(self.paths.database)) as connection, connection:
            return connection.execute(statement).fetchall()

    def counts(self) -> dict[str, object]:
        """How many rows each table has, but those that a restored server leaves out."""
        return {
            name: self.sql(f'SELECT count(*) FROM "{name}"')[0][0] for name in METADATA.tables if name not in LEFT_OUT
        }


@pytest.fixture
def place(tmp_path: Path, each_store: str) -> Place:
    return made(tmp_path / "home", each_store)


def made(home: Path, store: str, *, is_empty: bool = False) -> Place:
    if store == "sqlite":
        return Place(home)
    return Place(home, postgres.server().url(postgres.database_of(home, is_empty=is_empty)).reveal())


@pytest.fixture
def on_postgres() -> Iterator[None]:
    with postgres.in_use():
        yield


@asynccontextmanager
async def serving(place: Place) -> AsyncIterator[Site]:
    async with running(place.home, variables=place.variables) as site:
        yield site


async def begin(site: Site) -> None:
    """The first account and its team."""
    site.admin = await site.person("Ada")
    site.team_id = (await site.admin.post("/api/teams", name="Crew", handle="crew"))["team_id"]


def filled(place: Place) -> str:
    """A data folder that was used; answers the team."""

    async def fill() -> str:
        async with serving(place) as site:
            await begin(site)
            return site.team_id

    return asyncio.run(fill())


def put_back(key: Path, new: Place) -> None:
    """A key comes from where it was kept, not from the backup."""
    (new.home / ".data").mkdir(parents=True, mode=0o700, exist_ok=True)
    shutil.copy2(key, new.home / ".data" / key.name)


async def rename(site: Site, name: str) -> None:
    answer = await site.admin.http.put(f"/api/teams/{site.team_id}", json={"name": name})
    assert answer.status_code == 200, answer.text


async def is_whole(place: Place, team_id: str) -> None:
    """Whoever had an account signs in with their password, and the audit trail is as it was written."""
    async with serving(place) as site:
        fields = {"email": "ada@example.org", "password": PASSWORD, "kind": "device"}
        admin = site.visitor((await site.visitor().post("/api/auth/login", **fields))["token"])
        report = await admin.get("/api/audit/chain", team_id=team_id)
        assert report["broken_at"] is None, report
        assert (await admin.get(f"/api/teams/{team_id}"))["handle"] == "crew"


async def test_the_drill(place: Place, each_store: str, tmp_path: Path) -> None:
    during, after = tmp_path / "during.backup", tmp_path / "after.backup"
    async with serving(place) as site:
        await begin(site)
        await site.account()
        await site.code()

        over = asyncio.Event()

        async def write_on() -> None:
            while not over.is_set():
                await rename(site, f"Crew {time.monotonic()}")

        writing = asyncio.create_task(write_on())
        await until(lambda: site.server._parts.metrics.text({}).count("team.update") > 0, what="a write")
        made_during = await asyncio.to_thread(place.back_up, during)
        assert not writing.done()
        # To its end: a request that was let go of may still be carried out.
        over.set()
        await writing
        await asyncio.to_thread(place.back_up, after)
        counts, team_id = place.counts(), site.team_id
    assert {archive.DATABASE, archive.PEPPER} <= set(made_during.parts)
    assert during.stat().st_mode & 0o777 == 0o600
    for copy in (during, after):
        new = made(tmp_path / copy.stem, each_store, is_empty=True)
        for key in made_during.left_out:
            put_back(key, new)
        assert await asyncio.to_thread(new.restore, copy) is None
        assert new.sql("SELECT count(*) FROM session") == [(0,)]
        assert len(new.sql("SELECT DISTINCT epoch FROM counter WHERE epoch <> ''")) == 1
        [(seq, events)] = new.sql(
            "SELECT audit_seq, (SELECT count(*) FROM audit_event WHERE audit_event.team_id = counter.team_id)"
            f" FROM counter WHERE team_id = '{team_id}'"
        )
        assert seq == events
        if copy is after:
            assert new.counts() == counts
        await is_whole(new, team_id)


@pytest.mark.parametrize("each_store", ["sqlite", "postgresql"], indirect=True)
def test_what_was_there_before_is_kept_and_can_be_had_back(place: Place, each_store: str, tmp_path: Path) -> None:
    filled(place)
    place.back_up(tmp_path / "copy")
    place.sql("UPDATE team SET name = 'Later'")
    aside = place.restore(tmp_path / "copy")
    assert aside is not None
    assert place.sql("SELECT name FROM team") == [("Crew",)]
    if each_store == "sqlite":
        with closing(sqlite3.connect(aside)) as connection:
            assert connection.execute("SELECT name FROM team").fetchall() == [("Later",)]
    else:
        place.restore(aside)
        assert place.sql("SELECT name FROM team") == [("Later",)]


def test_a_byte_that_changed_anywhere_is_noticed(tmp_path: Path) -> None:
    place, copy = Place(tmp_path / "home"), tmp_path / "copy"
    filled(place)
    place.back_up(copy)
    whole, before = copy.read_bytes(), place.paths.database.read_bytes()
    for at in (0, 520, 1030, len(whole) // 2, len(whole) - 700, len(whole) - 70, len(whole) - 1):
        copy.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        with pytest.raises(MachinaError) as caught:
            place.restore(copy)
        assert caught.value.code == "E-RESTORE"
    assert place.paths.database.read_bytes() == before
    assert not [*place.home.glob("restore-*")]


@pytest.mark.parametrize("content", [b"", b"no backup at all", b"SQLite format 3\0" + b"x" * 5000])
def test_what_is_no_backup_leaves_everything_as_it_was(tmp_path: Path, content: bytes) -> None:
    place, wrong = Place(tmp_path / "home"), tmp_path / "wrong"
    filled(place)
    wrong.write_bytes(content)
    before = place.paths.database.read_bytes()
    with pytest.raises(MachinaError, match="is no backup of a Machina server"):
        place.restore(wrong)
    assert place.paths.database.read_bytes() == before
    assert not [*place.home.glob("*before-restore*")]


def repacked(copy: Path, target: Path, database: bytes | None = None, **changed: str) -> Path:
    """The backup with another manifest, or with another database in it."""
    with tarfile.open(copy) as tar:
        tar.extractall(target.parent / "parts")
    parts = target.parent / "parts"
    manifest = archive.from_json((parts / archive.MANIFEST).read_bytes(), archive.Manifest)
    if database is not None:
        (parts / archive.DATABASE).write_bytes(database)
    fields = {name: getattr(manifest, name) for name in ("format", "kind", "schema", "version", "made_at")}
    archive.pack(target, archive.Manifest(**{**fields, **changed}), {archive.DATABASE: parts / archive.DATABASE})
    return target


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"kind": archive.Kind.POSTGRESQL}, "E-RESTORE"),
        ({"format": 2}, "E-RESTORE"),
        ({"schema": "9999"}, "E-DB-NEWER"),
        ({"database": b"SQLite format 3\0" + b"x" * 5000}, "E-RESTORE"),
        ({"database": b""}, "E-DB-FOREIGN"),
    ],
)
def test_what_this_server_cannot_use_is_refused(tmp_path: Path, changed: dict[str, object], code: str) -> None:
    place = Place(tmp_path / "home")
    filled(place)
    place.back_up(tmp_path / "copy")
    before = place.paths.database.read_bytes()
    with pytest.raises(MachinaError) as caught:
        place.restore(repacked(tmp_path / "copy", tmp_path / "other", **changed))  # type: ignore[arg-type]
    assert caught.value.code == code
    assert place.paths.database.read_bytes() == before


def test_a_damaged_database_can_be_replaced(tmp_path: Path) -> None:
    place = Place(tmp_path / "home")
    filled(place)
    place.back_up(tmp_path / "copy")
    place.paths.database.write_bytes(b"rubbish")
    aside = place.restore(tmp_path / "copy")
    assert aside is not None
    assert aside.read_bytes() == b"rubbish"
    assert place.sql("SELECT name FROM team") == [("Crew",)]


def test_the_pepper_comes_with_its_passwords_and_another_is_kept(tmp_path: Path) -> None:
    place, other = Place(tmp_path / "home"), Place(tmp_path / "other")
    filled(place)
    filled(other)
    place.back_up(tmp_path / "copy")
    former, right = other.paths.pepper.read_bytes(), place.paths.pepper.read_bytes()
    other.restore(tmp_path / "copy")
    assert other.paths.pepper.read_bytes() == right
    assert other.paths.pepper.stat().st_mode & 0o777 == 0o600
    [kept] = other.paths.pepper.parent.glob(".password_pepper.before-restore-*")
    assert kept.read_bytes() == former


def test_a_key_is_never_in_a_backup_and_a_vault_that_is_there_stays(tmp_path: Path) -> None:
    place, copy = Place(tmp_path / "home"), tmp_path / "copy"
    filled(place)
    place.paths.vault_header.write_text('{"older": "slots"}')
    key = place.paths.runner_key.read_bytes()
    written = place.back_up(copy)
    assert written.left_out == (place.paths.runner_key,)
    assert key.strip() not in copy.read_bytes()
    place.paths.vault_header.write_text('{"newer": "slots"}')
    place.restore(copy)
    assert place.paths.vault_header.read_text() == '{"newer": "slots"}'
    place.paths.vault_header.unlink()
    place.restore(copy)
    assert place.paths.vault_header.read_text() == '{"older": "slots"}'


def test_a_backup_into_a_folder_gets_a_name_and_none_is_replaced(tmp_path: Path) -> None:
    place = Place(tmp_path / "home")
    filled(place)
    target = place.back_up(tmp_path).file
    assert target.name.endswith(".machina-backup")
    for wrong in (target, tmp_path / "nowhere" / "copy"):
        with pytest.raises(MachinaError) as caught:
            place.back_up(wrong)
        assert caught.value.code == "E-BACKUP"
    assert not [*tmp_path.glob(".machina-backup-*"), *tmp_path.glob("*.new")]


def test_a_disk_without_links_takes_a_backup_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_source: object, _target: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    place = Place(tmp_path / "home")
    filled(place)
    monkeypatch.setattr(os, "link", refuse)
    place.back_up(tmp_path / "copy")
    monkeypatch.undo()
    place.restore(tmp_path / "copy")
    assert [*tmp_path.glob("*.new")] == []


def command(place: Place, *arguments: str, **variables: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "machina_desktop.server", *arguments],
        env=environment(place.home, **place.variables, **variables),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def program(folder: Path, name: str, text: str) -> str:
    """A program of that name comes before all others on the path that this answers."""
    (folder / name).write_text(f"#!/bin/sh\n{text}\n")
    (folder / name).chmod(0o755)
    return f"{folder}:{os.environ['PATH']}"


def test_no_program_is_told_the_password_where_others_can_read_it(on_postgres: None, tmp_path: Path) -> None:
    place = made(tmp_path / "home", "postgresql")
    place.paths.create()
    said = tmp_path / "said"
    path = program(tmp_path, "pg_dump", f'printf "%s\\n" "$@" > {said}; exec {postgres.binary("pg_dump")} "$@"')
    ran = command(place, "backup", str(tmp_path / "copy"), PATH=path)
    out, problem = ran.communicate(timeout=30)
    assert ran.returncode == 0, problem
    assert out.startswith(f"Wrote {tmp_path / 'copy'}. It holds: database.")
    assert "dbname=" in said.read_text()
    for text in (said.read_text(), out, problem):
        assert postgres.PASSWORD not in text
        assert postgres.PASSWORD.partition("@")[2] not in text


MISMATCH = r"""printf 'pg_dump: error: aborting because of server version mismatch\n' >&2
printf 'pg_dump: detail: server version: 17.2; pg_dump version: 15.18\n' >&2
exit 1"""
FAILED = "echo 'pg_dump: error: query failed: out of memory' >&2; exit 1"


@pytest.mark.usefixtures("on_postgres")
@pytest.mark.parametrize(
    ("text", "code", "part"),
    [
        (None, "E-PG-CLIENT", "pg_dump is not installed. Install the Debian package postgresql-client"),
        (MISMATCH, "E-PG-VERSION", "pg_dump is too old: server version: 17.2; pg_dump version: 15.18"),
        (FAILED, "E-PG-PROGRAM", "pg_dump failed: query failed: out of memory"),
    ],
)
def test_what_pg_dump_fails_at_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str | None, code: str, part: str
) -> None:
    place = made(tmp_path / "home", "postgresql")
    place.paths.create()
    monkeypatch.setenv("PATH", str(tmp_path) if text is None else program(tmp_path, "pg_dump", text))
    with pytest.raises(MachinaError, match=part) as caught:
        place.back_up(tmp_path / "copy")
    assert caught.value.code == code
    assert not (tmp_path / "copy").exists()


async def test_a_database_in_use_is_not_replaced(on_postgres: None, tmp_path: Path) -> None:
    place, copy = made(tmp_path / "home", "postgresql"), tmp_path / "copy"
    async with serving(place) as site:
        await begin(site)
        await asyncio.to_thread(place.back_up, copy)
        await rename(site, "Later")
        with pytest.raises(MachinaError) as caught:
            await asyncio.to_thread(place.restore, copy)
        assert caught.value.code == "E-SERVED"
        assert (await site.admin.get(f"/api/teams/{site.team_id}"))["name"] == "Later"


async def test_a_sqlite_file_in_use_is_not_replaced(tmp_path: Path) -> None:
    from machina_desktop.core.terraform.workspace import run_lock
    from machina_desktop.server.copies import server_lock

    place, copy = Place(tmp_path / "home"), tmp_path / "copy"
    await asyncio.to_thread(filled, place)
    await asyncio.to_thread(place.back_up, copy)
    async with run_lock(server_lock(place.paths)):
        with pytest.raises(MachinaError) as caught:
            await asyncio.to_thread(place.restore, copy)
    assert caught.value.code == "E-SERVED"


HOLD = """
CREATE SCHEMA drill;
CREATE FUNCTION drill.wait() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_advisory_lock(7); END';
GRANT USAGE ON SCHEMA drill TO machina;
CREATE EVENT TRIGGER hold ON ddl_command_start WHEN TAG IN ('CREATE POLICY') EXECUTE FUNCTION drill.wait();
"""


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_a_restore_that_is_cut_off_near_its_end_changes_nothing(
    on_postgres: None, tmp_path: Path, how: signal.Signals
) -> None:
    place, copy = made(tmp_path / "home", "postgresql"), tmp_path / "copy"
    team_id = filled(place)
    place.back_up(copy)
    place.sql("UPDATE team SET name = 'Later'")
    before, name = place.counts(), postgres.name_of(place.home)
    postgres.server().sql(name, HOLD)
    waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
    with postgres.server().connect(name) as holder:
        holder.execute("SELECT pg_advisory_lock(7)")
        restoring = command(place, "restore", str(copy))

        async def is_waiting() -> bool:
            return place.sql(waiting) == [(1,)]

        asyncio.run(until(is_waiting, what="the last part of the restore"))
        restoring.send_signal(how)
        out, problem = restoring.communicate(timeout=30)
        assert restoring.returncode == (-how if how is signal.SIGKILL else 130), out + problem
        assert how is signal.SIGKILL or not [*place.home.glob("restore-*")]
    postgres.server().sql(name, "DROP EVENT TRIGGER hold")
    assert place.sql("SELECT name FROM team") == [("Later",)]
    assert place.counts() == before
    place.restore(copy)
    assert place.sql("SELECT name FROM team") == [("Crew",)]
    asyncio.run(is_whole(place, team_id))


def test_another_programs_database_is_never_emptied(on_postgres: None, tmp_path: Path) -> None:
    place, copy = made(tmp_path / "home", "postgresql"), tmp_path / "copy"
    place.paths.create()
    place.back_up(copy)
    other = made(tmp_path / "other", "postgresql", is_empty=True)
    other.sql("CREATE TABLE invoices (number int)")
    with pytest.raises(MachinaError) as caught:
        other.restore(copy)
    assert caught.value.code == "E-DB-FOREIGN"
    assert other.sql("SELECT count(*) FROM invoices") == [(0,)]


def test_what_a_newer_version_left_is_gone_and_the_queue_beside_our_tables_comes_along(
    on_postgres: None, tmp_path: Path
) -> None:
    place, copy = made(tmp_path / "home", "postgresql"), tmp_path / "copy"
    place.paths.create()
    queue = (
        "SET ROLE machina; CREATE TYPE procrastinate_state AS ENUM ('todo', 'done');"
        " CREATE TABLE procrastinate_jobs (id bigserial PRIMARY KEY, state procrastinate_state, args text);"
        " CREATE FUNCTION procrastinate_told() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';"
        " CREATE TRIGGER told BEFORE INSERT ON procrastinate_jobs FOR EACH ROW EXECUTE FUNCTION procrastinate_told();"
        " INSERT INTO procrastinate_jobs (state, args) VALUES ('todo', E'a\\tb\\\\c\\nd'), ('done', NULL)"
    )
    place.sql(queue)
    place.back_up(copy)
    place.sql(
        "SET ROLE machina; CREATE VIEW later AS SELECT 1; CREATE SEQUENCE later_numbers;"
        " CREATE TABLE later_rows (id int); UPDATE alembic_version SET version_num = '9999'"
    )
    place.restore(copy)
    assert place.sql("SELECT state::text, args FROM procrastinate_jobs ORDER BY id") == [
        ("todo", "a\tb\\c\nd"),
        ("done", None),
    ]
    assert place.sql("SELECT count(*) FROM pg_class WHERE relname LIKE 'later%'") == [(0,)]
    assert place.sql("INSERT INTO procrastinate_jobs (state) VALUES ('todo') RETURNING id") == [(3,)]
    walled = "SELECT count(*) FROM pg_class WHERE relname = 'machine' AND relrowsecurity AND relforcerowsecurity"
    assert place.sql(walled) == [(1,)]


async def test_a_restored_database_is_made_like_the_one_that_was_backed_up(on_postgres: None, tmp_path: Path) -> None:
    """The runners' real queue included, with its functions and triggers; a second restore finds nothing in its way."""
    place, new = made(tmp_path / "home", "postgresql"), made(tmp_path / "new", "postgresql", is_empty=True)
    database = Database.of_url(Secret(place.url), connections=2)
    queue = RunQueue(Secret(place.url), database, "host")
    await queue.open()
    await queue.close()
    await asyncio.to_thread(database.close)
    postgres_copies.dump(Secret(place.url), tmp_path / "dump")
    for _ in range(2):
        postgres_copies.load(Secret(new.url), tmp_path / "dump")
    assert schema_of(new) == schema_of(place)
    assert sum("procrastinate" in line for line in schema_of(new)) > 100


def schema_of(place: Place) -> list[str]:
    command = [postgres.binary("pg_dump"), "--schema-only", "--host", postgres.server().folder, "--username=postgres"]
    said = subprocess.run([*command, postgres.name_of(place.home)], capture_output=True, text=True, check=True).stdout
    # Newer versions begin with a word that is another each time.
    return [line for line in said.splitlines() if not line.startswith("\\")]


def test_an_address_for_programs_holds_no_password() -> None:
    from machina_desktop.core.store.postgres_url import for_programs

    address, password = for_programs(Secret("postgresql://me:se%40cret@db:5433/name?sslmode=require"), "-c a=b")
    assert "se@cret" not in address
    assert password.reveal() == "se@cret"
    for part in ("host=db", "port=5433", "user=me", "dbname=name", "sslmode=require", "-c a=b"):
        assert part in address
    assert postgres_copies.EVERY_TEAM == "-c machina.teams={*}"
