"""How soon a change of a server is in a copy, how long a first copy takes, and how fast waiting edits are sent.

Server and desktop are processes of their own. Beside the first figure stands the bare way of the same change over the
same stack: the event that tells of it and the request that fetches it, taken in by nobody. Beside the second, the time
that plain sqlite3 takes to store the same rows.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sqlite3
import statistics
import tempfile
import threading
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import httpx
from httpx_sse import connect_sse

from machina_desktop.core.config import Paths
from machina_desktop.core.domain.intent import IntentState
from machina_desktop.core.domain.machine import Machine, MachineStatus
from machina_desktop.core.domain.provider import ProviderType
from machina_desktop.core.ids import new_id, now
from machina_desktop.core.secret import Secret
from machina_desktop.core.services.machines import UpdateMachine
from machina_desktop.core.services.servers import (
    CreateTeamAtServer,
    ListIntents,
    ReconnectServer,
    RegisterAtServer,
    SignInAtServer,
)
from machina_desktop.core.store.database import Database
from machina_desktop.core.sync.team_copy import COPIER
from tests.drills.desks import Desktop, Server, free_port

CHANGES, PAUSE_S = 200, 0.02
ROWS = 10_000
EDITS = 1_000
EMAIL, PASSWORD = "ada@example.org", "correct horse battery staple"


def machines(team_id: str, count: int) -> list[Machine]:
    """Machines as a provider would have told of them."""
    at = now()
    first = Machine(
        machine_id="",
        team_id=team_id,
        name="",
        provider=ProviderType.BAREMETAL,
        provider_account_id=new_id("account"),
        actual_status=MachineStatus.RUNNING,
        public_ip="203.0.113.7",
        ssh_host="203.0.113.7",
        ssh_user="root",
        tags=("env:prod", "web"),
        notes="Behind the load balancer.",
        facts={"os": "Debian 12", "kernel": "6.1.0"},
        created_at=at,
        updated_at=at,
    )
    return [replace(first, machine_id=new_id("machine"), name=f"web-{number}") for number in range(count)]


def fill(home: Path, rows: list[Machine]) -> None:
    """Put rows into a server's database while it is stopped."""

    async def work() -> None:
        database = Database.of_file(Paths(home).database)
        await database.write(COPIER, lambda *_: None, lambda tx: tx.moves.take_in(rows))
        database.close()

    asyncio.run(work())


def founded(server: Server, folder: Path) -> str:
    """The server's first account and its team."""
    desktop = Desktop(folder / "first")
    try:
        ask = RegisterAtServer(url=server.url, email=EMAIL, display_name="Ada", password=Secret(PASSWORD))
        entered = desktop.call(ask)
        return desktop.call(CreateTeamAtServer(server_id=entered.server_id, name="Bench", handle="bench")).team_id
    finally:
        desktop.end()


def signed_in(server: Server) -> httpx.Client:
    """A program that speaks with the server."""
    fields = {"email": EMAIL, "password": PASSWORD, "kind": "device"}
    given = httpx.post(f"{server.url}/api/auth/login", json=fields, trust_env=False).raise_for_status().json()
    return httpx.Client(
        base_url=server.url, headers={"Authorization": f"Bearer {given['token']}"}, trust_env=False, timeout=60
    )


def visible(server: Server, desktop: Desktop, team_id: str, machine_id: str) -> None:
    """Print how long after the request that makes a change it is in the copy, and how long the bare way takes."""
    ours, bare = [], []
    with signed_in(server) as http, signed_in(server) as other:
        listener = Listener(other, team_id)
        for number in range(CHANGES):
            note = f"change {number}"
            seen = desktop.will_see("machine", machine_id, "notes", note)
            heard = listener.next()
            began = time.monotonic()
            http.put(f"/api/machines/{machine_id}", json={"notes": note}).raise_for_status()
            ours.append(seen.result(30) - began)
            heard.wait(30)
            bare.append(listener.fetched_at - began)
            time.sleep(PAUSE_S)
        listener.stop()
    for name, found in (("the bare event and request, p95", bare), ("in the copy, p95", ours)):
        bar = "   (bar: 100 ms)" if found is ours else ""
        print(f"change asked for to {name:35}{percentile(found, 0.95) * 1000:7.0f} ms{bar}")
    more = statistics.median(own - plain for own, plain in zip(ours, bare, strict=True))
    print(f"change asked for to in the copy, median        {statistics.median(ours) * 1000:16.0f} ms")
    print(f"the copy after the bare way, paired median     {more * 1000:+16.0f} ms")


class Listener:
    """Hears of changes and fetches them, and does nothing with them."""

    def __init__(self, http: httpx.Client, team_id: str) -> None:
        self.fetched_at = 0.0
        self._http = http
        self._team_id = team_id
        self._wanted: threading.Event | None = None
        self._since = 0
        self._ready = threading.Event()
        self._is_over = False
        threading.Thread(target=self._listen, daemon=True).start()
        self._ready.wait(30)

    def next(self) -> threading.Event:
        """Set when the next change has been fetched."""
        self._wanted = threading.Event()
        return self._wanted

    def stop(self) -> None:
        """Hear of nothing any more; the line ends with its server."""
        self._is_over = True

    def _listen(self) -> None:
        with contextlib.suppress(httpx.HTTPError, OSError):
            self._hear()

    def _hear(self) -> None:
        with connect_sse(self._http, "GET", "/api/sync/hints") as source:
            for event in source.iter_sse():
                told = json.loads(event.data)
                if self._is_over:
                    return
                if event.event != "hint" or told["team_id"] != self._team_id:
                    continue
                query = {"team_id": self._team_id, "since": self._since or told["seq"]}
                page = self._http.get("/api/sync/pull", params=query).json()
                self._since = page["reaches"]
                self.fetched_at = time.monotonic()
                self._ready.set()
                if self._wanted is not None and page["changes"]:
                    self._wanted.set()


def percentile(found: list[float], part: float) -> float:
    """The value below which that part of them lies."""
    return sorted(found)[min(len(found) - 1, int(len(found) * part))]


def plain_seconds(source: Path, target: Path) -> float:
    """What sqlite3 alone takes to store the same rows in one transaction."""
    with closing(sqlite3.connect(source)) as there, closing(sqlite3.connect(target)) as here:
        [(schema,)] = there.execute("SELECT sql FROM sqlite_master WHERE name = 'machine'")
        rows = there.execute("SELECT * FROM machine").fetchall()
        here.execute("PRAGMA synchronous = FULL")
        here.execute(schema)
        places = ", ".join("?" for _ in rows[0])
        began = time.perf_counter()
        with here:
            here.executemany(f"INSERT INTO machine VALUES ({places})", rows)
        return time.perf_counter() - began


def first_copy(server: Server, folder: Path) -> float:
    """Seconds from signing in on a new computer until the copy there is whole."""
    desktop = Desktop(folder / "new")
    database = Paths(folder / "new").database
    try:
        began = time.perf_counter()
        desktop.begin(SignInAtServer(url=server.url, email=EMAIL, password=Secret(PASSWORD)))
        while count_of(database, "SELECT count(*) FROM replica WHERE is_whole") == 0:
            time.sleep(0.02)
        taken = time.perf_counter() - began
        if count_of(database, "SELECT count(*) FROM machine") != ROWS:
            raise SystemExit("the copy is not whole")
        return taken
    finally:
        desktop.end()


def count_of(database: Path, query: str) -> int:
    """One number of a database that others use."""
    with closing(sqlite3.connect(database, timeout=10)) as connection:
        return int(connection.execute(query).fetchone()[0])


def drained(server: Server, desktop: Desktop, team_id: str, server_id: str, rows: list[Machine]) -> float:
    """Seconds from the line's return until a thousand edits that wait have been sent."""
    offline = desktop.will_be("offline")
    server.kill()
    offline.result(60)
    for number in range(EDITS):
        desktop.call(UpdateMachine(machine_id=rows[number].machine_id, notes=f"edit {number}"))
    if len(desktop.call(ListIntents(team_id=team_id, state=IntentState.WAITING))) != EDITS:
        raise SystemExit("not all edits wait")
    server.start()
    live = desktop.will_be("live")
    desktop.call(ReconnectServer(server_id=server_id))
    began = live.result(60)
    while count_of(Paths(desktop.home).database, "SELECT count(*) FROM intent WHERE state = 'waiting'"):
        time.sleep(0.02)
    taken = time.monotonic() - began
    done = "SELECT count(*) FROM audit_event WHERE action = 'machine.update' AND outcome = 'succeeded'"
    if count_of(Paths(server.home).database, done) != CHANGES + EDITS:
        raise SystemExit("the server has not carried out each edit once")
    return taken


def one_desktop(server: Server, folder: Path, team_id: str, rows: list[Machine]) -> None:
    """What one desktop sees of changes, and how fast it is rid of its own."""
    desktop = Desktop(folder / "second")
    try:
        entered = desktop.call(SignInAtServer(url=server.url, email=EMAIL, password=Secret(PASSWORD)))
        visible(server, desktop, team_id, rows[0].machine_id)
        taken = drained(server, desktop, team_id, entered.server_id, rows)
        print(f"{EDITS:,} waiting edits sent                  {taken:26.1f} s    (bar: 20 s)")
    finally:
        desktop.end()


def restarted(server: Server, rows: list[Machine]) -> None:
    """The server has these rows as well; nobody is told."""
    server.end()
    fill(server.home, rows)
    server.start()


def main() -> None:
    """Run in a throw-away folder."""
    with tempfile.TemporaryDirectory(prefix="machina-bench-") as scratch:
        folder = Path(scratch)
        server = Server(folder / "server", free_port(), folder / "server.log", variables={"MACHINA_RUNNER": "off"})
        server.start()
        try:
            team_id = founded(server, folder)
            rows = machines(team_id, ROWS)
            restarted(server, rows[:EDITS])
            one_desktop(server, folder, team_id, rows)
            restarted(server, rows[EDITS:])
            taken = first_copy(server, folder)
            bare = plain_seconds(Paths(server.home).database, folder / "plain.db")
            print(f"{ROWS:,} rows stored by plain sqlite3         {bare:26.1f} s")
            print(f"{ROWS:,} rows, first copy over HTTP           {taken:26.1f} s    (bar: 10 s)")
        finally:
            server.kill()


if __name__ == "__main__":
    main()
