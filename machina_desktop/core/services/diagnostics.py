"""What helps to find a fault: the application's own log, and a file that tells all there is without a secret."""

from __future__ import annotations

import asyncio
import io
import json
import os
import platform
import re
import sqlite3
import zipfile
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

import machina_desktop
from machina_desktop.core.codec import from_json, to_pretty_json
from machina_desktop.core.config import SETTINGS
from machina_desktop.core.domain.log_line import LogLevel, LogLine
from machina_desktop.core.domain.team import Actor
from machina_desktop.core.errors import InvalidInput, MachinaError, Unavailable
from machina_desktop.core.ids import now
from machina_desktop.core.log import REDACTOR
from machina_desktop.core.services.context import Context
from machina_desktop.core.services.use_case import Request, use_case

READ_BYTES = 1 << 20
_LIBRARIES = ("PySide6", "SQLAlchemy", "alembic", "paramiko", "cryptography", "keyring", "httpx", "psutil", "qasync")
_GAP = re.compile(r"the event loop did not answer for (\d+) ms")
# What looks like a secret, though nobody has told it to us: credentials in addresses, keys, tokens by name.
_SECRETS = (
    (re.compile(r"://[^\s/@:\"']+:[^\s/@\"']+@"), "://•••@"),
    (re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL), "•••"),
    (
        re.compile(r"(?i)((?:token|secret|password|passphrase|api[_-]?key)\\?[\"']?\s*[:=]\s*\\?[\"']?)[^\s\"'\\,;]+"),
        r"\1•••",
    ),
    (re.compile(r"(?i)(authorization\\?[\"']?\s*[:=]\s*\\?[\"']?(?:bearer|basic)\s+)[^\s\"'\\,;]+"), r"\1•••"),
)


@dataclass(frozen=True, kw_only=True)
class OwnLog:
    """A piece of the application's own log.

    Attributes:
        lines: Redacted; the phase of a line is its day.
        next_offset: Bytes read so far; 0 after the file was begun anew.
    """

    lines: tuple[LogLine, ...]
    next_offset: int


@dataclass(frozen=True, kw_only=True)
class ReadOwnLog(Request[OwnLog]):
    """Whole lines of the application's own log from an offset in bytes; a smaller file than that is a new one."""

    offset: int = 0


@dataclass(frozen=True, kw_only=True)
class SaveDiagnostics(Request[str]):
    """Write logs, versions, settings and the state of the database into the zip file ``to``, without any secret.

    A file that is there already is replaced. Answers its path.
    """

    to: str


@use_case("diagnostics.read_log", "GET /api/device/log")
async def read_own_log(context: Context, _actor: Actor, ask: ReadOwnLog) -> OwnLog:
    """Reads at most 1 MiB, in a thread."""
    return await asyncio.to_thread(_read_log, context.paths.logs / "machina.log", ask.offset)


def _read_log(path: Path, offset: int) -> OwnLog:
    try:
        with path.open("rb") as file:
            begin = max(0, offset) if offset <= os.fstat(file.fileno()).st_size else 0
            file.seek(begin)
            piece = file.read(READ_BYTES)
    except FileNotFoundError:
        return OwnLog(lines=(), next_offset=0)
    except OSError as error:
        raise Unavailable(f"The log {path} cannot be read: {error.strerror}.", code="E-LOG") from error
    # The end of a line that is longer than a piece would never come.
    whole = len(piece) if len(piece) == READ_BYTES and b"\n" not in piece else piece.rfind(b"\n") + 1
    lines = [line for row in piece[:whole].splitlines() for line in _lines(row)]
    return OwnLog(lines=tuple(lines), next_offset=begin + whole)


def _lines(row: bytes) -> list[LogLine]:
    """One entry as lines to show: its message, then what it carries."""
    text = masked(row.decode(errors="replace"))
    try:
        entry = from_json(text.encode(), dict[str, object])
        at = datetime.fromisoformat(str(entry.get("at"))).astimezone(UTC)
    except (InvalidInput, ValueError, RecursionError):
        return [LogLine(at=now(), phase="", text=text)]
    known = {"DEBUG": LogLevel.DEBUG, "WARNING": LogLevel.WARNING, "ERROR": LogLevel.ERROR, "CRITICAL": LogLevel.ERROR}
    level = known.get(str(entry.get("level")), LogLevel.INFO)
    logger = str(entry.get("logger", "")).removeprefix("machina_desktop.")
    said = f"{logger}: {entry.get('message', '')}\n{entry.get('trace', '')}".strip()
    return [LogLine(at=at, phase=f"{at:%Y-%m-%d}", level=level, text=part) for part in said.splitlines()]


@use_case("diagnostics.save", "POST /api/device/diagnostics", is_audited=False)
async def save_diagnostics(context: Context, _actor: Actor, ask: SaveDiagnostics) -> str:
    """Gathers and writes in a thread."""
    engine = await context.engine_status()
    versions = {**_versions(), "terraform": f"{engine.name} {engine.version}".strip() or engine.problem}
    return await asyncio.to_thread(_save, context, ask.to, versions)


def _save(context: Context, file: str, versions: dict[str, str]) -> str:
    to = Path(file).expanduser()
    paths = context.paths
    logs = {file.name: _text_of(file) for file in sorted(paths.logs.glob("*.log*")) if file.is_file()}
    settings = {setting.key: context.settings.shown(setting) for setting in SETTINGS}
    parts = {
        "versions.json": to_pretty_json(versions),
        "settings.json": to_pretty_json(settings),
        "store.json": to_pretty_json(_store(context)),
        "loop-gaps.json": to_pretty_json(_gaps(logs.get("machina.log", ""))),
        **{f"logs/{name}": text for name, text in logs.items()},
    }
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in parts.items():
            archive.writestr(name, masked(text))
    _write_private(to, data.getvalue())
    return str(to)


def _versions() -> dict[str, str]:
    found = {"machina": machina_desktop.__version__, "python": platform.python_version()}
    found |= {"platform": platform.platform(), "sqlite": sqlite3.sqlite_version}
    for name in _LIBRARIES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            # A frozen application carries no records of its libraries.
            found[name] = "unknown"
    return found


def _store(context: Context) -> dict[str, object]:
    paths = context.paths
    size_bytes = sum(file.stat().st_size for file in paths.home.glob(f"{paths.database.name}*") if file.is_file())
    try:
        damage = context.database.damage()
    except MachinaError as error:
        damage = f"{error.code}: {error}"
    return {"size_bytes": size_bytes, "integrity": damage or "ok", "vault_slots": _slots(context)}


def _slots(context: Context) -> list[str]:
    try:
        return [str(slot) for slot in context.vault.slots()]
    except MachinaError as error:
        return [error.code]


def _gaps(log: str) -> list[dict[str, object]]:
    """When the event loop did not answer in time, and for how many milliseconds."""
    found: list[dict[str, object]] = []
    for row in log.splitlines():
        if gap := _GAP.search(row):
            try:
                at = json.loads(row).get("at", "")
            except ValueError:
                at = ""
            found.append({"at": at, "ms": int(gap[1])})
    return found


def _text_of(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        return f"could not be read: {error.strerror}"


def masked(text: str) -> str:
    """``text`` without known secrets, without what looks like one, and without the person's home folder."""
    plain = REDACTOR.redact(text)
    for pattern, instead in _SECRETS:
        plain = pattern.sub(instead, plain)
    home = str(Path.home())
    return plain.replace(home, "~") if len(home) > 1 else plain


def _write_private(path: Path, data: bytes) -> None:
    temporary = path.with_name(f"{path.name}.new")
    try:
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(data)
        temporary.replace(path)
    except (OSError, ValueError) as error:
        raise Unavailable(
            f"The file {path} cannot be written: {getattr(error, 'strerror', '') or error}.",
            hint="Choose a folder that you can write to.",
            code="E-DIAGNOSTICS",
        ) from error
