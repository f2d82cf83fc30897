"""A machine's run folder: module and variables laid out, state restored and read, plaintext wiped."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import math
import os
import re
import shutil
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from functools import partial
from pathlib import Path

from machina_desktop.core.codec import to_json
from machina_desktop.core.errors import Unavailable
from machina_desktop.core.terraform.cli import PLAN_FILE
from machina_desktop.core.terraform.engine import Engine
from machina_desktop.core.terraform.state_file import StateFile, read_state_file

LOG = logging.getLogger(__name__)

VARIABLES = "machina.auto.tfvars.json"
"""The only file that holds text of users; Terraform takes its strings literally."""

IMPORTS = "machina-imports.tf.json"
"""What the plan takes into the record."""

STATE, BACKUP, ERRORED = "terraform.tfstate", "terraform.tfstate.backup", "errored.tfstate"
LOCK_FILE = ".terraform.lock.hcl"

_MODULE_FILES = ("*.tf", "*.tftpl", LOCK_FILE)
_INITIALISED = "machina-initialised"
_INIT_WAIT_S = 1800.0

# What makes Terraform look for a plugin, a module or a backend; `terraform_data` is built in.
_NEEDS_INIT = re.compile(
    r"^\s*(?:(?:resource|data|ephemeral)\s+\"(?!terraform_)|(?:module|provider|backend)\s+\"|required_providers\b|cloud\b)",
    re.MULTILINE,
)


class Workspace:
    """One machine's run folder, private to the user (0700, files 0600). Its methods block shortly; any thread.

    A machine has one folder and it keeps its path: a saved plan pins absolute paths.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def lay_out(self, module: Path, variables: Mapping[str, object], imports: tuple[tuple[str, str], ...] = ()) -> None:
        """Put the module's files and the variables there, and remove what else Terraform would read.

        A saved plan goes, too: it is one of the earlier lay-out. ``imports`` are addresses of the module and import ids
        of what exists and is in no state yet.

        Raises:
            Unavailable: the folder cannot be written (E-RUN-FOLDER).
        """
        with _writing(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self.folder.chmod(0o700)
            sources = {path.name: path for pattern in _MODULE_FILES for path in sorted(module.glob(pattern))}
            (self.folder / PLAN_FILE).unlink(missing_ok=True)
            for path in self._read_by_terraform():
                if path.name not in sources:
                    path.unlink()
            for name, source in sources.items():
                target = self.folder / name
                # A lock file that an earlier init completed here is worth more than the shipped one.
                if name != LOCK_FILE or not target.exists():
                    _write(target, source.read_bytes())
            _write(self.folder / VARIABLES, to_json(variables))
            if imports:
                blocks = [{"to": address, "id": import_id} for address, import_id in imports]
                _write(self.folder / IMPORTS, to_json({"import": blocks}))

    def put_lock_file(self, text: str) -> None:
        """Have ``init`` accept these plugins and no others.

        Raises:
            Unavailable: the folder cannot be written (E-RUN-FOLDER).
        """
        with _writing(self.folder):
            _write(self.folder / LOCK_FILE, text.encode())

    def read_lock_file(self) -> str:
        """What ``init`` wrote of the plugins it took; empty where there were none."""
        try:
            return (self.folder / LOCK_FILE).read_text(encoding="utf-8")
        except FileNotFoundError:
            return ""

    def restore_state(self, raw: bytes | None) -> None:
        """Make ``raw`` the state to work on, ``None`` for none; traces of earlier runs go.

        Raises:
            Unavailable: the folder cannot be written (E-RUN-FOLDER).
        """
        with _writing(self.folder):
            for name in (STATE, BACKUP, ERRORED):
                (self.folder / name).unlink(missing_ok=True)
            if raw is not None:
                _write(self.folder / STATE, raw)

    def read_state(self) -> StateFile | None:
        """The newest state in the folder, ``None`` where there is none.

        ``errored.tfstate`` is where Terraform saves it when the usual file failed; it counts when it continues that
        file (same lineage, higher serial) or that file is gone.

        Raises:
            Unavailable: a file is there, but no state can be read from any (E-TF-STATE).
        """
        found: list[StateFile] = []
        broken: list[Unavailable] = []
        for name in (STATE, ERRORED):
            path = self.folder / name
            # Terraform makes an empty file to lock it, and a kill leaves that behind.
            if not path.exists() or not (raw := path.read_bytes()).strip():
                continue
            try:
                found.append(read_state_file(raw))
            except Unavailable as problem:
                broken.append(problem)
        if not found:
            if broken:
                raise broken[0]
            return None
        usual, *errored = found
        return max((usual, *(state for state in errored if state.lineage == usual.lineage)), key=lambda it: it.serial)

    def newest_state(self, dumps: Iterable[bytes]) -> StateFile | None:
        """The newest of the state in the folder and of ``dumps``, which a command printed, or ``None``.

        A state that Terraform could write nowhere else was printed whole; it may be the only copy. The file may be
        broken for the same reason, or the dump cut short: one that can be read is enough.

        Raises:
            Unavailable: there is something, but no state can be read from any of it (E-TF-STATE).
        """
        found: list[StateFile] = []
        broken: list[Unavailable] = []
        sources: list[Callable[[], StateFile | None]] = [self.read_state]
        sources += [partial(read_state_file, dump) for dump in dumps]
        for read in sources:
            try:
                state = read()
            except Unavailable as error:
                broken.append(error)
            else:
                found += [state] if state is not None else []
        if broken and not found:
            raise broken[0]
        return max(found, key=lambda state: state.serial, default=None)

    def plan_digest(self) -> str:
        """SHA-256 of the saved plan, hex; empty where there is none."""
        try:
            return hashlib.sha256((self.folder / PLAN_FILE).read_bytes()).hexdigest()
        except FileNotFoundError:
            return ""

    def needs_init(self, engine: Engine, config_file: Path) -> bool:
        """Whether ``init`` has to be run before a plan.

        Never for a module that only uses what is built into Terraform: plan and apply work without it (run with
        Terraform 1.11.4 and 1.15.5; OpenTofu was not tried). Else it has to be when the module, the lock file, our
        CLI configuration or the engine is not the one of the last :meth:`mark_initialised`.
        """
        if engine.name == "terraform" and not self.uses_plugins():
            return False
        try:
            return (self.folder / ".terraform" / _INITIALISED).read_text() != self._digest(engine, config_file)
        except FileNotFoundError:
            return True

    def mark_initialised(self, engine: Engine, config_file: Path) -> None:
        """Note that ``init`` went well with this engine."""
        folder = self.folder / ".terraform"
        with _writing(self.folder):
            folder.mkdir(exist_ok=True, mode=0o700)
            _write(folder / _INITIALISED, self._digest(engine, config_file).encode())

    def uses_plugins(self) -> bool:
        """Whether the module laid out needs more than Terraform itself: plugins, other modules or a backend."""
        return any(_NEEDS_INIT.search(path.read_text(encoding="utf-8")) for path in self.folder.glob("*.tf"))

    def wipe(self) -> None:
        """Remove everything in clear: state, plan, variables, outputs and records of launches.

        Kept are the module's files, the lock file and ``.terraform``, so that the next run needs no ``init``.
        A folder that is not there is wiped.

        Raises:
            Unavailable: something cannot be removed (E-RUN-FOLDER).
        """
        self._remove(self.in_clear())

    def keep_plan(self) -> None:
        """Like :meth:`wipe`, but the plan and its variables stay: a person is to decide about them.

        Neither holds a secret, for none goes into variables.

        Raises:
            Unavailable: something cannot be removed (E-RUN-FOLDER).
        """
        self._remove(tuple(path for path in self.in_clear() if path.name not in {PLAN_FILE, VARIABLES}))

    def _remove(self, paths: tuple[Path, ...]) -> None:
        with _writing(self.folder):
            for path in paths:
                if path.is_dir() and not path.is_symlink():
                    _remove_tree(path)
                else:
                    path.unlink(missing_ok=True)

    def in_clear(self) -> tuple[Path, ...]:
        """What :meth:`wipe` would remove."""
        if not self.folder.exists():
            return ()
        kept = {path.name for pattern in _MODULE_FILES for path in self.folder.glob(pattern)} | {".terraform"}
        return tuple(path for path in self.folder.iterdir() if path.name not in kept)

    def wipe_sealed(self, stored: StateFile | None) -> bool:
        """Like :meth:`wipe`, but nothing goes while a later state than ``stored`` lies there; answers whether it went.

        The next run of the machine stores that state; a file that cannot be read as one is no reason to stay.
        """
        try:
            left = self.read_state()
        except Unavailable:
            left = None
        if left is not None and left.continues(stored):
            LOG.error("%s holds a state that is stored nowhere else; it stays", self.folder)
            return False
        self.wipe()
        return True

    def _read_by_terraform(self) -> Iterator[Path]:
        patterns = ("*.tf", "*.tf.json", "*.tofu", "*.tofu.json", "*.tfvars", "*.tfvars.json", "*.tftpl")
        for pattern in patterns:
            yield from self.folder.glob(pattern)

    def _digest(self, engine: Engine, config_file: Path) -> str:
        digest = hashlib.sha256(f"{engine.name} {engine.version}\n".encode())
        for path in (*sorted(self.folder.glob("*.tf")), self.folder / LOCK_FILE, config_file):
            content = path.read_bytes() if path.exists() else b""
            digest.update(f"{path.name} {len(content)}\n".encode() + content)
        return digest.hexdigest()


@asynccontextmanager
async def init_lock(cache: Path, *, timeout_s: float = _INIT_WAIT_S) -> AsyncIterator[None]:
    """Hold the plugin cache for one ``init``, against all processes of this computer; never blocks the loop.

    Two at once may spoil a shared cache (Terraform issue 31964).

    Raises:
        Unavailable: another init holds it for longer than ``timeout_s`` seconds (E-TF-INIT-BUSY), or the cache cannot
            be written (E-RUN-FOLDER).
    """
    async with _held(cache / ".machina-init-lock", timeout_s=timeout_s) as is_ours:
        if not is_ours:
            raise Unavailable(
                "Another run has been installing Terraform plugins for too long.",
                hint="Look for a Terraform that hangs, and end it.",
                code="E-TF-INIT-BUSY",
            )
        yield


@asynccontextmanager
async def run_lock(lock: Path, *, waits: bool = True) -> AsyncIterator[bool]:
    """Hold a machine's run folder against all processes of this computer; answers whether it is held.

    A run that has ended is known to all before its folder is wiped: the machine's next one must not begin in between.
    The system gives the lock back when the holder dies. Without ``waits`` the answer comes at once.

    Raises:
        Unavailable: the lock cannot be written (E-RUN-FOLDER).
    """
    async with _held(lock, timeout_s=math.inf if waits else 0.0) as is_ours:
        yield is_ours


@asynccontextmanager
async def _held(lock: Path, *, timeout_s: float) -> AsyncIterator[bool]:
    file = _open_lock(lock)
    deadline = time.monotonic() + timeout_s
    try:
        is_ours = _try_lock(file)
        while not is_ours and time.monotonic() < deadline:
            await asyncio.sleep(0.02)
            is_ours = _try_lock(file)
        yield is_ours
    finally:
        # Closing gives the lock back.
        os.close(file)


def _open_lock(lock: Path) -> int:
    with _writing(lock.parent):
        lock.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        return os.open(lock, os.O_RDWR | os.O_CREAT, 0o600)


@contextmanager
def _writing(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise Unavailable(
            f"The run folder {folder} cannot be written: {error.strerror}.",
            hint="Free space on the disk, or make the folder writable.",
            code="E-RUN-FOLDER",
        ) from error


def _write(path: Path, content: bytes) -> None:
    """Replace the file's content; private from its first moment."""
    temporary = path.with_name(f"{path.name}.new")
    temporary.touch(mode=0o600)
    temporary.write_bytes(content)
    temporary.replace(path)


def _remove_tree(folder: Path) -> None:
    """Remove a folder, even while another thread or process does the same."""
    while folder.exists():
        with suppress(FileNotFoundError):
            shutil.rmtree(folder)


if sys.platform == "win32":
    import msvcrt

    def _try_lock(file: int) -> bool:
        try:
            msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:
    import fcntl

    def _try_lock(file: int) -> bool:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
