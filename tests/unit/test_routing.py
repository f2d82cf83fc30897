"""One door for teams of all homes: what is asked here, what at the home, and as whom."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from machina_desktop.core.domain.deployment import Deployment, DeploymentType
from machina_desktop.core.domain.origins import is_plain, origin_of
from machina_desktop.core.domain.team import Access, TeamRole
from machina_desktop.core.errors import MachinaError, NotFound, Unavailable
from machina_desktop.core.ids import new_id, now
from machina_desktop.core.secret import Secret
from machina_desktop.core.services.audit import GetAuditEvent, ListAuditEvents
from machina_desktop.core.services.invites import CreateInvite, ListInvites
from machina_desktop.core.services.machines import ListMachines
from machina_desktop.core.services.members import AddGrant, LeaveTeam, ListMembers
from machina_desktop.core.services.reports import ClaimDeployment
from machina_desktop.core.services.servers import CreateTeamAtServer, JoinAtServer, SignInAtServer
from machina_desktop.core.services.teams import CreateTeam, GetTeam, ListTeams, UpdateTeam, WhoAmI
from machina_desktop.core.workers.deployer import RUNNER
from tests.fakes.homes import URL, Shared, add_machine, shared, write
from tests.fakes.hosts import core, until

AWAY = Unavailable("home.example.org cannot be reached.", code="E-OFFLINE")


@pytest.fixture
async def made(tmp_path: Path) -> AsyncIterator[Shared]:
    async with shared(tmp_path, role=TeamRole.ADMIN, follows=False) as both:
        yield both


async def test_reads_need_no_line(made: Shared) -> None:
    machine = await add_machine(made.home.host, made.team_id)
    await made.desk.host.connections.of(made.server_id).catch_up(made.team_id)
    made.home.trouble = AWAY
    asked = len(made.home.asked)
    assert [each.name for each in await made.desk.call(ListMachines(team_id=made.team_id))] == ["m1"]
    assert (await made.desk.machine(machine.machine_id)).team_id == made.team_id
    assert len(made.home.asked) == asked


async def test_what_no_copy_holds_is_asked_at_the_home(made: Shared) -> None:
    await made.home.host.gateway.call(UpdateTeam(team_id=made.team_id, name="Crew"))
    events = await made.desk.call(ListAuditEvents(team_id=made.team_id))
    assert events == await made.home.host.gateway.call(ListAuditEvents(team_id=made.team_id))
    assert await made.desk.call(GetAuditEvent(audit_event_id=events[0].audit_event_id)) == events[0]
    with pytest.raises(NotFound):
        await made.desk.call(GetAuditEvent(audit_event_id=new_id("audit")))
    made.home.trouble = AWAY
    with pytest.raises(Unavailable):
        await made.desk.call(ListAuditEvents(team_id=made.team_id))


async def test_a_write_is_seen_here_when_it_is_answered(made: Shared) -> None:
    code = await made.desk.call(CreateInvite(team_id=made.team_id))
    assert [each.invite_id for each in await made.desk.call(ListInvites(team_id=made.team_id))] == [code.invite_id]
    there = await made.home.host.gateway.call(ListInvites(team_id=made.team_id))
    assert [each.created_by for each in there] == ["ben"]


async def test_a_write_goes_out_under_an_id_of_its_own(made: Shared) -> None:
    [place] = [each for each in await made.desk.call(ListMembers(team_id=made.team_id)) if each.user.email]
    with pytest.raises(MachinaError):
        await made.desk.call(
            AddGrant(team_id=made.team_id, member_id=place.member.team_member_id, access=Access.VIEWER)
        )
    [(op_id, expects)] = [rest for ask, *rest in made.home.asked if isinstance(ask, AddGrant)]
    assert op_id.startswith("op-")
    assert expects == ""


async def test_a_team_of_this_computer_never_leaves_it(made: Shared) -> None:
    asked = len(made.home.asked)
    await made.desk.call(UpdateTeam(team_id=made.desk.team_id, name="Mine"))
    await made.desk.call(CreateTeam(name="More", handle="more"))
    await made.desk.call(CreateInvite(team_id=made.desk.team_id))
    await made.desk.call(ListAuditEvents(team_id=made.desk.team_id))
    assert (await made.desk.call(WhoAmI())).user_id == made.desk.host.actor.user_id
    assert len(made.home.asked) == asked


async def test_the_person_is_another_user_at_each_home(made: Shared) -> None:
    gateway = made.desk.host.gateway
    assert gateway.actor.user_id != made.home.user_id
    assert gateway.actor_in(made.team_id).user_id == made.home.user_id
    assert gateway.actor_in(made.desk.team_id).user_id == gateway.actor.user_id
    assert gateway.actor.role_in(made.team_id) is TeamRole.ADMIN
    assert gateway.actor_in(made.team_id).display_name == "ben"


async def test_a_failure_here_is_not_written_into_the_copy_of_a_trail(made: Shared) -> None:
    made.home.trouble = AWAY
    with pytest.raises(Unavailable):
        await made.desk.call(CreateInvite(team_id=made.team_id))
    assert made.desk.sql("SELECT * FROM audit_event WHERE team_id = ?", made.team_id) == []


async def test_who_leaves_a_team_has_nothing_of_it(made: Shared) -> None:
    team = await made.desk.call(CreateTeamAtServer(server_id=made.server_id, name="New", handle="new"))
    await made.desk.call(LeaveTeam(team_id=made.team_id))
    assert {each.team_id for each in await made.desk.call(ListTeams())} == {made.desk.team_id, team.team_id}
    assert made.desk.sql("SELECT * FROM team_member WHERE team_id = ?", made.team_id) == []


async def test_a_team_made_at_a_server_is_here_at_once(made: Shared) -> None:
    team = await made.desk.call(CreateTeamAtServer(server_id=made.server_id, name="New", handle="new"))
    assert (team.home, team.name) == (URL, "New")
    assert made.desk.host.actor.role_in(team.team_id) is TeamRole.ADMIN
    assert await made.desk.call(GetTeam(team_id=team.team_id)) == team


async def test_a_team_joined_at_a_server_is_here_at_once(made: Shared) -> None:
    other = await made.home.host.gateway.call(CreateTeam(name="Other", handle="other"))
    invite = await made.home.host.gateway.call(CreateInvite(team_id=other.team_id))
    team = await made.desk.call(JoinAtServer(server_id=made.server_id, code=Secret(invite.code)))
    assert (team.team_id, team.home) == (other.team_id, URL)
    assert await made.desk.call(ListMachines(team_id=other.team_id)) == ()


async def test_runs_of_a_server_are_not_taken_up_here(made: Shared) -> None:
    machine = await add_machine(made.home.host, made.team_id)
    await made.desk.host.connections.of(made.server_id).catch_up(made.team_id)
    run = Deployment(
        deployment_id=new_id("deployment"),
        team_id=made.team_id,
        machine_id=machine.machine_id,
        machine_name=machine.name,
        type=DeploymentType.REBOOT,
        initiated_by=made.home.user_id,
        created_at=now(),
        updated_at=now(),
    )
    await write(made.home.host, lambda tx: tx.add(run))
    await made.desk.host.connections.of(made.server_id).catch_up(made.team_id)
    assert made.desk.sql("SELECT state FROM deployment") == [("queued",)]
    claim = await made.desk.host.dispatcher.execute(RUNNER, ClaimDeployment(runner_id="here", lease_s=30))
    assert claim is None
    assert machine.team_id == made.team_id


@pytest.mark.parametrize(
    ("typed", "origin", "plain"),
    [
        ("machina.example.org", "https://machina.example.org", False),
        ("machina.example.org:8443/", "https://machina.example.org:8443", False),
        (" https://machina.example.org:443 ", "https://machina.example.org", False),
        ("localhost:8000", "http://localhost:8000", False),
        ("http://127.0.0.1:80", "http://127.0.0.1", False),
        ("http://10.0.0.7:8000/", "http://10.0.0.7:8000", True),
        ("[::1]:8000", "http://[::1]:8000", False),
    ],
)
def test_an_address_is_read_as_people_type_it(typed: str, origin: str, *, plain: bool) -> None:
    assert origin_of(typed) == origin
    assert is_plain(origin) is plain


@pytest.mark.parametrize(
    "typed", ["", "two words", "ftp://x", "https://x/path", "https://a@b", "https://x:99999", "x?y"]
)
def test_what_is_no_address_is_refused_at_its_field(typed: str) -> None:
    with pytest.raises(MachinaError) as refused:
        origin_of(typed)
    assert refused.value.code == "E-SERVER-ADDRESS"


async def test_a_server_that_another_program_signed_in_to_is_known_here(tmp_path: Path) -> None:
    async with shared(tmp_path, follows=False) as made, core(tmp_path / "window", watch=True) as window:
        window.host.connections._open_home = made.home.open_home  # type: ignore[method-assign]
        window.host.start_followers()
        async with core(tmp_path / "window") as command:
            command.host.connections._open_home = made.home.open_home  # type: ignore[method-assign]
            await command.call(SignInAtServer(url=URL, email="ben@example.org", password=Secret("its password")))
        await until(lambda: window.host.actor.role_in(made.team_id) is TeamRole.MEMBER)
        assert window.host.gateway.actor_in(made.team_id).user_id == made.home.user_id
        machine = await add_machine(made.home.host, made.team_id)

        async def is_here() -> bool:
            return await window.call(ListMachines(team_id=made.team_id)) == (machine,)

        await until(is_here, what="the machine")
