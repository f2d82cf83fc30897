"""Whether a server still runs its rescue system is told by what was done to it at Hetzner's console."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from machina_desktop.core.domain.machine import RESCUE, MachineStatus
from machina_desktop.core.providers.base import HookContext
from tests.fakes.clouds.served import Fault
from tests.fakes.clouds.stage import Stage, stage_of


@pytest.fixture
def hetzner() -> Iterator[Stage]:
    with stage_of("hetzner") as made:
        yield made


@pytest.mark.parametrize(
    ("commands", "has_left", "host_key"),
    [
        ((), False, None),
        (("poweroff",), False, None),
        (("poweroff", "poweron"), True, None),
        (("rebuild",), True, ""),
        (("reboot", "enable_rescue", "reset"), False, None),
    ],
)
async def test_who_left_the_rescue_system_at_the_providers_console_is_seen(
    hetzner: Stage, commands: tuple[str, ...], *, has_left: bool, host_key: str | None
) -> None:
    context = in_rescue_at(hetzner)
    for command in ("enable_rescue", "reset", *commands):
        hetzner.do(context, command)
    facts = await hetzner.provider.observe(context)
    assert (facts.has_left_rescue, facts.host_key) == (has_left, host_key)


async def test_a_machine_stays_in_its_rescue_system_while_nobody_can_tell_whether_it_was_left(hetzner: Stage) -> None:
    context = in_rescue_at(hetzner)
    path = f"/v1/servers/{context.machine.provider_resource_id}/actions"
    hetzner.fake.faults.append(Fault(match=f"GET {path}", status=403, code="forbidden"))
    facts = await hetzner.provider.observe(context)
    assert (facts.status, facts.has_left_rescue) == (MachineStatus.RUNNING, False)
    assert "still runs its rescue system could not be asked" in hetzner.lines[-1]


def in_rescue_at(stage: Stage) -> HookContext:
    context = stage.context(stage.add())
    return replace(context, machine=replace(context.machine, facts={RESCUE: "since today"}))
