"""The application's log, and the one redactor that keeps secrets out of every text that is kept or shown."""

from __future__ import annotations

import base64
import io
import json
import logging
import logging.handlers
import os
import sys
import threading
import traceback
import urllib.parse
from collections.abc import Iterable
from pathlib import Path
from typing import TextIO

from machina_desktop.core.secret import DOTS

MINIMUM_LENGTH = 6


class Redactor:
    """Replaces known secrets, in the encodings they turn up in, by dots. Any thread.

    Secrets shorter than six characters are not replaced: they would blank ordinary words. The time taken does not
    grow with the number of secrets: each position of a text costs one look-up of its next six characters.
    """

    def __init__(self) -> None:
        self._forms_by_head: dict[str, tuple[str, ...]] = {}
        self._beginnings: set[str] = set()
        self._longest = 0
        self._lock = threading.Lock()

    @property
    def longest(self) -> int:
        """Characters of the longest text that is hidden; 0 for none."""
        return self._longest

    def learn(self, *secrets: str) -> None:
        """Hide these from now on; of a text with several lines, each line too."""
        with self._lock:
            for form in {form for secret in secrets for form in _forms(secret)}:
                head = form[:MINIMUM_LENGTH]
                known = {form, *self._forms_by_head.get(head, ())}
                self._forms_by_head[head] = tuple(sorted(known, key=len, reverse=True))
                self._beginnings.update(head[:length] for length in range(1, MINIMUM_LENGTH))
                self._longest = max(self._longest, len(form))

    def redact(self, text: str) -> str:
        """``text`` with every learnt secret replaced; secrets that overlap become one row of dots."""
        pieces, done = [], 0
        for start, end in self.spans(text):
            pieces += [text[done:start], DOTS]
            done = end
        return "".join([*pieces, text[done:]])

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Where learnt secrets stand in ``text``, in order; those that overlap are one."""
        heads = self._forms_by_head
        if not heads:
            return []
        starts = [at for at in range(len(text) - MINIMUM_LENGTH + 1) if text[at : at + MINIMUM_LENGTH] in heads]
        return self._spans(text, starts)

    def unfinished(self, text: str) -> int:
        """Where the first learnt secret begins that the end of ``text`` may cut off; its length for none."""
        for start in range(max(0, len(text) - self._longest + 1), len(text)):
            rest = text[start : start + MINIMUM_LENGTH]
            if len(rest) < MINIMUM_LENGTH:
                if rest in self._beginnings:
                    return start
                continue
            begun = text[start:]
            if any(len(form) > len(begun) and form.startswith(begun) for form in self._forms_by_head.get(rest, ())):
                return start
        return len(text)

    def _spans(self, text: str, starts: Iterable[int]) -> list[tuple[int, int]]:
        """Where the secrets that begin at some of ``starts`` stand in ``text``, without overlaps, in order."""
        spans: list[tuple[int, int]] = []
        for start in starts:
            forms = self._forms_by_head[text[start : start + MINIMUM_LENGTH]]
            longest = next((form for form in forms if text.startswith(form, start)), "")
            if not longest:
                continue
            end = start + len(longest)
            if spans and start < spans[-1][1]:
                spans[-1] = (spans[-1][0], max(end, spans[-1][1]))
            else:
                spans.append((start, end))
        return spans


def _forms(secret: str) -> Iterable[str]:
    parts = {secret, secret.strip(), *(line.strip() for line in secret.splitlines())}
    for part in parts:
        # Header lines of a PEM are the same for everybody.
        if len(part) < MINIMUM_LENGTH or part.startswith("-----"):
            continue
        raw = part.encode("utf-8", "surrogatepass")
        yield part
        yield urllib.parse.quote(raw, safe="")
        yield urllib.parse.quote(raw)
        yield urllib.parse.quote_plus(raw)
        yield from _json_forms(part)
        yield raw.hex()
        yield raw.hex().upper()
        yield from _base64_forms(raw)


def _json_forms(part: str) -> Iterable[str]:
    for text in (json.dumps(part)[1:-1], json.dumps(part, ensure_ascii=False)[1:-1]):
        yield text
        # Go, and with it Terraform, also escapes what HTML would read.
        yield text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


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


class _PrivateFileHandler(logging.handlers.RotatingFileHandler):
    def _open(self) -> io.TextIOWrapper:
        descriptor = os.open(self.baseFilename, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        return os.fdopen(descriptor, "a", encoding=self.encoding, errors=self.errors)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the base's name
        # A full disk costs lines of the log; to say so on the terminal at each of them helps nobody.
        if not isinstance(sys.exc_info()[1], OSError):
            super().handleError(record)


def set_level(level: str) -> None:
    """Log from now on what is at least that grave: ``debug``, ``info`` or ``warning``."""
    logging.getLogger().setLevel(level.upper())


def configure(folder: Path, *, level: str = "info") -> None:
    """Log as JSON lines to ``folder/machina.log``, five files of 2 MiB, redacted. Replaces earlier handlers."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    handler = _PrivateFileHandler(
        folder / "machina.log",
        maxBytes=2 << 20,
        backupCount=4,
        encoding="utf-8",
        errors="backslashreplace",
        delay=True,
    )
    _use(handler, level)


def configure_stream(stream: TextIO, *, level: str = "info") -> None:
    """Log as JSON lines to ``stream``, redacted, for what keeps a server's output. Replaces earlier handlers."""
    _use(logging.StreamHandler(stream), level)


def _use(handler: logging.Handler, level: str) -> None:
    handler.setFormatter(_JsonFormatter())
    root = logging.getLogger()
    for old in list(root.handlers):
        root.removeHandler(old)
    root.addHandler(handler)
    set_level(level)
    for noisy in ("paramiko", "httpx", "httpcore", "qasync", "alembic"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
