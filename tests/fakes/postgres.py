"""A real PostgreSQL server on a unix socket, one for each process of the tests, and a database for each test."""

from __future__ import annotations

import atexit
import functools
import getpass
import hashlib
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from psycopg import sql

from machina_desktop.core.secret import Secret
from machina_desktop.core.store.database import Database

BINARIES = Path("/usr/lib/postgresql")
STORE = "MACHINA_TEST_STORE"
"""Names the folder of the server's socket to processes that a test starts."""

PASSWORD = "p@ss/word:canary-8Q3v"
"""Of the only user that is used; whatever shows it has failed."""
DEADLINE_S = 60.0

OPTIONS = (
    "listen_addresses=",
    "fsync=off",
    "full_page_writes=off",
    "autovacuum=off",
    "shared_buffers=32MB",
    "max_wal_size=256MB",
    "max_connections=200",
    "deadlock_timeout=100ms",
    "log_min_messages=fatal",
    "lc_messages=C",
)


class Server:
    """The server whose socket lies in ``folder``; ``postgres`` may do everything there, ``machina`` owns databases."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def url(self, database: str, *, user: str = "machina", password: str = PASSWORD) -> Secret:
        """The address of one database, as it would stand in the environment."""
        who = f"{user}:{urllib.parse.quote(password, safe='')}"
        return Secret(f"postgresql://{who}@/{database}?host={urllib.parse.quote(str(self.folder), safe='')}")

    def connect(self, database: str = "postgres") -> psycopg.Connection:
        """A connection that may do everything; each statement is its own transaction."""
        return psycopg.connect(host=str(self.folder), user="postgres", dbname=database, autocommit=True)

    def sql(self, database: str, statement: str, *parameters: object) -> list[tuple[object, ...]]:
        """Look into a database, or change it, behind the program's back; places for values are question marks."""
        with self.connect(database) as connection:
            found = connection.execute(statement.replace("?", "%s"), parameters or None)  # type: ignore[arg-type]
            return found.fetchall() if found.description else []

    def create(self, database: str, *, template: str = "template0") -> None:
        """Make a database, unless it is there."""
        statement = sql.SQL("CREATE DATABASE {} TEMPLATE {} OWNER machina").format(
            sql.Identifier(database), sql.Identifier(template)
        )
        with self.connect() as connection:
            try:
                connection.execute(statement)
            except (psycopg.errors.DuplicateDatabase, psycopg.errors.UniqueViolation):
                return

    def drop(self, database: str) -> None:
        """Remove a database, with whatever connections it has."""
        with self.connect() as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(database)))


class Cluster(Server):
    """A server of our own, started, killed and started again on the same files."""

    def __init__(self) -> None:
        # Not below the folder of the tests: another user runs it, and the path of a socket must be short.
        super().__init__(Path(tempfile.mkdtemp(prefix="machina-pg-", dir="/tmp")))
        self._user = _server_user()
        shutil.chown(self.folder, self._user)
        self._data = self.folder / "data"
        self._run(
            "initdb", "--no-sync", "-D", self._data, "-U", "postgres", "--auth=trust", "-E", "UTF8", "--no-locale"
        )
        (self._data / "pg_hba.conf").write_text("local all postgres trust\nlocal all all scram-sha-256\n")
        self._process: subprocess.Popen[bytes] | None = None
        self.start()
        self.sql("postgres", f"CREATE ROLE machina LOGIN PASSWORD '{PASSWORD}'")
        self.create("migrated")
        database = Database.of_url(self.url("migrated"), connections=2)
        database.open()
        database.close()

    def start(self) -> None:
        """Start, and wait until it answers."""
        settings = [part for option in OPTIONS for part in ("-c", option)]
        command = [*self._as_user(), binary("postgres"), "-D", self._data, "-k", self.folder, *settings]
        with (self.folder / "server.log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, cwd="/")
        deadline = time.monotonic() + DEADLINE_S
        while True:
            try:
                self.connect().close()
            except psycopg.OperationalError:
                assert self._process.poll() is None, (self.folder / "server.log").read_text()
                assert time.monotonic() < deadline, f"PostgreSQL did not answer within {DEADLINE_S:.0f} s"
                time.sleep(0.02)
            else:
                return

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """End it: as ``pg_ctl -m fast`` does, with SIGQUIT as ``-m immediate`` does."""
        if self._process is not None:
            # setpriv has become the server itself.
            self._process.send_signal(how)
            self._process.wait(DEADLINE_S)
            self._process = None

    def remove(self) -> None:
        """End it and delete its files."""
        self.stop(signal.SIGQUIT)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _run(self, program: str, *arguments: object) -> None:
        command = [*self._as_user(), binary(program), *map(str, arguments)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd="/")

    def _as_user(self) -> list[str]:
        """PostgreSQL refuses root; and when the tests are killed it ends by itself."""
        who = ["--reuid", self._user, "--clear-groups"] if os.geteuid() == 0 else []
        return ["setpriv", *who, "--pdeathsig", "QUIT"]


def binary(name: str) -> Path:
    """A program of the newest version that is installed."""
    found = sorted(BINARIES.glob(f"*/bin/{name}"), key=lambda path: int(path.parts[-3]))
    assert found, f"{name} is missing below {BINARIES}: install the Debian package postgresql"
    return found[-1]


def _server_user() -> str:
    if os.geteuid() != 0:
        return getpass.getuser()
    return "postgres" if any(entry.pw_name == "postgres" for entry in pwd.getpwall()) else "nobody"


@functools.cache
def cluster() -> Cluster:
    """The server of this process, started when it is first asked for, from the main thread."""
    made = Cluster()
    atexit.register(made.remove)
    return made


def name_of(path: Path) -> str:
    """The database that stands for the file at ``path``."""
    return f"t_{hashlib.sha256(str(path).encode()).hexdigest()[:20]}"


_MADE: set[str] = set()


def database_of(path: Path, *, is_empty: bool = False) -> str:
    """The database that stands for the file at ``path``, made when it is first asked for, with or without tables."""
    name = name_of(path)
    if name not in _MADE:
        server().create(name, template="template0" if is_empty else "migrated")
        _MADE.add(name)
    return name


def server() -> Server:
    """The server in use."""
    return Server(Path(os.environ[STORE]))


@contextmanager
def in_use() -> Iterator[Server]:
    """Whatever a test stores goes to PostgreSQL, in the processes that it starts too."""
    os.environ[STORE] = str(cluster().folder)
    try:
        yield cluster()
    finally:
        for name in _MADE:
            cluster().drop(name)
        _MADE.clear()
        del os.environ[STORE]
