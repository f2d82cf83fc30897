"""What is done with files and tunnels stands in the audit trail, with names and sizes, and readers do none of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from machina_desktop.core.errors import Forbidden, NotFound
from machina_desktop.core.services.audit import ListAuditEvents
from machina_desktop.core.services.transfers import DETAIL_LIMIT, FileDeed, RecordFiles
from machina_desktop.core.services.tunnels import RecordTunnel
from tests.fakes.hosts import Core, core


@pytest_asyncio.fixture
async def made(tmp_path: Path) -> AsyncIterator[Core]:
    async with core(tmp_path) as running:
        yield running


async def details(made: Core, action: str) -> list[tuple[str, str]]:
    found = await made.call(ListAuditEvents(team_id=made.team_id, action=action))
    return [(event.target, event.detail) for event in found]


async def test_a_deed_with_files_is_in_the_trail_with_its_names_and_sizes(made: Core) -> None:
    machine_id = (await made.create()).machine_id
    ask = RecordFiles(
        team_id=made.team_id, machine_id=machine_id, deed=FileDeed.UPLOAD, about="/a to /srv, 1 files, 5 bytes"
    )
    await made.call(ask)
    ((target, detail),) = await details(made, "machine.files")
    assert machine_id in target
    assert detail == "upload /a to /srv, 1 files, 5 bytes"


async def test_a_tunnel_is_in_the_trail_with_where_it_leads(made: Core) -> None:
    machine_id = (await made.create()).machine_id
    about = "local 127.0.0.1:8080 to 127.0.0.1:80"
    await made.call(RecordTunnel(team_id=made.team_id, machine_id=machine_id, about=about))
    ((_target, detail),) = await details(made, "machine.tunnel")
    assert detail == about


async def test_who_may_only_read_does_neither(made: Core) -> None:
    machine_id = (await made.create()).machine_id
    door = made.door(made.reader)
    with pytest.raises(Forbidden):
        await door.call(RecordFiles(team_id=made.team_id, machine_id=machine_id, deed=FileDeed.DELETE))
    with pytest.raises(Forbidden):
        await door.call(RecordTunnel(team_id=made.team_id, machine_id=machine_id, about="x"))


async def test_a_machine_that_is_not_the_teams_is_unknown(made: Core) -> None:
    with pytest.raises(NotFound):
        await made.call(RecordFiles(team_id=made.team_id, machine_id="machine-none", deed=FileDeed.DELETE))


def test_a_long_list_of_names_is_cut() -> None:
    ask = RecordFiles(team_id="t", machine_id="m", deed=FileDeed.DELETE, about="x" * 5000)
    assert len(ask.audit_detail) == DETAIL_LIMIT
