"""Scenarios of what a team's home hears of shells on its machines, and of the host keys people recognise."""

from __future__ import annotations

from typing import Any

from machina_desktop.core.domain.provider import ProviderType
from machina_desktop.core.errors import Conflict, Forbidden, InvalidInput, NotFound
from machina_desktop.core.ids import new_id
from machina_desktop.core.services.terminals import (
    CloseTerminal,
    PinHostKey,
    PinPrintedHostKey,
    RecordJumpHost,
    RecordTerminal,
)
from machina_desktop.core.services.use_case import Request
from tests.contract.scenarios import scenario
from tests.contract.world import World

Ask = Request[Any]
KEY = "SHA256:" + "k" * 43
OTHER = "SHA256:" + "o" * 43


@scenario(RecordTerminal, who="runner")
async def a_shell_is_recorded(w: World) -> Ask:
    return RecordTerminal(team_id=w.team_id, machine_id=await w.machine(), terminal_id=new_id("terminal"))


@scenario(RecordTerminal, who="runner", fails=(NotFound, "E-NOT-FOUND"))
async def a_shell_on_an_unknown_machine_is_nobodys(w: World) -> Ask:
    return RecordTerminal(team_id=w.team_id, machine_id=new_id("machine"), terminal_id=new_id("terminal"))


@scenario(RecordTerminal, who="reader", fails=(Forbidden, "E-FORBIDDEN"))
async def who_may_only_read_opens_no_shell(w: World) -> Ask:
    return RecordTerminal(team_id=w.team_id, machine_id=await w.machine(), terminal_id=new_id("terminal"))


@scenario(CloseTerminal, who="runner")
async def the_end_of_a_shell_is_recorded(w: World) -> Ask:
    return CloseTerminal(team_id=w.team_id, machine_id=await w.machine(), terminal_id=new_id("terminal"), seconds=61)


@scenario(CloseTerminal, who="runner", fails=(NotFound, "E-NOT-FOUND"))
async def the_end_of_a_shell_on_an_unknown_machine_is_nobodys(w: World) -> Ask:
    return CloseTerminal(team_id=w.team_id, machine_id=new_id("machine"), terminal_id=new_id("terminal"), seconds=1)


@scenario(RecordJumpHost, who="runner")
async def a_jump_host_of_ones_own_is_recorded(w: World) -> Ask:
    machine_id = await w.machine()
    return RecordJumpHost(team_id=w.team_id, machine_id=machine_id, host="jump.example.org", port=22, host_key=KEY)


@scenario(RecordJumpHost, who="reader", fails=(Forbidden, "E-FORBIDDEN"))
async def who_may_only_read_passes_no_jump_host(w: World) -> Ask:
    machine_id = await w.machine()
    return RecordJumpHost(team_id=w.team_id, machine_id=machine_id, host="jump.example.org", port=22, host_key=KEY)


@scenario(PinHostKey)
async def a_recognised_host_key_is_pinned(w: World) -> Ask:
    return PinHostKey(machine_id=await w.machine(), host_key=KEY)


@scenario(PinHostKey)
async def a_pinned_host_key_is_pinned_again(w: World) -> Ask:
    machine_id = await w.machine()
    await w.here("admin", PinHostKey(machine_id=machine_id, host_key=KEY))
    return PinHostKey(machine_id=machine_id, host_key=KEY)


@scenario(PinHostKey, fails=(Conflict, "E-SSH-HOST-KEY"))
async def a_host_key_takes_no_other_ones_place_unsaid(w: World) -> Ask:
    machine_id = await w.machine()
    await w.here("admin", PinHostKey(machine_id=machine_id, host_key=OTHER))
    return PinHostKey(machine_id=machine_id, host_key=KEY)


@scenario(PinHostKey, fails=(InvalidInput, "E-INPUT"))
async def what_is_no_fingerprint_is_not_pinned(w: World) -> Ask:
    return PinHostKey(machine_id=await w.machine(), host_key="MD5:00")


@scenario(PinHostKey, who="reader", fails=(Forbidden, "E-FORBIDDEN"))
async def who_may_only_read_pins_nothing(w: World) -> Ask:
    return PinHostKey(machine_id=await w.machine(), host_key=KEY)


async def _machine_of_google(w: World) -> str:
    """A machine whose provider tells what it printed; nobody asks it here."""
    machine_id = await w.machine()
    statement = "UPDATE machine SET provider = :provider, provider_resource_id = 'web-1' WHERE machine_id = :key"
    await w.sql(statement, provider=ProviderType.GCP.value, key=machine_id)
    return machine_id


@scenario(PinPrintedHostKey, who="runner")
async def a_host_key_that_its_machine_printed_is_pinned(w: World) -> Ask:
    return PinPrintedHostKey(machine_id=await _machine_of_google(w), host_key=KEY)


@scenario(PinPrintedHostKey, who="runner")
async def a_printed_host_key_that_a_person_has_accepted_stays_theirs(w: World) -> Ask:
    machine_id = await w.machine()
    await w.here("admin", PinHostKey(machine_id=machine_id, host_key=KEY))
    return PinPrintedHostKey(machine_id=machine_id, host_key=KEY)


@scenario(PinPrintedHostKey, who="runner", fails=(Conflict, "E-SSH-HOST-KEY"))
async def no_printed_host_key_takes_the_place_of_an_accepted_one(w: World) -> Ask:
    machine_id = await _machine_of_google(w)
    await w.here("admin", PinHostKey(machine_id=machine_id, host_key=OTHER))
    return PinPrintedHostKey(machine_id=machine_id, host_key=KEY, instead_of=OTHER)


@scenario(PinPrintedHostKey, who="runner", fails=(Conflict, "E-SSH-HOST-KEY"))
async def a_machine_whose_provider_cannot_tell_has_printed_nothing(w: World) -> Ask:
    return PinPrintedHostKey(machine_id=await w.machine(), host_key=KEY)


@scenario(PinPrintedHostKey, who="reader", fails=(Forbidden, "E-FORBIDDEN"))
async def who_may_only_read_pins_no_printed_host_key(w: World) -> Ask:
    return PinPrintedHostKey(machine_id=await w.machine(), host_key=KEY)
