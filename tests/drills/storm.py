"""Many runs on many machines while runners are killed: how it is asked for, and what has to be true afterwards."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from tests.drills.fleet import FINAL, TOKEN, Fleet
from tests.fakes.hosts import contents

STEPS = ("create", "refresh", "stop", "start", "destroy")
PAUSE_S = 0.3
Run = tuple[str, str, str]
"""Type, state and code of the error."""


class GaveUpError(Exception):
    """Another machine's life has failed."""


@dataclass
class Storm:
    """``machines`` machines, each created, looked at, stopped, started and destroyed.

    Attributes:
        kills: Which runner was killed when, in seconds since the beginning, and whether with what it had launched.
        short_lived: How many of these had not got to work yet.
    """

    crew: Fleet
    machines: int
    deadline_s: float
    over: threading.Event = field(default_factory=threading.Event)
    kills: list[tuple[float, int, bool]] = field(default_factory=list)
    short_lived: int = 0
    took_s: float = 0.0
    _runs: dict[str, list[Run]] = field(default_factory=dict)
    _looked_at: float = 0.0
    _looking: threading.Lock = field(default_factory=threading.Lock)

    def run(self, *, every_s: float, most: int = 1_000_000) -> None:
        """Ask for everything, and kill a runner every ``every_s`` seconds, ``most`` at most, until all is over."""
        began = time.monotonic()
        try:
            with ThreadPoolExecutor(self.machines + 1) as pool:
                killing = pool.submit(self._kill, began, every_s, most)
                lives = [pool.submit(self._live, f"m{number}", began) for number in range(self.machines)]
                wait(lives, return_when=FIRST_EXCEPTION)
                # Whatever else is under way gives up, too.
                self.over.set()
                ended = (life.exception() for life in (killing, *lives))
                errors = [error for error in ended if error is not None]
                for error in sorted(errors, key=lambda error: isinstance(error, GaveUpError)):
                    raise error
        finally:
            self.took_s = time.monotonic() - began
            self.over.set()

    def _kill(self, began: float, every_s: float, most: int) -> None:
        """By the clock: how long a killed runner takes to come back puts no kill off."""
        try:
            for number in range(most):
                if self.over.wait(max(0.0, began + (number + 1) * every_s - time.monotonic())):
                    return
                self._kill_one(began, with_runs=number % 2 == 1)
        except BaseException:
            self.over.set()
            raise

    def _kill_one(self, began: float, *, with_runs: bool) -> None:
        """That runner is killed which has been there the longest, of those at work if any is."""
        runners = self.crew.runners
        victim = min(runners, key=lambda runner: (not runner.is_at_work(), runner.started_at))
        self.short_lived += not victim.is_at_work()
        self.kills.append((round(time.monotonic() - began, 1), runners.index(victim), with_runs))
        victim.kill(with_runs=with_runs)
        victim.start()

    def _live(self, name: str, began: float) -> None:
        machine_id = self.crew.create(name)
        # Both wait for one machine, and the second must not begin before the first has ended.
        self._ask(machine_id, "refresh")
        for step in STEPS[2:]:
            self._settle(machine_id, began)
            self._ask(machine_id, step, **({"auto_approve": True} if step == "destroy" else {}))
        self._settle(machine_id, began)

    def _settle(self, machine_id: str, began: float) -> None:
        """Wait for the end of what is under way, and take up again what was interrupted, as a person would."""
        asked_at = time.monotonic()
        while True:
            runs = self._runs_of(machine_id, max(asked_at, time.monotonic() - PAUSE_S))
            if all(state in FINAL for _type, state, _code in runs):
                last, state, code = next(run for run in reversed(runs) if run[0] != "refresh")
                if state != "failed" or last not in {"create", "destroy"}:
                    return
                assert code in {"E-RUN-INTERRUPTED", "E-TF-APPLY"}, (last, code)
                self._ask(machine_id, "retry" if last == "create" else "destroy", auto_approve=True)
                asked_at = time.monotonic()
            assert time.monotonic() - began < self.deadline_s, (machine_id, runs)
            if self.over.wait(PAUSE_S):
                raise GaveUpError

    def _runs_of(self, machine_id: str, since: float) -> list[Run]:
        """The machine's runs, as they stood at ``since`` or later; one look serves everybody who waits."""
        with self._looking:
            if self._looked_at < since:
                self._looked_at = time.monotonic()
                self._runs = {}
                query = "SELECT machine_id, type, state, error_code FROM deployment ORDER BY created_at"
                for of_machine, *run in self.crew.sql(query):
                    self._runs.setdefault(of_machine, []).append((run[0], run[1], run[2]))
            return self._runs[machine_id]

    def _ask(self, machine_id: str, step: str, **fields: Any) -> None:
        self.crew.ask("POST", f"/api/machines/{machine_id}/{step}", **fields)


def findings(storm: Storm) -> dict[str, Any]:
    """What can be said afterwards; nothing of it is judged here."""
    crew = storm.crew
    runs = crew.sql("SELECT type, state, error_code, attempt FROM deployment")
    return {
        "seconds": round(storm.took_s, 1),
        "deployments": len(runs),
        "states": Counter(f"{kind} {state} {code}".strip() for kind, state, code, _ in runs),
        "taken over": sum(attempt - 1 for *_, attempt in runs),
        "kills": len(storm.kills),
        "kills with launchers": sum(with_runs for *_, with_runs in storm.kills),
        "kills of runners not at work yet": storm.short_lived,
        "seconds between kills": pauses(storm),
        "applies begun": sum(crew.ledger("begin").values()),
        "starts of runners": [runner.starts for runner in crew.runners],
    }


def pauses(storm: Storm) -> list[float]:
    """From the beginning to the first kill, and from each to the next, in seconds."""
    moments = [0.0, *(at_s for at_s, *_ in storm.kills)]
    return [round(later - earlier, 1) for earlier, later in pairwise(moments)]


def judge(storm: Storm) -> None:
    """Each applied once, all in a true state, nothing held any more, every trail whole."""
    crew = storm.crew
    assert set(crew.states()) <= set(FINAL), crew.states()
    _each_applied_once(crew)
    assert crew.sql("SELECT count(*) FROM machine WHERE actual_status != 'terminated'") == [(0,)]
    assert crew.sql("SELECT count(*) FROM deployment WHERE finished_at IS NULL") == [(0,)]
    chain = crew.ask("GET", "/api/audit/chain", team_id=crew.team_id)
    assert (chain["broken_at"], chain["problem"]) == (None, ""), chain
    _queue_empties(crew)
    _nothing_tells_the_token(crew)


def _each_applied_once(crew: Fleet) -> None:
    """A create or destroy that succeeded was applied once; only one that was interrupted is followed by another."""
    begun = crew.ledger("begin")
    rows = crew.sql(
        "SELECT machine_id, type, state, error_code FROM deployment WHERE type IN ('create', 'update', 'destroy')"
    )
    for machine_id in {row[0] for row in rows}:
        mine = [row[1:] for row in rows if row[0] == machine_id]
        # A run that was cut off before its apply began may have failed as well, so the ledger may show less.
        assert begun[machine_id] <= len(mine), (mine, begun[machine_id])
        interrupted = sum(state == "failed" for _type, state, _code in mine)
        for event in ("create", "delete"):
            assert 1 <= crew.ledger(event)[machine_id] <= 1 + interrupted, (event, mine, crew.ledger(event)[machine_id])
        if not interrupted:
            assert begun[machine_id] == len(mine) == 2, mine


def _queue_empties(crew: Fleet) -> None:
    # A job whose worker was killed is taken off when that is known, at most half a minute later.
    deadline = time.monotonic() + 45
    while crew.sql("SELECT count(*) FROM procrastinate_jobs WHERE status IN ('todo', 'doing')") != [(0,)]:
        assert time.monotonic() < deadline, crew.sql("SELECT status, queue_name, args FROM procrastinate_jobs")
        time.sleep(0.2)


def _nothing_tells_the_token(crew: Fleet) -> None:
    used = [json.loads(line) for line in (crew.shim / "calls").read_text().splitlines()]
    assert any("RECORD_TOKEN" in call["environment"] for call in used)
    assert not [path for path, data in contents(crew.folder) if TOKEN.encode() in data]
