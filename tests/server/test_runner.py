"""``machina-runner`` as a process of its own, beside web processes, on a real database."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from machina_desktop.core.config import ENGINE, Settings
from tests.drills.fleet import FINAL, TOKEN, Fleet, fleet
from tests.drills.storm import Storm, findings, judge
from tests.fakes import postgres, terraform_shim
from tests.fakes.hosts import contents

DEADLINE_S = 60.0


@pytest.fixture
def crew(tmp_path: Path) -> Iterator[Fleet]:
    with fleet(tmp_path) as made:
        yield made


def until(condition: Callable[[], object], *, what: str) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not happen within {DEADLINE_S:.0f} s"
        time.sleep(0.05)


def all_ended(crew: Fleet) -> bool:
    return set(crew.states()) <= set(FINAL)


def command(home: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    home.mkdir(mode=0o700, exist_ok=True)
    clean = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    return subprocess.run(
        [sys.executable, "-m", "machina_desktop.server.runner", *arguments],
        env={**clean, "MACHINA_HOME": str(home), **variables},
        capture_output=True,
        check=False,
        text=True,
        timeout=DEADLINE_S,
    )


def hold_apply(crew: Fleet, name: str = "one") -> None:
    """A machine whose apply has begun and waits."""
    (crew.shim / "apply.hang").touch()
    crew.create(name)
    until(lambda: '"argv": ["apply"' in _calls(crew), what="the apply")


def _calls(crew: Fleet) -> str:
    path = crew.shim / "calls"
    return path.read_text() if path.exists() else ""


# What it does


def test_runs_are_carried_out_with_secrets_that_no_web_process_can_open(crew: Fleet) -> None:
    crew.create("one")
    until(lambda: all_ended(crew), what="the end of the run")
    assert crew.states() == {"succeeded": 1}
    used = [json.loads(line) for line in _calls(crew).splitlines()]
    assert {"RECORD_TOKEN" in call["environment"] for call in used if call["argv"][0] != "version"} == {True}
    [(envelope,)] = crew.sql("SELECT envelope FROM sealed")
    assert bytes(envelope)[:4] == b"MSE1"
    assert not [path for path, data in contents(crew.folder) if TOKEN.encode() in data]
    # Whoever answers requests has a place of its own, and nothing in it opens anything.
    assert [path.name for path in (crew.folder / "web" / ".data").iterdir()] == [".password_pepper"]
    assert not list((crew.folder / "web").glob("vault.json*"))


def test_the_web_process_never_loads_what_opens_secrets(tmp_path: Path) -> None:
    program = """
import asyncio, os, sys
from machina_desktop.core.config import Paths
from machina_desktop.server.config import read_config
from machina_desktop.server.serving import opened
from machina_desktop.server.streams import Times

async def main():
    paths = Paths.default()
    paths.create()
    async with opened(read_config(os.environ), paths, times=Times(), is_working=True):
        opens = {"machina_desktop.core.vault.runner_vault", "machina_desktop.server.running"}
        print(sorted(opens & sys.modules.keys()), "procrastinate" in sys.modules)

asyncio.run(main())
"""
    with postgres.in_use() as server:
        url = server.url(postgres.database_of(tmp_path / "machina.db")).reveal()
        environment = {**os.environ, "MACHINA_HOME": str(tmp_path / "home"), "DATABASE_URL": url}
        ended = subprocess.run(
            [sys.executable, "-c", program], env=environment, capture_output=True, check=False, text=True, timeout=60
        )
    assert (ended.stdout, ended.returncode) == ("[] False\n", 0), ended.stderr


def test_killed_in_mid_apply_it_comes_back_to_the_same_apply(crew: Fleet) -> None:
    hold_apply(crew)
    [runner] = crew.runners
    runner.kill()
    (crew.shim / "apply.hang").unlink()
    runner.start()
    until(lambda: all_ended(crew), what="the end of the run")
    assert crew.states() == {"succeeded": 1}
    assert (sum(crew.ledger("begin").values()), sum(crew.ledger("create").values())) == (1, 1)


def test_killed_with_the_apply_itself_the_run_ends_as_interrupted(crew: Fleet) -> None:
    hold_apply(crew)
    [runner] = crew.runners
    runner.kill(with_runs=True)
    (crew.shim / "apply.hang").unlink()
    runner.start()
    until(lambda: all_ended(crew), what="the end of the run")
    [(state, code, needs)] = crew.sql("SELECT state, error_code, needs_recovery FROM deployment")
    assert (state, code, needs) == ("failed", "E-RUN-INTERRUPTED", True)
    assert _calls(crew).count('"argv": ["apply"') == 1


def test_told_to_end_it_ends_soon_and_the_apply_goes_on(crew: Fleet) -> None:
    hold_apply(crew)
    [runner] = crew.runners
    # Whoever waits for the apply waits for ever.
    assert runner.end() == 0
    (crew.shim / "apply.hang").unlink()
    until(lambda: crew.ledger("end"), what="the end of the apply")
    assert crew.states() == {"applying": 1}
    crew.create("two")
    runner.start()
    until(lambda: all_ended(crew), what="the end of the runs")
    assert crew.states() == {"succeeded": 2}
    assert sum(crew.ledger("begin").values()) == 2
    assert not [line for line in runner.log.read_text().splitlines() if "Traceback" in line or '"ERROR"' in line]


def test_what_was_queued_while_no_runner_was_there_or_whose_job_was_lost_is_found(crew: Fleet) -> None:
    [runner] = crew.runners
    runner.kill()
    crew.create("one")
    # A job that a runner took and did not live to claim.
    crew.sql(
        "INSERT INTO procrastinate_jobs (queue_name, task_name, status, lock, queueing_lock, args) SELECT 'runs', "
        "'carry_out', 'doing', machine_id, deployment_id, jsonb_build_object('deployment_id', deployment_id) "
        "FROM deployment"
    )
    runner.start()
    until(lambda: all_ended(crew), what="the end of the run")
    assert crew.states() == {"succeeded": 1}
    until(lambda: crew.sql("SELECT count(*) FROM procrastinate_jobs") == [(0,)], what="an empty queue")


def test_a_database_that_goes_away_ends_no_run(crew: Fleet) -> None:
    hold_apply(crew)
    postgres.cluster().stop(signal.SIGQUIT)
    (crew.shim / "apply.hang").unlink()
    until(lambda: crew.ledger("end"), what="the end of the apply")
    postgres.cluster().start()
    until(lambda: all_ended(crew), what="the end of the run")
    assert crew.states() == {"succeeded": 1}
    crew.create("two")
    until(lambda: all_ended(crew), what="the end of the second run")
    assert crew.states() == {"succeeded": 2}
    assert sum(crew.ledger("begin").values()) == 2


@pytest.mark.timeout(240)
def test_forty_deployments_while_two_of_three_runners_are_killed(tmp_path: Path) -> None:
    with fleet(tmp_path, webs=2, runners=3) as crew:
        (crew.shim / "apply.seconds").write_text("0.3")
        storm = Storm(crew, machines=8, deadline_s=200)
        storm.run(every_s=3.0, most=2)
        judge(storm)
        assert findings(storm)["deployments"] >= 40
        assert len(storm.kills) == 2


# Its key


def test_a_second_host_needs_the_key_of_the_first(crew: Fleet) -> None:
    elsewhere = crew.folder / "elsewhere"
    named = {"DATABASE_URL": crew.url, "MACHINA_RUNNER_KEY": str(elsewhere / "key")}
    for _ in range(2):
        refused = command(elsewhere, **named)
        assert refused.returncode == 1
        assert "E-RUNNER-KEY: The runner key of this host is not the one that is registered" in refused.stderr
        # Once without a key, once with one of its own.
        (elsewhere / "key").write_bytes(bytes(range(32)))
        (elsewhere / "key").chmod(0o600)
    told = command(elsewhere, "key", **named)
    assert "This host has not the registered key" in told.stdout
    shutil.copy(crew.folder / "keys" / "key", elsewhere / "key")
    told = command(elsewhere, "key", **named)
    fingerprint = crew.runners[0].wait_for("carrying out as").rpartition(" ")[2]
    assert told.stdout.count(fingerprint) == 2
    assert "copy the file there" in told.stdout
    second = crew.add_runner("elsewhere", MACHINA_RUNNER_KEY=str(elsewhere / "key"))
    assert second.wait_for("carrying out as").endswith(fingerprint)
    assert second.end() == 0


def test_a_key_that_others_can_read_is_refused(crew: Fleet) -> None:
    home = crew.folder / "open"
    home.mkdir(mode=0o700)
    shutil.copy(crew.folder / "keys" / "key", home / "key")
    (home / "key").chmod(0o644)
    refused = command(home, DATABASE_URL=crew.url, MACHINA_RUNNER_KEY=str(home / "key"))
    assert refused.returncode == 1
    assert "E-VAULT-KEY-FILE" in refused.stderr
    assert "mode 0600 is needed" in refused.stderr


def test_a_new_key_opens_what_was_sealed_to_the_former_one(crew: Fleet) -> None:
    machine_id = crew.create("one")
    until(lambda: all_ended(crew), what="the end of the run")
    [runner] = crew.runners
    named = {"DATABASE_URL": crew.url, "MACHINA_RUNNER_KEY": str(crew.folder / "keys" / "key")}
    before = crew.sql("SELECT envelope FROM sealed")
    rotated = command(runner.home, "rotate-key", **named)
    assert rotated.returncode == 0, rotated.stderr
    assert rotated.stdout.startswith("Sealed 2 secrets and states to a new key")
    assert crew.sql("SELECT envelope FROM sealed") != before
    assert crew.sql("SELECT count(*), count(retired_at) FROM runner_key") == [(2, 1)]
    # The one at work notices that its key is not the registered one any more.
    assert runner.process is not None
    assert runner.process.wait(DEADLINE_S) == 1
    assert "E-RUNNER-KEY" in runner.log.read_text()
    # As if it had been cut off before the new key was put in its place.
    keys = crew.folder / "keys"
    (keys / "key").rename(keys / "key.next")
    (keys / "key.former").rename(keys / "key")
    runner.start()
    runner.wait_for("carrying out as", 2)
    crew.ask("POST", f"/api/machines/{machine_id}/destroy", auto_approve=True)
    until(lambda: all_ended(crew), what="the end of the second run")
    assert crew.states() == {"succeeded": 2}
    assert sorted(path.name for path in keys.iterdir()) == ["key", "key.former"]


def test_a_key_is_not_replaced_under_a_run(crew: Fleet) -> None:
    hold_apply(crew)
    named = {"DATABASE_URL": crew.url, "MACHINA_RUNNER_KEY": str(crew.folder / "keys" / "key")}
    refused = command(crew.runners[0].home, "rotate-key", **named)
    assert (refused.returncode, refused.stderr[:18]) == (1, "E-RUNS-UNDER-WAY: ")
    (crew.shim / "apply.hang").unlink()
    until(lambda: all_ended(crew), what="the end of the run")


# How it is started and watched


def test_its_state_can_be_asked_for(crew: Fleet) -> None:
    [runner] = crew.runners
    until(lambda: command(runner.home, "status").returncode == 0, what="a sign of life")
    assert "alive" in command(runner.home, "status").stdout
    assert runner.end() == 0
    silent = command(runner.home, "status")
    assert (silent.returncode, silent.stdout) == (1, "No runner has been started with this data folder.\n")


@pytest.mark.parametrize(
    ("variables", "named"),
    [
        ({}, "DATABASE_URL is not set"),
        ({"DATABASE_URL": "mysql://x"}, "DATABASE_URL is no address"),
        ({"DATABASE_URL": "postgresql://h/d", "MACHINA_RUNNER_CONCURRENCY": "0"}, "MACHINA_RUNNER_CONCURRENCY"),
        ({"DATABASE_URL": "postgresql://h/d", "MACHINA_RUNNER_CONCURRENCY": "many"}, "MACHINA_RUNNER_CONCURRENCY"),
    ],
)
def test_a_wrong_configuration_is_named(tmp_path: Path, variables: dict[str, str], named: str) -> None:
    ended = command(tmp_path / "home", **variables)
    assert ended.returncode == 2
    assert ended.stderr.startswith(f"E-CONFIG: {named}")


def test_its_variables_are_in_its_help(tmp_path: Path) -> None:
    told = command(tmp_path / "home", "--help")
    assert told.returncode == 0
    for name in ("DATABASE_URL", "MACHINA_HOME", "MACHINA_RUNNER_KEY", "MACHINA_RUNNER_CONCURRENCY"):
        assert name in told.stdout


# A server on SQLite


@pytest.mark.parametrize("switch", ["on", "off"])
def test_on_sqlite_the_server_carries_runs_out_itself_unless_told_not_to(tmp_path: Path, switch: str) -> None:
    crew = Fleet(tmp_path, "", tmp_path / "shim")
    terraform_shim.install(crew.shim)
    home = tmp_path / "web"
    home.mkdir(mode=0o700)
    Settings(home / "settings.json").set(ENGINE, str(crew.shim / "terraform"))
    try:
        crew.add_web(DATABASE_URL="", MACHINA_RUNNER=switch)
        if switch == "off":
            crew.settle(with_account=False)
            assert crew.ask("GET", "/api/runner/key") is None
            return
        crew.settle()
        crew.create("one")
        path = "/api/deployments"
        until(lambda: crew.ask("GET", path, team_id=crew.team_id)[0]["state"] in FINAL, what="the end of the run")
        [run] = crew.ask("GET", path, team_id=crew.team_id)
        assert (run["state"], run["error_message"]) == ("succeeded", None)
        assert crew.ask("GET", "/api/runner/key")["runner_key_id"] == "runner-key-1"
        assert (home / ".data" / ".runner_key").stat().st_mode & 0o777 == 0o600
    finally:
        crew.close()
