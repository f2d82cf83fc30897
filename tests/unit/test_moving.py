"""A team moves to a server and back whole, and whatever dies on the way, exactly one home is left."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import pytest

from machina_desktop.core.domain.team import TeamRole
from machina_desktop.core.errors import Conflict, Forbidden, MachinaError, NotFound, Unavailable
from machina_desktop.core.ids import new_id
from machina_desktop.core.secret import Secret
from machina_desktop.core.services.audit import VerifyAudit
from machina_desktop.core.services.deployments import ReadLog
from machina_desktop.core.services.importing import FinishImport, ImportTeamPart, ReleaseTeam
from machina_desktop.core.services.invites import CreateInvite
from machina_desktop.core.services.machines import ListMachines, UpdateMachine
from machina_desktop.core.services.moving import MoveTeam
from machina_desktop.core.services.servers import SignInAtServer, SignOutOfServer
from machina_desktop.core.services.sync import PullChanges
from machina_desktop.core.services.teams import CreateTeam, UpdateTeam
from machina_desktop.core.services.use_case import Request
from machina_desktop.core.store import sql_moves
from machina_desktop.core.store.moves import MoveStep
from machina_desktop.core.sync import move_steps, moving
from machina_desktop.core.sync.home import Home
from machina_desktop.core.sync.server_client import ServerClient
from tests.fakes.hosts import until
from tests.fakes.road import LINES, Followed, Road, lived, lives_anew, road
from tests.fakes.server import PASSWORD

R = TypeVar("R")


@pytest.fixture
async def on_road(tmp_path: Path) -> AsyncIterator[Road]:
    async with road(tmp_path) as made:
        await lived(made)
        yield made


async def test_a_team_arrives_with_its_rows_trail_and_logs_and_without_secrets(on_road: Road) -> None:
    made = on_road
    trail = made.rows(made.here, "audit_event")
    log, machines = made.log(made.here), made.here.sql("SELECT machine_id, name, tags, facts FROM machine")
    team = await made.go()
    assert team.home == made.site.url
    assert made.is_there
    there = made.rows(made.site, "audit_event")
    assert {row[0]: row for row in there}.items() >= {row[0]: row for row in trail}.items()
    assert len(there) == len(trail) + 1, "the arrival is an event of the chain that goes on"
    assert (await made.home.call(VerifyAudit(team_id=made.team_id))).broken_at is None
    assert made.log(made.site) == log
    assert made.site.sql("SELECT machine_id, name, tags, facts FROM machine") == machines
    assert made.site.sql("SELECT count(*) FROM sealed") == made.site.sql("SELECT count(*) FROM terraform_state")
    assert made.site.sql("SELECT count(*) FROM sealed") == [(0,)]
    device = made.server.device_id
    assert made.site.sql("SELECT keeper FROM ssh_key") == [(device,)]
    assert made.site.sql("SELECT state_keeper FROM machine") == [(device,)]
    [(user_id, role)] = made.site.sql("SELECT user_id, role FROM team_member WHERE team_id = ?", made.team_id)
    assert (user_id, role) == (made.server.user_id, "admin")


async def test_after_it_has_gone_secrets_states_and_a_copy_are_here_and_the_history_is_not(on_road: Road) -> None:
    made = on_road
    sealed = made.rows(made.here, "sealed")
    await made.go()
    assert made.rows(made.here, "sealed") == sealed
    assert len(made.rows(made.here, "terraform_state")) == 1
    assert made.rows(made.here, "audit_event") == []
    assert made.log(made.here) == b""
    assert made.here.sql("SELECT server_id, is_whole FROM replica") == [(made.server.server_id, 0)]
    assert made.here.sql("SELECT count(*) FROM team_move") == [(0,)]
    assert made.site.sql("SELECT count(*) FROM import_part") == [(0,)]


async def test_a_long_history_goes_in_many_parts(on_road: Road, monkeypatch: pytest.MonkeyPatch) -> None:
    made = on_road
    monkeypatch.setattr(sql_moves, "PART_BYTES", 4096)
    monkeypatch.setattr(sql_moves, "PIECE_BYTES", 1000)
    calls = Counted(made.home)
    log = made.log(made.here)
    await made.go(home=calls)
    assert calls.names.count("ImportTeamPart") > 20
    assert made.log(made.site) == log


async def test_while_a_run_is_under_way_the_team_stays(on_road: Road) -> None:
    made = on_road
    await made.here.create("second")
    with pytest.raises(Conflict) as refused:
        await made.go()
    assert refused.value.code == "E-RUN-PENDING"
    assert made.is_local
    assert not made.is_there
    await made.write_here()


async def test_a_handle_that_is_taken_can_be_replaced(on_road: Road) -> None:
    made = on_road
    await made.home.call(CreateTeam(name="Other", handle="personal"))
    with pytest.raises(Conflict) as refused:
        await made.go()
    assert refused.value.code == "E-HANDLE-TAKEN"
    assert made.is_local
    await made.write_here()
    await made.go(handle="my-own")
    assert made.site.sql("SELECT handle FROM team WHERE team_id = ?", made.team_id) == [("my-own",)]


async def test_a_trail_that_was_altered_does_not_go(on_road: Road) -> None:
    made = on_road
    made.here.sql("UPDATE audit_event SET target = 'x' WHERE seq = 2")
    with pytest.raises(Conflict) as refused:
        await made.go()
    assert refused.value.code == "E-AUDIT-BROKEN"
    assert made.is_local


async def test_a_server_that_cannot_be_reached_changes_nothing(on_road: Road) -> None:
    made = on_road
    gone = ServerClient("http://127.0.0.1:9", None, settings=made.here.host.settings)
    with pytest.raises(Unavailable):
        await made.go(home=gone)
    assert made.here.sql("SELECT count(*) FROM team_move") == [(0,)]
    await made.write_here()


async def test_what_was_written_meanwhile_goes_too(on_road: Road) -> None:
    made = on_road
    meddling = Meddling(made.home, made)
    await made.go(home=meddling)
    assert meddling.written
    assert made.site.sql("SELECT notes FROM machine") == [(meddling.written,)]


async def test_a_team_is_not_asked_to_go_twice_at_once(on_road: Road) -> None:
    made = on_road
    await made.go()
    with pytest.raises(Conflict) as refused:
        await made.go()
    assert refused.value.code == "E-NOT-LOCAL"


# What dies on the way


class Killed(BaseException):
    """The program has ended here; nothing of ours catches that."""


@dataclass
class Counted:
    """The home, with what is asked of it."""

    home: Home
    names: list[str] = field(default_factory=list)

    async def call(self, ask: Request[R], *, op_id: str = "", expects: str = "") -> R:
        self.names.append(type(ask).__name__)
        return await self.home.call(ask, op_id=op_id, expects=expects)

    def hints(self) -> AsyncIterator[Any]:
        return self.home.hints()

    async def close(self) -> None:
        await self.home.close()


@dataclass
class Deadly(Counted):
    """The home; the program dies before the call of that number, or after the server has carried it out."""

    at: int = 0
    before: bool = True

    async def call(self, ask: Request[R], *, op_id: str = "", expects: str = "") -> R:
        if len(self.names) == self.at and self.before:
            raise Killed
        found = await super().call(ask, op_id=op_id, expects=expects)
        if len(self.names) == self.at + 1 and not self.before:
            raise Killed
        return found


@dataclass
class Meddling(Counted):
    """The home; while the first part is sent, somebody writes to the team here."""

    made: Road = None  # type: ignore[assignment]
    written: str = ""

    def __init__(self, home: Home, made: Road) -> None:
        super().__init__(home)
        self.made = made

    async def call(self, ask: Request[R], *, op_id: str = "", expects: str = "") -> R:
        if isinstance(ask, ImportTeamPart) and not self.written:
            self.written = new_id("note")
            await self.made.here.call(UpdateMachine(machine_id=self.made.machine_id, notes=self.written))
        return await super().call(ask, op_id=op_id, expects=expects)


async def can_write_here(made: Road) -> bool:
    try:
        await made.write_here()
    except Conflict:
        return False
    return made.is_local


STEPS = [(number, before) for number in range(20) for before in (True, False)]


async def test_killed_at_any_step_of_going_one_home_is_left(on_road: Road) -> None:
    """At each call to the server: the program dies before it, and after the server has done it."""
    made = on_road
    died = 0
    for number, before in STEPS:
        await lives_anew(made)
        log = made.log(made.here)
        try:
            await made.go(home=Deadly(made.home, at=number, before=before))
            break
        except Killed:
            died += 1
        assert not (made.is_there and await can_write_here(made)), "two homes"
        made.reborn()
        await made.go()
        assert made.is_there
        assert not made.is_local
        assert made.log(made.site) == log
        assert (await made.home.call(VerifyAudit(team_id=made.team_id))).broken_at is None
        assert len(made.rows(made.site, "machine")) == 1
    assert died >= 8


@pytest.mark.parametrize("step", ["begin_going", "hold", "become_copy"])
async def test_killed_around_what_is_written_here_one_home_is_left(
    on_road: Road, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    made = on_road
    real = getattr(move_steps, step)

    def killed(*arguments: object) -> object:
        real(*arguments)
        # The transaction is not committed.
        raise Killed

    monkeypatch.setattr(moving, step, killed)
    with pytest.raises(Killed):
        await made.go()
    assert not (made.is_there and await can_write_here(made))
    monkeypatch.setattr(moving, step, real)
    made.reborn()
    await made.go()
    assert made.is_there
    assert not made.is_local


async def test_while_it_is_not_known_whether_it_has_arrived_it_can_be_read_only(on_road: Road) -> None:
    made = on_road
    with pytest.raises(Killed):
        await made.go(home=DiesAt(made.home, FinishImport))
    with pytest.raises(Conflict) as refused:
        await made.write_here()
    assert refused.value.code == "E-MOVING"
    assert [each.name for each in await made.here.call(ListMachines(team_id=made.team_id))] == ["web"]
    made.reborn()
    [move] = await made.mover.undecided(made.server.server_id)
    assert move.step is MoveStep.DECIDING
    team = await made.mover.decide(made.team_id, made.person, made.server, made.home, copy=Followed(made))
    assert team is not None
    assert made.is_there


async def test_what_has_not_arrived_can_be_called_back(on_road: Road) -> None:
    made = on_road
    with pytest.raises(Killed):
        await made.go(home=DiesAt(made.home, FinishImport))
    team = await made.mover.abandon(made.team_id, made.server, made.home)
    assert team.home == ""
    await made.write_here()
    assert not made.is_there
    assert made.site.sql("SELECT count(*) FROM import_part") == [(0,)]


async def test_what_has_arrived_cannot_be_called_back(on_road: Road) -> None:
    made = on_road
    with pytest.raises(Killed):
        await made.go(home=DiesAt(made.home, FinishImport, before=False))
    with pytest.raises(Conflict):
        await made.mover.abandon(made.team_id, made.server, None)
    team = await made.mover.abandon(made.team_id, made.server, made.home)
    assert team.home == made.site.url


async def test_a_second_computer_with_an_older_copy_does_not_give_up_what_was_done_on_it(on_road: Road) -> None:
    made = on_road
    await made.go()
    # As if this computer had never let it go, and had worked on.
    made.here.sql("UPDATE team SET home = ''")
    made.here.sql("DELETE FROM replica")
    made.here.sql("UPDATE counter SET audit_seq = 0, audit_digest = ''")
    made.here.sql("UPDATE team_member SET user_id = ?", made.person)
    host = made.here.host
    await host.dispatcher.execute(host.actor, UpdateTeam(team_id=made.team_id, name="Other"))
    with pytest.raises(Conflict) as refused:
        await made.go()
    assert refused.value.code == "E-TEAM-THERE"
    assert made.is_local
    assert made.here.sql("SELECT count(*) FROM team_move") == [(0,)]


@dataclass
class DiesAt(Counted):
    """The home; the program dies at that request, before or after it was carried out."""

    kind: type = object
    before: bool = True

    def __init__(self, home: Home, kind: type, *, before: bool = True) -> None:
        super().__init__(home)
        self.kind, self.before = kind, before

    async def call(self, ask: Request[R], *, op_id: str = "", expects: str = "") -> R:
        if isinstance(ask, self.kind) and self.before:
            raise Killed
        found = await super().call(ask, op_id=op_id, expects=expects)
        if isinstance(ask, self.kind):
            raise Killed
        return found


# And back


async def test_there_and_back_it_is_what_it_was(on_road: Road) -> None:
    made = on_road
    machines = made.rows(made.here, "machine")
    log, sealed = made.log(made.here), made.rows(made.here, "sealed")
    await made.go()
    await made.follow()
    await made.home.call(UpdateMachine(machine_id=made.machine_id, notes="written there"))
    await made.follow()
    team = await made.come()
    assert team.home == ""
    assert not made.is_there
    assert made.site.sql("SELECT count(*) FROM machine") == [(0,)]
    assert made.log(made.here) == log
    assert made.rows(made.here, "sealed") == sealed
    [(notes, keeper)] = made.here.sql("SELECT notes, state_keeper FROM machine")
    assert (notes, keeper) == ("written there", "")
    assert len(made.rows(made.here, "machine")) == len(machines)
    assert (await made.here.call(VerifyAudit(team_id=made.team_id))).broken_at is None
    actions = [str(action) for (action,) in made.here.sql("SELECT action FROM audit_event ORDER BY seq")]
    assert actions[-3:] == ["team.import", "machine.update", "team.release"]
    await made.write_here()


async def test_what_came_back_can_go_again_to_the_same_server(on_road: Road) -> None:
    made = on_road
    await made.go()
    await made.follow()
    await made.come()
    await made.write_here()
    await made.go()
    assert made.is_there
    assert (await made.home.call(VerifyAudit(team_id=made.team_id))).broken_at is None
    actions = [
        str(action)
        for (action,) in made.site.sql("SELECT action FROM audit_event WHERE team_id = ? ORDER BY seq", made.team_id)
    ]
    assert actions[-4:] == ["team.import", "team.release", "machine.update", "team.import"]


async def test_killed_at_any_step_of_coming_one_home_is_left(on_road: Road) -> None:
    made = on_road
    died = 0
    for number, before in STEPS:
        await lives_anew(made)
        log = made.log(made.here)
        await made.go()
        await made.follow()
        try:
            await made.come(home=Deadly(made.home, at=number, before=before))
            break
        except Killed:
            died += 1
        assert not (made.is_there and made.is_local), "two homes"
        made.reborn()
        if made.is_there:
            await made.follow()
        await made.come()
        assert not made.is_there
        assert made.is_local
        assert made.log(made.here) == log
        assert (await made.here.call(VerifyAudit(team_id=made.team_id))).broken_at is None
        assert await can_write_here(made)
    assert died >= 6


async def test_others_are_put_out_and_only_administrators_may_take_a_team_away(on_road: Road) -> None:
    made = on_road
    await made.go()
    max_ = await made.site.member("Max", team_id=made.team_id)
    client = ServerClient(made.site.url, Secret(max_.token), settings=made.here.host.settings)
    with pytest.raises(MachinaError) as refused:
        await client.call(ReleaseTeam(team_id=made.team_id, change_seq=0, audit_seq=0))
    assert refused.value.code == "E-FORBIDDEN"
    await made.follow()
    await made.come()
    with pytest.raises(NotFound):
        await client.call(PullChanges(team_id=made.team_id))
    members = made.here.sql("SELECT user_id FROM team_member WHERE team_id = ?", made.team_id)
    assert members == [(made.person,)]
    assert made.here.sql("SELECT display_name FROM user WHERE user_id = ?", max_.user_id) == [("Max",)]
    await client.close()


async def test_a_machine_whose_state_only_the_server_can_open_keeps_its_team_there(on_road: Road) -> None:
    made = on_road
    await made.go()
    made.site.sql("UPDATE machine SET state_keeper = ''")
    await made.follow()
    made.here.sql("UPDATE machine SET state_keeper = ''")
    with pytest.raises(Conflict) as refused:
        await made.come()
    assert refused.value.code == "E-MOVE-STATE"
    assert made.is_there


# Through the door, as a person does it


async def test_a_person_moves_a_team_there_works_with_it_and_brings_it_back(on_road: Road) -> None:
    made = on_road
    host = made.here.host
    made.here.sql("DELETE FROM server")
    server = await made.here.call(SignInAtServer(url=made.site.url, email="ada@example.org", password=Secret(PASSWORD)))
    host.start_followers()
    team = await made.here.call(MoveTeam(team_id=made.team_id, server_id=server.server_id))
    assert (team.home, made.is_there) == (made.site.url, True)
    await made.here.call(UpdateMachine(machine_id=made.machine_id, notes="from here"))
    assert made.site.sql("SELECT notes FROM machine") == [("from here",)]
    assert (await made.here.call(VerifyAudit(team_id=made.team_id))).broken_at is None
    found = await made.here.call(ReadLog(deployment_id=made.deployment_id, limit=1 << 20))
    assert len(found.lines) == LINES
    await made.here.call(CreateInvite(team_id=made.team_id))
    team = await made.here.call(MoveTeam(team_id=made.team_id))
    assert (team.home, made.is_there) == ("", False)
    assert host.actor.role_in(made.team_id) is TeamRole.ADMIN
    await made.here.call(UpdateMachine(machine_id=made.machine_id, notes="at home again"))
    assert made.here.sql("SELECT notes FROM machine") == [("at home again",)]
    assert (await made.here.call(VerifyAudit(team_id=made.team_id))).broken_at is None


async def test_what_was_undecided_is_found_out_with_the_next_connection(on_road: Road) -> None:
    made = on_road
    host = made.here.host
    made.here.sql("DELETE FROM server")
    made.server = await made.here.call(
        SignInAtServer(url=made.site.url, email="ada@example.org", password=Secret(PASSWORD))
    )
    with pytest.raises(Killed):
        await made.go(home=DiesAt(made.home, FinishImport, before=False))
    with pytest.raises(Conflict) as refused:
        await made.here.call(SignOutOfServer(server_id=made.server.server_id))
    assert refused.value.code == "E-MOVING"
    host.start_followers()

    async def is_copied() -> bool:
        return not made.is_local and made.here.sql("SELECT is_whole FROM replica WHERE team_id = ?", made.team_id) == [
            (1,)
        ]

    await until(is_copied, what="the end of the move")
    await made.here.call(UpdateMachine(machine_id=made.machine_id, notes="there"))
    assert made.site.sql("SELECT notes FROM machine") == [("there",)]


async def test_only_administrators_move_a_team(on_road: Road) -> None:
    door = on_road.here.door(on_road.here.member())
    with pytest.raises(Forbidden):
        await door.call(MoveTeam(team_id=on_road.team_id, server_id=on_road.server.server_id))
