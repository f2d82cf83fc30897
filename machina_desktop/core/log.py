"""The application's log, and the one redactor that keeps secrets out of every text that is kept or shown."""

from __future__ import annotations

import base64
import json
import logging
import logging.handlers
import re
import threading
import traceback
import urllib.parse
from collections.abc import Iterable
from pathlib import Path

from machina_desktop.core.secret import DOTS

MINIMUM_LENGTH = 6


class Redactor:
    """Replaces known secrets, in the encodings they turn up in, by dots. Any thread.

    Secrets shorter than six characters are not replaced: they would blank ordinary words.
    """

    def __init__(self) -> None:
        self._forms: set[str] = set()
        self._pattern: re.Pattern[str] | None = None
        self._lock = threading.Lock()

    def learn(self, *secrets: str) -> None:
        """Hide these from now on; of a text with several lines, each line too."""
        forms = {form for secret in secrets for form in _forms(secret)}
        with self._lock:
            if forms <= self._forms:
                return
            self._forms |= forms
            longest_first = sorted(self._forms, key=len, reverse=True)
            self._pattern = re.compile("|".join(map(re.escape, longest_first)))

    def redact(self, text: str) -> str:
        """``text`` with every learnt secret replaced."""
        pattern = self._pattern
        return pattern.sub(DOTS, text) if pattern else text


def _forms(secret: str) -> Iterable[str]:
    parts = {secret, secret.strip(), *(line.strip() for line in secret.splitlines())}
    for part in parts:
        # Header lines of a PEM are the same for everybody.
        if len(part) < MINIMUM_LENGTH or part.startswith("-----"):
            continue
        raw = part.encode()
        yield part
        yield urllib.parse.quote(part, safe="")
        yield json.dumps(part)[1:-1]
        yield json.dumps(part, ensure_ascii=False)[1:-1]
        yield raw.hex()
        yield raw.hex().upper()
        yield from _base64_forms(raw)


def _base64_forms(raw: bytes) -> Iterable[str]:
    # The text of `raw` inside a longer base64 text depends on where it begins, modulo three; the characters at
    # either end mix with the neighbours and are left out.
    for offset in range(3):
        encoded = base64.b64encode(b"\0" * offset + raw).decode().rstrip("=")
        start = (0, 2, 3)[offset]
        end = len(encoded) - (1 if (len(raw) + offset) % 3 else 0)
        core = encoded[start:end]
        if len(core) >= MINIMUM_LENGTH:
            yield core
            yield core.replace("+", "-").replace("/", "_")


REDACTOR = Redactor()
"""The process's redactor: secrets are learnt where they are opened, and no text leaves unfiltered."""


class _JsonFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        entry = {
            "at": self.formatTime(record, "%Y-%m-%dT%H:%M:%S") + f".{int(record.msecs):03d}",
            "level": record.levelname,
            "logger": record.name,
            "thread": record.threadName,
            "message": record.getMessage(),
        }
        if record.exc_info:
            # Frames without locals: a local may hold a secret nobody has learnt yet.
            entry["trace"] = "".join(traceback.format_exception(*record.exc_info))
        return REDACTOR.redact(json.dumps(entry, ensure_ascii=False))


def configure(folder: Path, *, level: int = logging.INFO) -> None:
    """Log as JSON lines to ``folder/machina.log``, five files of 2 MiB, redacted. Replaces earlier handlers."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    handler = logging.handlers.RotatingFileHandler(
        folder / "machina.log", maxBytes=2 << 20, backupCount=4, encoding="utf-8", delay=True
    )
    handler.setFormatter(_JsonFormatter())
    root = logging.getLogger()
    for old in list(root.handlers):
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level)
    for noisy in ("paramiko", "httpx", "httpcore", "qasync", "alembic"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
