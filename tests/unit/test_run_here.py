"""Runs of a shared team on one's own desktop: carried out here, recorded at the home, whatever dies or is cut."""

from __future__ import annotations

import asyncio
import base64
import os
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from machina_desktop.cli.commands import find_command
from machina_desktop.cli.options import parse
from machina_desktop.cli.session import Session
from machina_desktop.core.domain.custody import Custody
from machina_desktop.core.domain.deployment import DeploymentState
from machina_desktop.core.domain.log_line import LogLine
from machina_desktop.core.domain.machine import MachineStatus
from machina_desktop.core.domain.provider import ProviderType
from machina_desktop.core.errors import Conflict, Forbidden, InvalidInput, MachinaError
from machina_desktop.core.ids import new_id
from machina_desktop.core.secret import Secret
from machina_desktop.core.services.deployments import ApproveDeployment, CancelDeployment, ReadLog
from machina_desktop.core.services.handing_over import HandOver
from machina_desktop.core.services.machines import CreateMachine, DestroyMachine, RefreshMachine, StopMachine
from machina_desktop.core.services.providers import AddAccount, DeleteAccount
from machina_desktop.core.services.runner_keys import RegisterRunnerKey
from machina_desktop.core.services.use_case import Request
from machina_desktop.core.vault import sealed_box
from machina_desktop.core.vault.runner_vault import RunnerVault
from machina_desktop.core.workers.deployer import RUNNER
from tests.fakes import postgres, terraform_shim
from tests.fakes.canaries import Hunt
from tests.fakes.hosts import until
from tests.fakes.keyed_provider import KeyedProvider, PracticeLike
from tests.fakes.provider import install
from tests.fakes.server import Site, running, settled
from tests.fakes.shared_desks import Desk, desk

CANARY = "canary-5e1b-77aa-token"
VAULT = RunnerVault(bytes(range(7, 39)))
LINES = 200


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    """A server whose runners' private key the tests have, and which carries nothing out itself."""
    async with settled(tmp_path / "server") as made:
        key = sealed_box.encoded(VAULT.recipient.public_key)
        made.sql("DELETE FROM runner_key")
        made.sql("INSERT INTO runner_key VALUES ('runner-key-1', ?, '2026-01-01T00:00:00+00:00', NULL)", key)
        install(KeyedProvider())
        yield made


@pytest.fixture
def shim(tmp_path: Path) -> Path:
    """The folder of the stand-in for Terraform."""
    return terraform_shim.install(tmp_path / "shim").parent


@pytest.fixture
async def ben(tmp_path: Path, site: Site, shim: Path) -> AsyncIterator[Desk]:
    async with desk(tmp_path / "ben", site, "Ben", engine=shim / "terraform", deployer=True) as made:
        yield made


def of_run(site: Site, deployment_id: str, column: str) -> Any:
    """What the home has of a run."""
    return site.sql(f"SELECT {column} FROM deployment WHERE deployment_id = ?", deployment_id)[0][0]


def is_called(shim: Path, command: str) -> bool:
    """Whether Terraform was ever started with that command."""
    calls = shim / "calls"
    return calls.exists() and f'"{command}"' in calls.read_text()


def is_applying(shim: Path) -> bool:
    return is_called(shim, "apply")


async def reaches(site: Site, deployment_id: str, *states: DeploymentState) -> None:
    await until(lambda: of_run(site, deployment_id, "state") in states, what=f"{states} of {deployment_id}")


async def succeeds(site: Site, deployment_id: str) -> None:
    final = (DeploymentState.SUCCEEDED, DeploymentState.FAILED, DeploymentState.CANCELLED)
    await reaches(site, deployment_id, *final)
    assert of_run(site, deployment_id, "state") == "succeeded", of_run(site, deployment_id, "error_message")


async def log_of(door: Desk, deployment_id: str) -> tuple[LogLine, ...]:
    return (await door.call(ReadLog(deployment_id=deployment_id, limit=1 << 20))).lines


def hits(site: Site, door: Desk) -> set[str]:
    hunt = Hunt({"canary": CANARY.encode()})
    hunt.look_into(site.paths.home)
    for body in door.line.bodies:
        hunt.look(body, "a body")
    return hunt.hits


# Carried out here


async def test_a_machine_is_made_from_ones_own_desktop(site: Site, ben: Desk) -> None:
    account = await ben.account(CANARY)
    ask = await ben.create(account, auto_approve=True)
    await succeeds(site, ask.deployment_id)
    [(status, keeper)] = site.sql("SELECT actual_status, state_keeper FROM machine")
    assert (status, keeper) == ("running", ben.device_id)
    [(there,)] = site.sql("SELECT envelope FROM terraform_state")
    assert ben.core.sql("SELECT envelope FROM terraform_state") == [(there,)]
    assert there[:4] == b"MVE1"
    assert not hits(site, ben)
    await ben.core.wiped()


async def test_a_plan_is_approved_by_somebody_else(tmp_path: Path, site: Site, ben: Desk) -> None:
    async with desk(tmp_path / "ada", site, "Ada") as ada:
        ask = await ben.create(await ben.account(CANARY))
        await reaches(site, ask.deployment_id, DeploymentState.AWAITING_APPROVAL)

        async def is_known() -> bool:
            found = await ada.core.deployment(ask.deployment_id)
            return found.state is DeploymentState.AWAITING_APPROVAL

        await until(lambda: arrived(ada, ask.machine_id))
        await until(is_known)
        await ada.call(ApproveDeployment(deployment_id=ask.deployment_id))
        await succeeds(site, ask.deployment_id)
        assert await log_of(ada, ask.deployment_id) == await log_of(ben, ask.deployment_id) != ()
        assert (await ada.core.machine(ask.machine_id)).state_keeper == ben.device_id


async def arrived(door: Desk, machine_id: str) -> bool:
    return bool(door.core.sql("SELECT 1 FROM machine WHERE machine_id = ?", machine_id))


async def test_every_kind_of_run_is_carried_out_here(site: Site, ben: Desk, shim: Path) -> None:
    ask = await ben.create(await ben.account(CANARY), auto_approve=True)
    await succeeds(site, ask.deployment_id)
    for again in (
        StopMachine(machine_id=ask.machine_id, runs_on=ben.device_id),
        RefreshMachine(machine_id=ask.machine_id, runs_on=ben.device_id),
        DestroyMachine(machine_id=ask.machine_id, runs_on=ben.device_id, auto_approve=True),
    ):
        run = await ben.call(again)
        await succeeds(site, run.deployment_id)
    assert site.sql("SELECT actual_status FROM machine") == [(MachineStatus.TERMINATED.value,)]


async def test_a_run_is_cancelled_from_elsewhere(tmp_path: Path, site: Site, ben: Desk, shim: Path) -> None:
    (shim / "apply.hang").touch()
    ask = await ben.create(await ben.account(CANARY), auto_approve=True)
    await until(lambda: of_run(site, ask.deployment_id, "phase_detail") == "apply")
    await until(lambda: is_applying(shim))
    await site.admin.post(f"/api/deployments/{ask.deployment_id}/cancel")
    await reaches(site, ask.deployment_id, DeploymentState.CANCELLED)


async def test_what_the_runners_shall_carry_out_is_left_to_them(site: Site, ben: Desk, shim: Path) -> None:
    account = await ben.account(CANARY, custody=Custody.SERVER)
    there = await ben.create(account, "there", runs_on="", auto_approve=True)
    here = await ben.create(account, "here", auto_approve=True)
    await succeeds(site, here.deployment_id)
    assert of_run(site, there.deployment_id, "state") == "queued"
    assert len(terraform_shim.ledger(shim, "create")) == 1


# The home is away, or the desktop dies


async def test_an_apply_goes_on_while_the_home_is_away(site: Site, ben: Desk, shim: Path) -> None:
    (shim / "apply.hang").touch()
    (shim / "apply.lines").write_text(str(LINES))
    ask = await ben.create(await ben.account(CANARY), auto_approve=True)
    await until(lambda: is_applying(shim))
    ben.line.is_cut = True
    (shim / "apply.hang").unlink()
    await until(lambda: bool(terraform_shim.ledger(shim, "end")))
    assert of_run(site, ask.deployment_id, "state") == "applying"
    ben.line.is_cut = False
    await succeeds(site, ask.deployment_id)
    said = [line.text for line in await log_of(ben, ask.deployment_id)]
    assert [text for text in said if text.startswith("line ")] == [f"line {number}" for number in range(LINES)]
    assert len(terraform_shim.ledger(shim, "create")) == 1


async def test_a_state_is_kept_here_before_the_home_has_it(site: Site, ben: Desk, shim: Path) -> None:
    (shim / "apply.hang").touch()
    ben.line.refuses = "SaveState"
    ask = await ben.create(await ben.account(CANARY), auto_approve=True)
    await until(lambda: is_applying(shim))
    (shim / "apply.hang").unlink()
    await until(lambda: ben.core.sql("SELECT count(*) FROM terraform_state") == [(1,)])
    assert site.sql("SELECT count(*) FROM terraform_state") == [(0,)]
    ben.line.refuses = ""
    await succeeds(site, ask.deployment_id)
    assert site.sql("SELECT count(*) FROM terraform_state") == [(1,)]


async def test_lost_answers_double_nothing(site: Site, ben: Desk, shim: Path) -> None:
    (shim / "apply.lines").write_text(str(LINES))
    ben.line.loses = ["AppendLog", "ClaimDeployment", "ReportPlan", "AppendLog", "SaveState", "ReportOutcome"]
    ask = await ben.create(await ben.account(CANARY), auto_approve=True)
    await succeeds(site, ask.deployment_id)
    await until(lambda: not ben.line.loses)
    said = [line.text for line in await log_of(ben, ask.deployment_id)]
    assert [text for text in said if text.startswith("line ")] == [f"line {number}" for number in range(LINES)]
    assert len(terraform_shim.ledger(shim, "create")) == 1
    assert of_run(site, ask.deployment_id, "attempt") == 2


async def test_no_apply_begins_before_the_home_has_heard_of_the_plan(site: Site, ben: Desk, shim: Path) -> None:
    (shim / "plan.hang").touch()
    ask = await ben.create(await ben.account(CANARY), auto_approve=True)
    await until(lambda: of_run(site, ask.deployment_id, "phase_detail") == "claimed")
    await until(lambda: is_called(shim, "plan"))
    ben.line.is_cut = True
    (shim / "plan.hang").unlink()
    waiting = len(ben.line.asked)
    await ben.core.host.database.change_heads()
    assert terraform_shim.ledger(shim) == []
    ben.line.is_cut = False
    await succeeds(site, ask.deployment_id)
    assert len(ben.line.asked) > waiting


async def test_a_desktop_that_ends_in_mid_apply_takes_the_run_up_again(tmp_path: Path, site: Site, shim: Path) -> None:
    (shim / "apply.hang").touch()
    (shim / "apply.lines").write_text(str(LINES))
    async with desk(tmp_path / "ben", site, "Ben", engine=shim / "terraform", deployer=True) as ben:
        ask = await ben.create(await ben.account(CANARY), auto_approve=True)
        await until(lambda: is_applying(shim))
        before = ben.device_id
    assert of_run(site, ask.deployment_id, "state") == "applying"
    (shim / "apply.hang").unlink()
    await until(lambda: bool(terraform_shim.ledger(shim, "end")))
    async with desk(tmp_path / "ben", site, "Ben", engine=shim / "terraform", deployer=True) as ben:
        assert ben.device_id == before
        await succeeds(site, ask.deployment_id)
        said = [line.text for line in await log_of(ben, ask.deployment_id)]
    assert [text for text in said if text.startswith("line ")] == [f"line {number}" for number in range(LINES)]
    assert len(terraform_shim.ledger(shim, "create")) == 1


@pytest.mark.parametrize("phase", ["plan", "apply"])
async def test_a_desktop_that_is_killed_goes_on_where_it_stopped(
    tmp_path: Path, site: Site, shim: Path, phase: str
) -> None:
    async with desk(tmp_path / "ben", site, "Ben", engine=shim / "terraform") as ben:
        ask = await ben.create(await ben.account(CANARY), auto_approve=True)
    (shim / f"{phase}.hang").touch()
    (shim / f"{phase}.lines").write_text(str(LINES))
    victim = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.fakes.desktop_victim",
        cwd=Path(__file__).parents[2],
        env={**os.environ, "MACHINA_HOME": str(tmp_path / "ben"), "MACHINA_VAULT": "key-file"},
    )
    try:
        await until(lambda: is_called(shim, phase))
        await until(lambda: of_run(site, ask.deployment_id, "phase_detail") in {"claimed", "apply"})
    finally:
        victim.kill()
        await victim.wait()
    (shim / f"{phase}.hang").unlink()
    async with desk(tmp_path / "ben", site, "Ben", engine=shim / "terraform", deployer=True) as ben:
        await succeeds(site, ask.deployment_id)
        said = [line.text for line in await log_of(ben, ask.deployment_id)]
    assert [text for text in said if text.startswith("line ")] == [f"line {number}" for number in range(LINES)]
    assert len(terraform_shim.ledger(shim, "create")) == 1
    assert of_run(site, ask.deployment_id, "attempt") == 2


async def test_a_home_on_postgresql_takes_runs_and_secrets_as_well(tmp_path: Path, shim: Path) -> None:
    with postgres.in_use():
        url = postgres.server().url(postgres.database_of(tmp_path / "machina.db")).reveal()
        async with running(tmp_path / "server", variables={"DATABASE_URL": url}) as site:
            site.admin = await site.person("Ada")
            site.team_id = (await site.admin.post("/api/teams", name="Crew", handle="crew"))["team_id"]
            key = RegisterRunnerKey(public_key=sealed_box.encoded(VAULT.recipient.public_key))
            await site.host.dispatcher.execute(RUNNER, key)
            with pytest.MonkeyPatch.context() as environment:
                # The desktop keeps its own file.
                environment.delenv(postgres.STORE)
                await _on_postgresql(tmp_path, site, shim)


async def _on_postgresql(tmp_path: Path, site: Site, shim: Path) -> None:
    install(KeyedProvider())
    async with desk(tmp_path / "ben", site, "Ben", engine=shim / "terraform", deployer=True) as ben:
        account = await ben.account(CANARY, custody=Custody.SERVER)
        ask = await ben.create(account, auto_approve=True)

        async def has_ended() -> bool:
            run = await site.admin.get(f"/api/deployments/{ask.deployment_id}")
            return bool(run["finished_at"])

        await until(has_ended)
        run = await site.admin.get(f"/api/deployments/{ask.deployment_id}")
        assert run["state"] == "succeeded", run
        assert (await ben.call(HandOver(machine_id=ask.machine_id))).state_keeper == ""


# Where a run may be carried out


async def refused(door: Desk, ask: Request[Any], error: type[MachinaError] = Conflict) -> str:
    with pytest.raises(error) as caught:
        await door.call(ask)
    return caught.value.code


async def test_a_run_goes_where_credentials_and_record_are(tmp_path: Path, site: Site, ben: Desk) -> None:
    account = await ben.account(CANARY)
    with pytest.raises(Conflict) as caught:
        await ben.create(account, runs_on="")
    assert (caught.value.code, "Ben's laptop" in caught.value.message) == ("E-NOT-HERE", True)
    ask = await ben.create(account, auto_approve=True)
    await succeeds(site, ask.deployment_id)
    async with desk(tmp_path / "ada", site, "Ada") as ada:
        await until(lambda: arrived(ada, ask.machine_id))
        code = await refused(ada, RefreshMachine(machine_id=ask.machine_id, runs_on=ada.device_id))
        assert code == "E-NOT-HERE"


async def test_without_runners_a_run_is_carried_out_here_or_not_at_all(site: Site, ben: Desk) -> None:
    account = await ben.account(CANARY, custody=Custody.SERVER)
    site.sql("UPDATE runner_key SET retired_at = created_at")
    with pytest.raises(Conflict) as caught:
        await ben.create(account, runs_on="")
    assert (caught.value.code, "machina-runner" in caught.value.hint) == ("E-NO-RUNNER", True)
    await ben.create(account)


async def test_what_lives_on_a_desktop_never_runs_on_a_server(site: Site, ben: Desk) -> None:
    install(PracticeLike())
    account = await site.account("practice")
    body = {"team_id": site.team_id, "account_id": account, "name": "m1"}
    answer = await site.admin.http.post("/api/machines", json=body)
    assert (answer.status_code, answer.json()["code"]) == (409, "E-NOT-ON-A-SERVER")


async def test_nobody_lets_somebody_elses_computer_run(site: Site, ben: Desk) -> None:
    account = await ben.account(CANARY)
    body = {"team_id": site.team_id, "account_id": account.provider_account_id, "name": "m1"}
    for runs_on, status, code in ((ben.device_id, 403, "E-DEVICE"), ("elsewhere", 422, "E-ID")):
        answer = await site.admin.http.post("/api/machines", json={**body, "runs_on": runs_on})
        assert (answer.status_code, answer.json()["code"]) == (status, code)


async def test_a_team_of_this_computer_needs_no_choice(ben: Desk) -> None:
    fields = {"api_token": Secret(CANARY)}
    add = AddAccount(team_id=ben.core.team_id, type=ProviderType.SANDBOX, label="own", fields=fields)
    own = await ben.call(add)
    ask = CreateMachine(team_id=ben.core.team_id, account_id=own.provider_account_id, name="m1", runs_on=ben.device_id)
    await refused(ben, ask, InvalidInput)
    ask = replace(ask, runs_on="", auto_approve=True)
    await ben.call(ask)
    assert (await ben.core.ended(ask.deployment_id)).state is DeploymentState.SUCCEEDED


async def test_a_command_may_say_here(site: Site, ben: Desk) -> None:
    account = await ben.account(CANARY)
    words = ("--name", "m1", "--account", account.label, "--runs-on", "here")
    for team_id, expected in ((site.team_id, ben.device_id), (ben.core.team_id, "")):
        order = parse(find_command("machines", "create"), ("--team", team_id, *words))
        if not expected:
            await ben.call(
                AddAccount(
                    team_id=team_id,
                    type=ProviderType.SANDBOX,
                    label=account.label,
                    fields={"api_token": Secret(CANARY)},
                )
            )
        ask = await Session(ben.core.host, order)._request()
        assert isinstance(ask, CreateMachine)
        assert (ask.team_id, ask.runs_on) == (team_id, expected)


async def test_a_machine_is_handed_over_to_the_server(tmp_path: Path, site: Site, ben: Desk) -> None:
    account = await ben.account(CANARY, custody=Custody.SERVER)
    ask = await ben.create(account, auto_approve=True)
    await succeeds(site, ask.deployment_id)
    there = RefreshMachine(machine_id=ask.machine_id)
    assert await refused(ben, there) == "E-STATE-ELSEWHERE"
    async with desk(tmp_path / "ada", site, "Ada") as ada:
        await until(lambda: arrived(ada, ask.machine_id))
        assert await refused(ada, HandOver(machine_id=ask.machine_id)) == "E-NOT-HERE"
    assert (await ben.call(HandOver(machine_id=ask.machine_id))).state_keeper == ""
    [(serial, envelope)] = site.sql("SELECT serial, envelope FROM terraform_state")
    place = (site.team_id, "terraform_state", ask.machine_id, "state", serial)
    assert b'"serial"' in VAULT.open_bytes(*place, bytes(envelope))
    assert ("machine.record_hand_over", "succeeded") in site.sql("SELECT action, outcome FROM audit_event")
    here = RefreshMachine(machine_id=ask.machine_id, runs_on=ben.device_id)
    assert await refused(ben, here) == "E-STATE-ELSEWHERE"
    await ben.call(there)


# Who may report


def reports(deployment_id: str, fence: int = 1) -> dict[str, dict[str, Any]]:
    """What is said of a run, by the end of its route."""
    held: dict[str, Any] = {"fence": fence}
    return {
        "phase": {**held, "phase": "apply"},
        "plan": {**held, "summary": {}, "digest": "0" * 64, "serial": 1},
        "logs": {**held, "lines": [], "cursors": {}},
        "state": {**held, "lineage": "l", "serial": 9, "envelope": base64.b64encode(b"x").decode(), "is_empty": True},
        "facts": {**held, "machine": {"ssh_host": "evil.example.org"}},
        "outcome": {**held, "state": "succeeded", "touched": False},
        "renew": {**held, "lease_s": 9e9},
        "expire": {"waiting_since": "2999-01-01T00:00:00Z"},
        "take-over": {"dead_runner_id": "", "runner_id": "x:1:1:y", "lease_s": 30},
    }


async def test_nobody_reports_on_somebody_elses_run(site: Site, ben: Desk) -> None:
    ask = await ben.create(await ben.account(CANARY))
    await reaches(site, ask.deployment_id, DeploymentState.AWAITING_APPROVAL)
    row = site.sql("SELECT * FROM deployment")
    path = f"/api/runner/deployments/{ask.deployment_id}"
    for name, body in reports(ask.deployment_id).items():
        answer = await site.admin.http.post(f"{path}/{name}", json=body)
        assert (answer.status_code, answer.json()["code"]) == (403, "E-NOT-YOURS"), f"{name}: {answer.text}"
    for name in ("", "/lease"):
        answer = await site.admin.http.get(f"{path}{name}")
        assert (answer.status_code, answer.json()["code"]) == (403, "E-NOT-YOURS"), answer.text
    claims = {"runner_id": "x:1:1:y", "lease_s": 30, "device_id": ben.device_id}
    assert (await site.admin.http.post("/api/runner/claims", json=claims)).status_code == 403
    mine = {**claims, "device_id": new_id("device")}
    assert (await site.admin.http.post("/api/runner/claims", json=mine)).json() is None
    assert site.sql("SELECT * FROM deployment") == row


async def test_nobody_reports_on_what_the_runners_carry_out(site: Site) -> None:
    """Not even whoever asked for it."""
    _machine_id, deployment_id = await site.machine("m1", await web_account(site))
    fence = await site.claim(deployment_id)
    path = f"/api/runner/deployments/{deployment_id}"
    for name, body in reports(deployment_id, fence).items():
        answer = await site.admin.http.post(f"{path}/{name}", json=body)
        assert (answer.status_code, answer.json()["code"]) == (403, "E-NOT-YOURS"), f"{name}: {answer.text}"
    assert (await site.admin.http.post("/api/runner/claims", json={"runner_id": "x", "lease_s": 1})).status_code == 422
    assert (await site.admin.http.post(f"{path}/requeue", json={"fence": fence})).status_code == 404


async def web_account(site: Site) -> str:
    fields = {"api_token": CANARY}
    made = await site.admin.post("/api/providers/sandbox/accounts", team_id=site.team_id, label="w", fields=fields)
    return str(made["provider_account_id"])


async def test_another_session_of_the_same_person_does_not_report(site: Site, ben: Desk) -> None:
    ask = await ben.create(await ben.account(CANARY))
    await reaches(site, ask.deployment_id, DeploymentState.AWAITING_APPROVAL)
    given = await site.visitor().post(
        "/api/auth/login", email="ben@example.org", password="correct horse battery staple", kind="device"
    )
    other = site.visitor(given["token"])
    claims = {"runner_id": "x:1:1:y", "lease_s": 30, "device_id": new_id("device")}
    assert (await other.http.post("/api/runner/claims", json=claims)).json() is None
    path = f"/api/runner/deployments/{ask.deployment_id}/phase"
    answer = await other.http.post(path, json={"fence": 1, "phase": "apply"})
    assert (answer.status_code, answer.json()["code"]) == (403, "E-DEVICE")


async def test_a_plan_that_waits_is_discarded_by_its_desktop(site: Site, ben: Desk) -> None:
    ask = await ben.create(await ben.account(CANARY))
    await reaches(site, ask.deployment_id, DeploymentState.AWAITING_APPROVAL)
    await ben.call(CancelDeployment(deployment_id=ask.deployment_id))
    await reaches(site, ask.deployment_id, DeploymentState.CANCELLED)
    await ben.core.wiped()
    assert ben.core.host._deployer is not None


async def test_who_may_only_read_reports_nothing(site: Site, ben: Desk) -> None:
    ask = await ben.create(await ben.account(CANARY))
    await reaches(site, ask.deployment_id, DeploymentState.AWAITING_APPROVAL)
    site.sql("UPDATE user SET role = 'readonly' WHERE display_name = 'Ben'")
    with pytest.raises(Forbidden):
        await ben.call(ApproveDeployment(deployment_id=ask.deployment_id))


async def test_a_run_whose_desktop_never_comes_back_is_ended_by_force(site: Site, shim: Path, tmp_path: Path) -> None:
    (shim / "apply.hang").touch()
    async with desk(tmp_path / "ben", site, "Ben", engine=shim / "terraform", deployer=True) as ben:
        ask = await ben.create(await ben.account(CANARY), auto_approve=True)
        await until(lambda: is_applying(shim))
    path = f"/api/deployments/{ask.deployment_id}/cancel"
    await site.admin.post(path)
    await site.admin.post(path, force=True)
    assert of_run(site, ask.deployment_id, "state") == "applying"
    site.sql("UPDATE lease SET until = '2026-01-01T00:00:00+00:00'")
    ended = await site.admin.post(path, force=True)
    assert (ended["state"], ended["error_code"]) == ("failed", "E-DEVICE-GONE")
    assert site.sql("SELECT actual_status FROM machine") == [("error",)]
    (shim / "apply.hang").unlink()
    await until(lambda: bool(terraform_shim.ledger(shim, "end")))


async def test_a_deleted_account_is_forgotten_here_as_well(site: Site, ben: Desk) -> None:
    account = await ben.account(CANARY)
    await ben.call(DeleteAccount(account_id=account.provider_account_id))
    assert ben.core.sql("SELECT count(*) FROM sealed WHERE team_id = ?", site.team_id) == [(0,)]
