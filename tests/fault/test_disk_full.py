"""On a full disk every refusal has a code and a next step, nothing is spoilt, and work goes on once there is space.

Each test runs in a process of its own, in a mount namespace with a small disk; an ordinary user gets one, too. The
acts below are what such a process does: ``python -m tests.fault.test_disk_full ACT DISK OUTSIDE``.
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import sqlite3
import sys
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from machina_desktop.core.domain.deployment import DeploymentState
from machina_desktop.core.domain.provider import ProviderType
from machina_desktop.core.errors import MachinaError
from machina_desktop.core.services.audit import VerifyAudit
from machina_desktop.core.services.device import ChangeSetting, LockVault, UnlockVault
from machina_desktop.core.services.keys import ExportKey, GenerateKey, GetKey, ListKeys
from machina_desktop.core.services.machines import CreateMachine, ListMachines, UpdateMachine
from machina_desktop.core.services.providers import AddAccount
from machina_desktop.core.services.use_case import Request
from machina_desktop.core.workers import deployer as deployer_module
from machina_desktop.core.workers import recorder as recorder_module
from tests.fakes import terraform_shim
from tests.fakes.hosts import Core, core, until
from tests.fault.small_disk import act_on_small_disk

SIZE = "3m"
LINES = 200


def fill(disk: Path) -> Path:
    """Use up the last byte of the disk; answers the file to remove."""
    ballast = disk / "ballast"
    with contextlib.suppress(OSError), ballast.open("wb", buffering=0) as file:
        for size in (65536, 4096, 1):
            with contextlib.suppress(OSError):
                while True:
                    file.write(bytes(size))
    assert shutil.disk_usage(disk).free == 0
    return ballast


async def refusal(made: Core, ask: Request[Any]) -> str:
    """The code with which ``ask`` is refused; empty when it found room after all."""
    answers: tuple[Any, ...] = await asyncio.gather(made.call(ask), return_exceptions=True)
    answer = answers[0]
    if not isinstance(answer, BaseException):
        return ""
    assert isinstance(answer, MachinaError), answer
    assert answer.message
    assert answer.hint
    return answer.code


def check(database: Path) -> None:
    with closing(sqlite3.connect(database)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


async def every_write_is_refused_and_works_again(disk: Path, outside: Path) -> None:
    async with core(disk / "home") as made:
        key = await made.call(GenerateKey(team_id=made.team_id, name="before"))
        ask = await made.create("before", notes="x")
        account = ask.account_id

        def writes(mark: str) -> list[Request[Any]]:
            return [
                GenerateKey(team_id=made.team_id, name=f"key {mark}"),
                AddAccount(team_id=made.team_id, type=ProviderType.SANDBOX, label=f"account {mark}"),
                CreateMachine(team_id=made.team_id, account_id=account, name=f"m-{mark}", notes="y" * 9000),
                UpdateMachine(machine_id=ask.machine_id, notes="z" * 9000),
                ExportKey(key_id=key.ssh_key_id, to=str(disk / f"exported-{mark}")),
                ChangeSetting(key="concurrent_runs", value="2"),
            ]

        ballast = fill(disk)
        refused = [await refusal(made, write) for write in writes("full")]
        assert [code for code in refused if code], "the disk was not full"
        assert set(refused) <= {"", "E-DISK-FULL", "E-FILE-WRITE", "E-SETTINGS"}, refused
        assert not (disk / "exported-full").exists()
        assert (await made.call(GetKey(key_id=key.ssh_key_id))).name == "before"
        assert await made.call(ListMachines(team_id=made.team_id))
        await made.call(LockVault())
        await made.call(UnlockVault(slot="key-file"))
        await asyncio.to_thread(ballast.unlink)
        assert [await refusal(made, write) for write in writes("free")] == [""] * 6
        assert (await made.call(VerifyAudit(team_id=made.team_id))).broken_at is None
        assert {"before", "key free"} <= {found.name for found in await made.call(ListKeys(team_id=made.team_id))}
    check(disk / "home" / "machina.db")


async def a_run_waits_for_space_and_goes_on(disk: Path, outside: Path) -> None:
    """Only the database's disk is full: what Terraform prints and keeps lies elsewhere."""
    deployer_module.LOOK_S = recorder_module.LOOK_S = 0.1
    shim = terraform_shim.install(outside / "shim").parent
    (shim / "apply.hang").touch()
    (shim / "apply.lines").write_text(str(LINES))
    home = disk / "home"
    home.mkdir(mode=0o700)
    (outside / "runs").mkdir(mode=0o700)
    (home / "runs").symlink_to(outside / "runs")
    async with core(home, engine=shim / "terraform", deployer=True) as made:
        ask = await made.create(auto_approve=True)
        await made.in_phase(ask.deployment_id, "apply")
        ballast = fill(disk)
        (shim / "apply.hang").unlink()
        await until(lambda: bool(terraform_shim.ledger(shim, "end")))
        await asyncio.sleep(0.5)
        assert (await made.deployment(ask.deployment_id)).state is DeploymentState.APPLYING
        ballast.unlink()
        ended = await made.ended(ask.deployment_id)
        assert ended.state is DeploymentState.SUCCEEDED, ended.error_message
        said = [text for text in await made.log(ask.deployment_id) if text.startswith("line ")]
        assert said == [f"line {number}" for number in range(LINES)]
        assert made.sql("SELECT count(*) FROM terraform_state") == [(1,)]
    assert len(terraform_shim.ledger(shim, "create")) == 1
    check(home / "machina.db")


async def a_queued_run_is_claimed_once_there_is_space(disk: Path, outside: Path) -> None:
    deployer_module.LOOK_S = recorder_module.LOOK_S = 0.1
    shim = terraform_shim.install(outside / "shim")
    async with core(disk / "home", engine=shim) as made:
        asks = [await made.create(f"m{number}", auto_approve=True, notes="n" * 3000) for number in range(3)]
        ballast = fill(disk)
        made.host.start_deployer()
        await asyncio.sleep(0.5)
        ballast.unlink()
        for ask in asks:
            ended = await made.ended(ask.deployment_id)
            assert ended.state is DeploymentState.SUCCEEDED or ended.error_code == "E-RUN-FOLDER", ended.error_code
        late = await made.made("late")
        assert late.name == "late"
    check(disk / "home" / "machina.db")


async def start_and_stop(home: Path) -> None:
    async with core(home):
        pass


async def a_start_is_refused_and_works_later(disk: Path, outside: Path) -> None:
    ballast = fill(disk)
    with pytest.raises(MachinaError) as caught:
        await start_and_stop(disk / "home")
    assert caught.value.code in {"E-HOME", "E-DISK-FULL", "E-DB-OPEN"}, caught.value.code
    assert caught.value.hint
    ballast.unlink()
    async with core(disk / "home") as made:
        await made.create()
    ballast = fill(disk)
    async with core(disk / "home") as made:
        assert len((await made.call(ListMachines(team_id=made.team_id)))[:]) == 1
    check(disk / "home" / "machina.db")


ACTS: dict[str, Callable[[Path, Path], Awaitable[None]]] = {
    act.__name__: act
    for act in (
        every_write_is_refused_and_works_again,
        a_run_waits_for_space_and_goes_on,
        a_queued_run_is_claimed_once_there_is_space,
        a_start_is_refused_and_works_later,
    )
}


@pytest.mark.fault
@pytest.mark.parametrize("act", ACTS)
def test_on_a_full_disk(act: str, tmp_path: Path) -> None:
    act_on_small_disk("tests.fault.test_disk_full", act, tmp_path, size=SIZE)


if __name__ == "__main__":
    asyncio.run(ACTS[sys.argv[1]](Path(sys.argv[2]), Path(sys.argv[3])))  # type: ignore[arg-type]
