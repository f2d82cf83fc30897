"""A program between xterm and what runs in it: it keeps every byte, and reads xterm's screen cell by cell when asked.

``python tap.py SOCKET COMMAND…`` runs in xterm. Who connects to SOCKET sends a line ``quiet`` or ``read`` and gets one
line of JSON. xterm tells its screen by DECRQCRA and XTREPORTSGR, so it must allow window operations.
"""

from __future__ import annotations

import base64
import fcntl
import json
import os
import pty
import re
import select
import signal
import socket
import struct
import sys
import termios
import time
import tty
from functools import partial

#: DECRQCRA of one cell is then its code points' sum: not negated, without looks, blanks counted, not masked.
PLAIN_SUMS = b"\x1b[55#y"
ANSWER = re.compile(rb"\x1bP\d+!~([0-9A-F]{4})\x1b\\|\x1b\[([0-9:;]*)m|\x1b\[(\d+;\d+)R")
PATIENCE_S = 20.0


class Tap:
    """What came through, and when the last of it did."""

    def __init__(self, path: str, command: list[str]) -> None:
        self.came: list[tuple[str, object]] = [("size", self._size())]
        self.last = time.monotonic()
        tty.setraw(0)
        self.child, self.master = pty.fork()
        if not self.child:
            os.execvp(command[0], command)
        self._resize()
        signal.signal(signal.SIGWINCH, lambda *_: self._resize(is_new=True))
        self.door = socket.socket(socket.AF_UNIX)
        self.door.bind(path)
        self.door.listen(1)

    def run(self) -> None:
        """Pass bytes on until the command ends."""
        while True:
            ready, _, _ = select.select([0, self.master, self.door], [], [])
            if self.master in ready:
                try:
                    data = os.read(self.master, 65_536)
                except OSError:
                    return
                self.came.append(("out", base64.b64encode(data).decode()))
                self.last = time.monotonic()
                _write(data)
            if 0 in ready:
                os.write(self.master, os.read(0, 65_536))
            if self.door in ready:
                self._answer()

    def _answer(self) -> None:
        caller, _ = self.door.accept()
        with caller, caller.makefile("rw") as lines:
            answer = self._read() if lines.readline().strip() == "read" else time.monotonic() - self.last
            lines.write(json.dumps(answer) + "\n")

    def _read(self) -> dict[str, object]:
        """The screen as xterm tells it: for each cell the sum of its code points and its SGR parameters."""
        lines, columns = self._size()
        asked = [PLAIN_SUMS]
        for y in range(1, lines + 1):
            asked += [b"\x1b[1;1;%d;%d;%d;%d*y\x1b[%d;%d;%d;%d#|" % ((y, x) * 4) for x in range(1, columns + 1)]
        told = self._told([*asked, b"\x1b[6n"], 2 * lines * columns + 1)
        sums = [int(each[0], 16) for each in told if each[0]]
        looks = [each[1].decode() for each in told if not each[0] and not each[2]]
        cursor = next(each[2] for each in told if each[2]).decode()
        cells = list(zip(sums, looks, strict=True))
        rows = [cells[at : at + columns] for at in range(0, len(cells), columns)]
        return {"lines": lines, "columns": columns, "rows": rows, "cursor": cursor, "came": self.came}

    def _told(self, asked: list[bytes], count: int) -> list[tuple[bytes, bytes, bytes]]:
        data, deadline = b"", time.monotonic() + PATIENCE_S
        for question in asked:
            _write(question)
            while select.select([0], [], [], 0)[0]:
                data += os.read(0, 65_536)
        while len(found := ANSWER.findall(data)) < count:
            if not select.select([0], [], [], 1)[0] and time.monotonic() > deadline:
                raise SystemExit(f"xterm answered {len(found)} of {count}: {data[-200:]!r}")
            data += os.read(0, 65_536)
        return found

    def _size(self) -> tuple[int, int]:
        return struct.unpack("HHHH", fcntl.ioctl(0, termios.TIOCGWINSZ, bytes(8)))[:2]

    def _resize(self, *, is_new: bool = False) -> None:
        size = self._size()
        if is_new:
            self.came.append(("size", size))
            self.last = time.monotonic()
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", *size, 0, 0))


def _write(data: bytes) -> None:
    while data:
        data = data[os.write(1, data) :]


def ask(path: str, question: str) -> object:
    """What the tap at that socket answers."""
    with socket.socket(socket.AF_UNIX) as line:
        line.settimeout(PATIENCE_S + 5)
        line.connect(path)
        line.sendall(question.encode() + b"\n")
        told = b"".join(iter(partial(line.recv, 65_536), b""))
        return json.loads(told)


if __name__ == "__main__":
    Tap(sys.argv[1], sys.argv[2:]).run()
