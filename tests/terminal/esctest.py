"""Runs esctest2 on the terminal: ``python -m tests.terminal.esctest FOLDER [PATTERN]`` or with ``ESCTEST`` set to it.

FOLDER is the suite's ``esctest`` folder, from a checkout of github.com/ThomasDickey/esctest2. Each test has a process
and a terminal of its own, behind a pty: after one unanswered query the suite's replies are out of step.
"""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

from machina_desktop.core.terminal.terminal import Terminal

COLUMNS, LINES = 80, 25
SECONDS = 20.0
OPTIONS = ("--expected-terminal=xterm", "--no-print-logs", "--max-vt-level=4", "--timeout=0.5")


def told_by(folder: Path, *options: str) -> str:
    """What the suite logs when it runs behind a pty with these options."""
    with tempfile.NamedTemporaryFile(suffix=".log") as log:
        command = [sys.executable, "esctest.py", *OPTIONS, f"--logfile={log.name}", *options]
        child, master = pty.fork()
        if not child:
            os.chdir(folder)
            os.execv(sys.executable, [*command, "--options", "xtermWinopsEnabled"])
        _serve(master)
        os.close(master)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        return Path(log.name).read_text("utf-8", "replace")


def names(folder: Path) -> list[str]:
    """Every test of the suite: it names those that it skips."""
    return re.findall(r"^Skipping test (\S+\.test_\S+)$", told_by(folder, "--include=^$", "--v=3"), re.MULTILINE)


def run(folder: Path, name: str) -> tuple[str, str]:
    """The verdict on one test, and what the suite says about it."""
    told = told_by(folder, f"--include=^{re.escape(name)}$")
    for verdict, sign in (("passed", "Passed."), ("known bug", "Fails as expected"), ("skipped", "Skipped because")):
        if sign in told:
            return verdict, ""
    return "failed", told


def _serve(master: int) -> None:
    """Be the terminal until the program ends."""
    terminal = Terminal(COLUMNS, LINES, reply=partial(os.write, master))
    terminal.screen.is_checksum_answered = True
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        if select.select([master], [], [], 0.5)[0]:
            try:
                data = os.read(master, 65_536)
            except OSError:
                return
            if not data:
                return
            terminal.feed(data)


def main() -> int:
    """Print the count of each verdict and the names of failed tests."""
    arguments = [*sys.argv[1:]]
    folder = Path(os.environ.get("ESCTEST") or arguments.pop(0))
    pattern = re.compile(arguments[0] if arguments else "")
    wanted = [name for name in names(folder) if pattern.search(name)]
    with ProcessPoolExecutor(2) as pool:
        verdicts = dict(zip(wanted, pool.map(partial(run, folder), wanted), strict=True))
    for name, (verdict, told) in verdicts.items():
        if verdict == "failed":
            lines = told.strip().splitlines()
            print(name, told if len(wanted) == 1 else lines[-1] if lines else "")
    counts = Counter(verdict for verdict, _ in verdicts.values())
    print(f"{len(wanted)} tests: " + ", ".join(f"{count} {verdict}" for verdict, count in counts.most_common()))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
