"""A second process sees what the first one writes: changes in order, each once, and the growth of logs."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest

from machina_desktop.core.config import REPOSITORY
from machina_desktop.core.errors import Unavailable
from machina_desktop.core.events import Change, Changed, Event, EventBus, LogAppended
from machina_desktop.core.services.machines import UpdateMachine
from machina_desktop.core.store import database
from machina_desktop.core.store.database import Database
from machina_desktop.core.store.news import News
from machina_desktop.core.workers import watcher
from machina_desktop.core.workers.watcher import FeedWatcher
from tests.fakes import terraform_shim
from tests.fakes.hosts import Core, core, until

# Another process on the same data folder: makes a machine and carries its run out.
OTHER = """
import asyncio, sys
from pathlib import Path
from tests.fakes.hosts import core

async def main():
    async with core(Path(sys.argv[1]), engine=Path(sys.argv[2]), deployer=True) as made:
        await made.made("theirs")

asyncio.run(main())
"""


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watcher, "LOOK_S", 0.05)


@pytest.fixture
async def made(tmp_path: Path, each_store: str) -> AsyncIterator[Core]:
    async with core(tmp_path / "home", watch=True) as started:
        yield started


def start_other(made: Core, tmp_path: Path) -> subprocess.Popen[bytes]:
    shim = terraform_shim.install(tmp_path / "shim")
    return subprocess.Popen([sys.executable, "-c", OTHER, str(made.paths.home), str(shim)], cwd=REPOSITORY)


def seen(made: Core) -> list[Change]:
    return [change for event in made.events if isinstance(event, Changed) for change in event.changes]


async def test_changes_and_log_growth_of_another_process_are_announced_here(made: Core, tmp_path: Path) -> None:
    other = start_other(made, tmp_path)
    await until(lambda: other.poll() is not None, what="the end of the other process")
    assert other.returncode == 0
    [(head,)] = made.sql("SELECT change_seq FROM counter")
    await until(lambda: bool(seen(made)) and seen(made)[-1].seq == head)
    numbers = [change.seq for change in seen(made)]
    assert numbers == sorted(set(numbers))
    states = [change.row["state"] for change in seen(made) if change.entity == "deployment" and change.row]
    assert list(dict.fromkeys(states)) == ["queued", "planning", "applying", "succeeded"]
    [(name, end)] = made.sql('SELECT deployment_id, max("end") FROM log_chunk GROUP BY deployment_id')
    await until(lambda: LogAppended(str(name), int(str(end))) in made.events, what="the log's growth")


async def test_what_this_process_writes_is_announced_once_only(made: Core) -> None:
    ask = await made.create()
    for number in range(10):
        await made.call(UpdateMachine(machine_id=ask.machine_id, notes=str(number)))
    [(head,)] = made.sql("SELECT change_seq FROM counter")
    await until(lambda: bool(seen(made)) and max(change.seq for change in seen(made)) == head)
    await asyncio.sleep(0.3)
    numbers = [change.seq for change in seen(made)]
    assert len(numbers) == len(set(numbers))


async def test_only_the_newest_of_its_own_writes_are_remembered(made: Core, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "OWN_NUMBERS", 5)
    ask = await made.create()
    for number in range(10):
        await made.call(UpdateMachine(machine_id=ask.machine_id, notes=str(number)))
    [(head,)] = made.sql("SELECT change_seq FROM counter")
    own = [seq for seq in range(1, int(str(head)) + 1) if made.host._database.is_own(News(made.team_id, seq))]
    assert own == list(range(int(str(head)) - 4, int(str(head)) + 1))


async def test_a_database_that_was_busy_for_a_while_does_not_end_the_watching(tmp_path: Path) -> None:
    async with core(tmp_path / "home") as made:
        impatient = Database.of_file(made.paths.database, busy_ms=20)
        bus, told = EventBus(), list[Event]()
        bus.attach(asyncio.get_running_loop())
        watching = watcher.FeedWatcher(impatient, bus)
        bus.subscribe(told.append)
        task = asyncio.ensure_future(watching.run())
        ask = await made.create()
        await until(lambda: bool(told), what="the first change")
        with closing(sqlite3.connect(made.paths.database, isolation_level=None)) as blocker:
            blocker.execute("BEGIN EXCLUSIVE")
            with pytest.raises(Unavailable):
                await impatient.change_heads()
            await asyncio.sleep(0.2)
            blocker.execute("ROLLBACK")
        told.clear()
        await made.call(UpdateMachine(machine_id=ask.machine_id, notes="after"))
        await until(lambda: bool(told), what="the change after")
        task.cancel()
        await asyncio.wait([task])
        await asyncio.to_thread(impatient.close)


async def test_a_database_that_is_busy_at_the_start_does_not_end_the_watch(tmp_path: Path) -> None:
    async with core(tmp_path / "home") as made:
        impatient = Database.of_file(made.paths.database, busy_ms=10)
        bus, heard = EventBus(), list[Event]()
        bus.attach(asyncio.get_running_loop())
        bus.subscribe(heard.append)
        watching = FeedWatcher(impatient, bus)
        with closing(sqlite3.connect(made.paths.database)) as other:
            other.execute("BEGIN EXCLUSIVE")
            task = asyncio.ensure_future(watching.run())
            await asyncio.sleep(0.2)
        assert not task.done()
        await asyncio.sleep(0.2)
        await made.create()
        await until(lambda: bool(heard), what="the change of another")
        task.cancel()
        await asyncio.to_thread(impatient.close)
