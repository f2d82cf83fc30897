"""PostgreSQL goes away, is full, foreign or old: what was acknowledged is kept, and nothing says the password."""

from __future__ import annotations

import asyncio
import logging
import signal
import traceback
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from machina_desktop.core.domain.machine import Machine
from machina_desktop.core.domain.team import User
from machina_desktop.core.errors import Bug, InvalidInput, MachinaError, Unavailable
from machina_desktop.core.secret import Secret
from machina_desktop.core.store.database import Database
from machina_desktop.core.store.news import News
from tests.fakes import postgres
from tests.fakes.hosts import store_at, until
from tests.fakes.postgres import PASSWORD, Server
from tests.unit.test_store import AT, MACHINE, MINE, allow

RESTARTS = 4


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


async def add(database: Database, row: object) -> None:
    await database.write(MINE, allow, lambda tx: tx.add(row))


def fails_to_open(url: Secret) -> MachinaError:
    with pytest.raises(MachinaError) as caught:
        opens(url)
    return caught.value


def opens(url: Secret) -> None:
    database = Database.of_url(url, connections=2)
    try:
        database.open()
    finally:
        database.close()


# The server goes


async def test_after_each_crash_under_load_whatever_was_acknowledged_is_there(database: Database) -> None:
    acknowledged: list[str] = []
    errors: list[MachinaError] = []
    over = asyncio.Event()

    async def write(name: str) -> None:
        number = 0
        while not over.is_set():
            number += 1
            row = replace(MACHINE, machine_id=f"{name}-{number}", name=f"{name}-{number}")
            try:
                await add(database, row)
            except MachinaError as error:
                errors.append(error)
                await asyncio.sleep(0.01)
            else:
                acknowledged.append(row.machine_id)

    load = [asyncio.ensure_future(write(f"w{number}")) for number in range(8)]
    for _ in range(RESTARTS):
        before = len(acknowledged)
        await until(lambda before=before: len(acknowledged) > before + 20, what="the load")
        await asyncio.to_thread(postgres.cluster().stop, signal.SIGQUIT)
        # Not on a thread that ends: the server would end with it.
        postgres.cluster().start()
    over.set()
    await asyncio.gather(*load)
    stored = {machine.machine_id for machine in await database.read(MINE, lambda tx: tx.list(Machine, limit=100_000))}
    assert stored >= set(acknowledged)
    assert errors
    assert {type(error) for error in errors} == {Unavailable}
    assert {error.code for error in errors} <= {"E-DB-GONE", "E-DB-BUSY"}
    assert all(error.hint for error in errors)
    heads = await database.change_heads()
    assert heads["team-1"] == len(stored) == len(await database.changes_after("team-1", 0))


async def test_while_there_is_no_server_everything_says_so_and_it_comes_back_by_itself(database: Database) -> None:
    await add(database, MACHINE)
    await asyncio.to_thread(postgres.cluster().stop, signal.SIGQUIT)
    try:
        with pytest.raises(Unavailable) as caught:
            await database.read(MINE, lambda tx: tx.count(Machine))
        assert caught.value.code == "E-DB-GONE"
        assert "Try again" in caught.value.hint
    finally:
        postgres.cluster().start()
    assert await database.read(MINE, lambda tx: tx.count(Machine)) == 1


async def test_a_server_that_was_started_again_meanwhile_is_not_even_noticed(database: Database) -> None:
    await add(database, MACHINE)
    assert await database.read(MINE, lambda tx: tx.count(Machine)) == 1
    postgres.cluster().stop(signal.SIGQUIT)
    postgres.cluster().start()
    await add(database, replace(MACHINE, machine_id="machine-2"))
    assert await database.read(MINE, lambda tx: tx.count(Machine)) == 2


async def test_a_connection_that_ends_in_the_middle_leaves_nothing(database: Database, server: Server) -> None:
    query = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE state = 'idle in transaction'"

    def cut(tx: object) -> None:
        database_tx = tx
        database_tx.add(MACHINE)  # type: ignore[attr-defined]
        server.sql("postgres", query)
        database_tx.add(replace(MACHINE, machine_id="machine-2"))  # type: ignore[attr-defined]

    with pytest.raises(Unavailable) as caught:
        await database.write(MINE, allow, cut)
    assert caught.value.code == "E-DB-GONE"
    assert await database.read(MINE, lambda tx: tx.count(Machine)) == 0
    await add(database, MACHINE)


async def test_a_connection_that_ends_while_it_saves_leaves_open_whether_it_did(
    database: Database, server: Server
) -> None:
    query = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE state = 'idle in transaction'"

    def cut_at_the_end(tx: object) -> None:
        tx.add(MACHINE)  # type: ignore[attr-defined]
        server.sql("postgres", query)

    with pytest.raises(Unavailable) as caught:
        await database.write(MINE, allow, cut_at_the_end)
    assert caught.value.code == "E-DB-GONE"
    assert "or not" in caught.value.message
    assert not database.is_own(News("team-1", 1))


async def test_a_team_that_somebody_holds_for_too_long_is_busy(path: Path, server: Server) -> None:
    name = postgres.database_of(path)
    url = Secret(f"{server.url(name).reveal()}&options=-c%20lock_timeout%3D100ms")
    impatient = Database.of_url(url)
    await add(impatient, MACHINE)
    with server.connect(name) as other, other.transaction():
        other.execute("SELECT * FROM counter FOR UPDATE")
        with pytest.raises(Unavailable) as caught:
            await add(impatient, replace(MACHINE, machine_id="machine-2"))
    assert caught.value.code == "E-DB-BUSY"
    await add(impatient, replace(MACHINE, machine_id="machine-2"))
    await asyncio.to_thread(impatient.close)


async def test_a_server_without_free_connections_is_busy(path: Path, server: Server) -> None:
    url = server.url(postgres.database_of(path))
    server.sql("postgres", "ALTER ROLE machina CONNECTION LIMIT 0")
    try:
        assert (await asyncio.to_thread(fails_to_open, url)).code == "E-DB-BUSY"
    finally:
        server.sql("postgres", "ALTER ROLE machina CONNECTION LIMIT -1")
    await asyncio.to_thread(opens, url)


async def test_news_that_cannot_be_told_do_not_fail_what_is_saved(database: Database, path: Path) -> None:
    postgres.server().sql(
        postgres.database_of(path), "CREATE FUNCTION public.pg_notify(text, text) RETURNS void LANGUAGE sql AS ''"
    )
    await add(database, MACHINE)
    assert await database.read(MINE, lambda tx: tx.count(Machine)) == 1


# What is not for us


async def test_a_database_of_another_program_is_refused_and_left_alone(path: Path, server: Server) -> None:
    name = postgres.database_of(path, is_empty=True)
    server.sql(name, "CREATE TABLE recipe (name text)")
    assert (await asyncio.to_thread(fails_to_open, server.url(name))).code == "E-DB-FOREIGN"
    assert server.sql(name, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'") == [("recipe",)]


async def test_the_queue_of_runners_may_lie_beside_our_tables(path: Path, server: Server) -> None:
    name = postgres.database_of(path, is_empty=True)
    server.sql(name, "CREATE TABLE procrastinate_jobs (id int)")
    await asyncio.to_thread(opens, server.url(name))
    await asyncio.to_thread(opens, server.url(name))


async def test_a_database_that_is_not_in_unicode_is_refused(path: Path, server: Server) -> None:
    name = f"{postgres.name_of(path)}_ascii"
    server.sql("postgres", f"CREATE DATABASE {name} OWNER machina ENCODING 'SQL_ASCII' TEMPLATE template0")
    try:
        assert (await asyncio.to_thread(fails_to_open, server.url(name))).code == "E-DB-ENCODING"
    finally:
        server.drop(name)


async def test_a_value_that_no_one_would_have_written_means_damage(database: Database, path: Path) -> None:
    await add(database, MACHINE)
    postgres.server().sql(postgres.database_of(path), "UPDATE machine SET actual_status = 'melting'")
    with pytest.raises(Unavailable) as caught:
        await database.read(MINE, lambda tx: tx.get(Machine, "machine-1"))
    assert caught.value.code == "E-DB-CORRUPT"


async def test_a_broken_rule_is_told_without_the_row_that_broke_it(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    row = User(user_id="user-1", email="a private name", display_name=None, created_at=AT)  # type: ignore[arg-type]
    with pytest.raises(Bug) as caught:
        await add(database, row)
    assert "display_name" in caught.value.message
    assert "a private name" not in f"{caught.value} {caplog.text}"


# The password


ADDRESSES = (
    "mysql://machina:{}@localhost/x",
    "postgresql://machina:{}@localhost",
    "postgresql://machina:a:{}@localhost:five/x",
    "postgresql://machina@localhost:{}/x",
    "postgresql:/machina:{}@localhost/x",
    "postgresql://localhost/x?password={}&no_such_setting=1",
    "{}",
    "",
)


@pytest.mark.parametrize("address", ADDRESSES)
def test_an_address_that_is_wrong_is_refused_and_not_quoted(address: str, caplog: pytest.LogCaptureFixture) -> None:
    secret = "canary-in-the-mine"
    with pytest.raises(InvalidInput) as caught:
        opens(Secret(address.format(secret)))
    assert (caught.value.code, caught.value.field) == ("E-DB-URL", "DATABASE_URL")
    assert secret not in "".join(traceback.format_exception(caught.value)) + caplog.text


async def test_whatever_goes_wrong_the_password_is_nowhere(
    path: Path, server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    right = server.url(postgres.database_of(path))
    wrong = {
        "E-DB-OPEN": (server.url("absent"), server.url("postgres", user="nobody", password=PASSWORD)),
        "E-DB-GONE": (
            Secret(right.reveal().replace("machina-pg-", "absent-")),
            Secret(f"postgresql://machina:{PASSWORD.replace('@', '%40').replace('/', '%2F')}@127.0.0.1:1/x"),
        ),
    }
    said = []
    for code, urls in wrong.items():
        for url in urls:
            error = await asyncio.to_thread(fails_to_open, url)
            assert error.code == code
            said.append("".join(traceback.format_exception(error)))
    database = Database.of_url(right)
    backend = database._backend
    await add(database, MACHINE)
    said += [repr(vars(each)) + repr(each) for each in (database, backend, backend._engine)]  # type: ignore[attr-defined]
    await asyncio.to_thread(database.close)
    known = [query for (query,) in server.sql("postgres", "SELECT query FROM pg_stat_activity")]
    for text in (*said, *map(str, known), caplog.text):
        assert PASSWORD not in text
        assert "canary-8Q3v" not in text
    assert await asyncio.to_thread(lambda: fails_to_open(server.url("x", password="wrong"))) is not None
