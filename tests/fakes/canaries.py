"""Planted secrets and the hunt for them: files, process arguments and environments, in every usual encoding."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import re
import threading
import urllib.parse
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

PAUSE_S = 0.01


def encodings(secret: bytes) -> dict[str, bytes]:
    """How ``secret`` looks inside other data, by the name of the encoding; the eight families of the trust figures.

    Of base64 only what does not depend on the neighbours, at each of the three alignments.
    """
    text = secret.decode("utf-8", "replace")
    forms = {
        "raw": secret,
        "hex": secret.hex().encode(),
        "HEX": secret.hex().upper().encode(),
        "URL": urllib.parse.quote(secret, safe="").encode(),
        "JSON": json.dumps(text)[1:-1].encode(),
        "JSON as UTF-8": json.dumps(text, ensure_ascii=False)[1:-1].encode(),
        "UTF-16LE": text.encode("utf-16-le"),
    }
    for offset in range(3):
        whole = base64.b64encode(bytes(offset) + secret).rstrip(b"=")
        core = whole[(0, 2, 3)[offset] : len(whole) - (1 if (len(secret) + offset) % 3 else 0)]
        forms[f"base64+{offset}"] = core
        forms[f"base64url+{offset}"] = core.replace(b"+", b"-").replace(b"/", b"_")
    return forms


class Hunt:
    """Looks for secrets. ``hits`` says where which one was found, in which encoding; empty is what is wanted."""

    def __init__(self, secrets: Mapping[str, bytes]) -> None:
        self._names: dict[bytes, str] = {}
        for name, secret in secrets.items():
            for encoding, form in encodings(secret).items():
                self._names.setdefault(form, f"{name} ({encoding})")
        longest_first = sorted(self._names, key=len, reverse=True)
        self._pattern = re.compile(b"|".join(re.escape(form) for form in longest_first))
        self.hits: set[str] = set()

    def look(self, data: bytes, where: object) -> None:
        """Note every secret in ``data``."""
        for match in self._pattern.finditer(data):
            self.hits.add(f"{self._names[match[0]]} in {where}")

    def look_into(self, folder: Path, *, but: Iterable[Path] = ()) -> None:
        """Note every secret in a file below ``folder``, or in a file's name."""
        skipped = set(but)
        for parent, _, names in os.walk(folder):
            for name in names:
                path = Path(parent, name)
                self.look(os.fsencode(name), parent)
                if path not in skipped:
                    with contextlib.suppress(OSError):
                        self.look(path.read_bytes(), path)

    def look_at_processes(self) -> None:
        """Note every secret among the arguments of any process, or the names of its environment variables."""
        for process in Path("/proc").iterdir():
            if process.name.isdigit():
                with contextlib.suppress(OSError):
                    self.look((process / "cmdline").read_bytes(), f"arguments of process {process.name}")
                with contextlib.suppress(OSError):
                    entries = (process / "environ").read_bytes().split(b"\0")
                    names = b"\0".join(entry.partition(b"=")[0] for entry in entries)
                    self.look(names, f"environment names of process {process.name}")


@dataclass
class Watch:
    """Hunts again and again on a thread of its own, while something happens."""

    hunt: Hunt
    folders: tuple[Path, ...]
    rounds: int = 0
    _stop: threading.Event = field(default_factory=threading.Event)

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Watch as long as the block lasts."""
        thread = threading.Thread(target=self._run, name="canary watch")
        thread.start()
        try:
            yield
        finally:
            self._stop.set()
            thread.join()

    def _run(self) -> None:
        while not self._stop.is_set():
            for folder in self.folders:
                self.hunt.look_into(folder)
            self.hunt.look_at_processes()
            self.rounds += 1
            self._stop.wait(PAUSE_S)
