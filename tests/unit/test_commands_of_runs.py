"""What Terraform is started with: where an apply makes something, its provider asks for nothing twice."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from machina_desktop.core.domain.log_line import LogLine
from machina_desktop.core.domain.plan import PlanSummary
from machina_desktop.core.events import ProgressMade
from machina_desktop.core.process import Command
from machina_desktop.core.workers.commands import Commands, Surroundings
from machina_desktop.core.workers.log_pump import LogPump


async def keep(lines: tuple[LogLine, ...], cursors: Mapping[str, int]) -> None:
    """Nobody reads this log."""


def hear(made: ProgressMade) -> None:
    """Nobody follows."""


async def environment_of(folder: Path, phase: str, plan: PlanSummary | None) -> str:
    """The environment that a command of that phase is started with."""

    async def credentials() -> Mapping[str, str]:
        return {"TOKEN": "mine", "RETRIES": "4"}

    surroundings = Surroundings(
        deployment_id="run-1",
        cwd=folder,
        launches=folder / "launches",
        config_file=folder / "terraform.rc",
        plugin_cache=folder / "cache",
        credentials=credentials,
        once={"RETRIES": "0"},
    )
    commands = Commands(surroundings, LogPump(keep, {}), hear, cancel_level=0)
    commands.plan = plan
    await commands.execute(phase, (Command(("env",), "environment"),))
    return (commands.folder(phase) / "environment").read_text()


@pytest.mark.parametrize(
    ("phase", "plan", "retries"),
    [
        ("apply", PlanSummary(add=1), "0"),
        ("apply", PlanSummary(add=1, remove=1), "0"),
        ("apply", PlanSummary(change=1), "4"),
        ("apply", PlanSummary(remove=1), "4"),
        ("plan", None, "4"),
        ("recover", PlanSummary(add=1), "4"),
    ],
)
async def test_only_an_apply_that_makes_something_asks_once(
    tmp_path: Path, phase: str, plan: PlanSummary | None, retries: str
) -> None:
    told = (await environment_of(tmp_path, phase, plan)).splitlines()
    assert {"TOKEN=mine", f"RETRIES={retries}"} <= set(told)
