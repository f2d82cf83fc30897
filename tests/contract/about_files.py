"""Scenarios of what a team's home hears of files of its machines and of tunnels to them."""

from __future__ import annotations

from typing import Any

from machina_desktop.core.errors import Forbidden, NotFound
from machina_desktop.core.ids import new_id
from machina_desktop.core.services.transfers import FileDeed, RecordFiles
from machina_desktop.core.services.tunnels import RecordTunnel
from machina_desktop.core.services.use_case import Request
from tests.contract.scenarios import scenario
from tests.contract.world import World

Ask = Request[Any]


@scenario(RecordFiles, who="runner")
async def work_with_files_is_recorded(w: World) -> Ask:
    return RecordFiles(
        team_id=w.team_id,
        machine_id=await w.machine(),
        deed=FileDeed.UPLOAD,
        about="Grüße ☃ to /srv, 1 files, 5 bytes",
    )


@scenario(RecordFiles, who="runner", fails=(NotFound, "E-NOT-FOUND"))
async def files_of_an_unknown_machine_are_nobodys(w: World) -> Ask:
    return RecordFiles(team_id=w.team_id, machine_id=new_id("machine"), deed=FileDeed.DELETE, about="/srv")


@scenario(RecordFiles, who="reader", fails=(Forbidden, "E-FORBIDDEN"))
async def who_may_only_read_works_with_no_files(w: World) -> Ask:
    return RecordFiles(team_id=w.team_id, machine_id=await w.machine(), deed=FileDeed.DOWNLOAD, about="/srv")


@scenario(RecordTunnel, who="runner")
async def a_tunnel_is_recorded(w: World) -> Ask:
    return RecordTunnel(team_id=w.team_id, machine_id=await w.machine(), about="local 127.0.0.1:8080 to 127.0.0.1:80")


@scenario(RecordTunnel, who="runner", fails=(NotFound, "E-NOT-FOUND"))
async def a_tunnel_through_an_unknown_machine_is_nobodys(w: World) -> Ask:
    return RecordTunnel(team_id=w.team_id, machine_id=new_id("machine"), about="x")
