"""Heartbeats of agents a second, stored before they are answered, beside a bare Litestar handler (G01)."""

from __future__ import annotations

import asyncio
import json
import statistics
import subprocess
import sys

from bench._served import Process, Store, bare, machina, seed, spread, stores
from machina_desktop.core.config import REPOSITORY

AGENTS = 200
RATE = 500
SECONDS = 12
ROUND_S = 3
ROUNDS = 5
BAR_RATIO = 0.6
PATHS = {"machina": "/api/agents/heartbeat", "bare": "/beat"}


def beats(server: Process, path: str, tokens: tuple[str, ...], mode: str, seconds: float) -> dict[str, object]:
    """What a process of agents saw."""
    command = [sys.executable, "-m", "bench._beats", str(server.port), path, mode, str(RATE), str(seconds)]
    ended = subprocess.run(command, cwd=REPOSITORY, input="\n".join(tokens), capture_output=True, text=True, check=True)
    found: dict[str, object] = json.loads(ended.stdout)
    return found


def measure(name: str, store: Store, anchor: Process) -> None:
    """Print the figures of one database."""
    database = store.open()
    crew = asyncio.run(seed(database, machines=AGENTS, people=0))
    database.close()
    with machina(store) as server:
        steady = beats(server, PATHS["machina"], crew.agents, "open", SECONDS)
        times: list[float] = steady["times"]  # type: ignore[assignment]
        rate = len(times) / steady["took"]  # type: ignore[operator]
        print(f"{name}: {rate:4.0f} a second, open loop     {spread(times)}   (bar: 500/s, p99 200 ms)")
        print(f"{name}: errors in {len(times):,}                {steady['wrong']:7}   (bar: 0)")
        rates: dict[str, list[float]] = {"machina": [], "bare": []}
        costs: dict[str, list[float]] = {"machina": [], "bare": []}
        for _ in range(ROUNDS):
            # By turns, so that whatever else the computer does hits both alike.
            for whose, asked in (("bare", anchor), ("machina", server)):
                before = asked.cpu_s()
                seen = beats(asked, PATHS[whose], crew.agents, "closed", ROUND_S)
                costs[whose].append((asked.cpu_s() - before) / len(seen["times"]))  # type: ignore[arg-type]
                rates[whose].append(len(seen["times"]) / seen["took"])  # type: ignore[arg-type,operator]
        ours, theirs = (statistics.median(rates[whose]) for whose in ("machina", "bare"))
        ratio = statistics.median(mine / other for mine, other in zip(rates["machina"], rates["bare"], strict=True))
        print(f"{name}: closed loop, stored            {ours:7.0f} a second")
        print(f"bare Litestar handler, same client   {theirs:7.0f} a second")
        print(f"{name}: ratio, median of {ROUNDS} pairs       {ratio:7.2f}   (bar: {BAR_RATIO})")
        spent, anchored = (statistics.median(costs[whose]) * 1e6 for whose in ("machina", "bare"))
        print(f"{name}: processor time for each      {spent:7.0f} µs, bare {anchored:.0f} µs")


def main() -> None:
    """Both databases, one after the other."""
    with stores() as both, bare() as anchor:
        for name, store in both.items():
            measure(name, store, anchor)


if __name__ == "__main__":
    main()
