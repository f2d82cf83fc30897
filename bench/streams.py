"""A thousand readers of a log that grows, beside a bare Litestar handler of server-sent events (G02)."""

from __future__ import annotations

import asyncio
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from bench._served import Process, Store, bare, seed, spread, stores, telling
from machina_desktop.core.config import REPOSITORY

PEOPLE, EACH = 100, 10
EVENTS = 12
ROUND_S = 3
ROUNDS = 5
SETTLE_S = 3


class Readers:
    """A process of them; all are connected."""

    def __init__(self, process: subprocess.Popen[str], server: Process) -> None:
        self._process = process
        self._server = server
        self.told = 0

    def tell(self) -> None:
        """Let one more event happen."""
        self.told += 1
        self._server.tell()

    def wait(self) -> None:
        """Until everybody has got the newest."""
        assert self._process.stdout is not None
        while int(self._process.stdout.readline()) < self.told:
            pass

    def deliveries(self, seconds: float) -> float:
        """How many events a second reach somebody when one follows on the other."""
        began, first = time.perf_counter(), self.told
        while time.perf_counter() - began < seconds:
            self.tell()
            self.wait()
        return (self.told - first) * PEOPLE * EACH / (time.perf_counter() - began)

    def seen(self) -> tuple[dict[str, list[float]], int]:
        """How long each event took to each, by its number; and what was lost, doubled or refused."""
        out, _ = self._process.communicate("")
        found = json.loads(out.splitlines()[-1])
        lost = self.told * PEOPLE * EACH - sum(map(len, found["times"].values()))
        return found["times"], found["wrong"] + lost


@contextmanager
def reading(server: Process, path: str, tokens: tuple[str, ...]) -> Iterator[Readers]:
    """A thousand readers."""
    command = [sys.executable, "-m", "bench._listeners", str(server.port), path, str(EACH)]
    process = subprocess.Popen(
        command, cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
    )
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write("\n".join(tokens) + "\n\n")
    process.stdin.flush()
    assert process.stdout.readline() == "open\n"
    try:
        yield Readers(process, server)
    finally:
        process.kill()
        process.wait()


def measure(name: str, store: Store) -> None:
    """Print the figures of one database."""
    database = store.open()
    crew = asyncio.run(seed(database, machines=0, people=PEOPLE))
    database.close()
    path = f"/api/deployments/{crew.deployment_id}/logs?stream=true"
    with telling(store, crew.deployment_id) as server, bare() as anchor:
        before = server.rss_kib()
        with reading(server, path, crew.people) as ours, reading(anchor, "/stream", crew.people) as theirs:
            time.sleep(SETTLE_S)
            for readers in (theirs, ours):
                for _ in range(EVENTS):
                    readers.tell()
                    time.sleep(1)
                    readers.wait()
            each = (server.rss_kib() - before) / (PEOPLE * EACH)
            told, spent = ours.told, server.cpu_s()
            pairs = [(theirs.deliveries(ROUND_S), ours.deliveries(ROUND_S)) for _ in range(ROUNDS)]
            cost = (server.cpu_s() - spent) / (ours.told - told) / (PEOPLE * EACH)
            anchor_cost = anchor.cpu_s() / theirs.told / (PEOPLE * EACH)
            times, wrong = ours.seen()
            calm = [taken for number in range(1, EVENTS + 1) for taken in times[str(number)]]
            anchored = theirs.seen()[0]
            bare_calm = [taken for number in range(1, EVENTS + 1) for taken in anchored[str(number)]]
    print(f"{name}: 1,000 readers, 1 event/s    {spread(calm)}   (bar: p99 250 ms)")
    print(f"bare Litestar, the same          {spread(bare_calm)}")
    print(f"{name}: lost, doubled or cut        {wrong:7}   of {ours.told * PEOPLE * EACH:,} (bar: 0)")
    print(f"{name}: memory for each reader      {each:7.1f} KiB   (bar: 40 KiB)")
    print(f"{name}: deliveries a second         {statistics.median(pair[1] for pair in pairs):7.0f}")
    print(f"bare Litestar, the same          {statistics.median(pair[0] for pair in pairs):7.0f}")
    print(f"{name}: ratio, median of {ROUNDS} pairs    {statistics.median(b / a for a, b in pairs):7.2f}   (bar: 0.6)")
    print(f"{name}: processor time for each     {cost * 1e6:7.0f} µs, bare {anchor_cost * 1e6:.0f} µs")


def main() -> None:
    """Both databases, one after the other."""
    with stores() as both:
        for name, store in both.items():
            measure(name, store)


if __name__ == "__main__":
    main()
