"""Whoever holds the gateway sees who asks as of this moment: after each change of their teams, and before any view."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from machina_desktop.core.domain.team import SystemRole, TeamRole
from machina_desktop.core.errors import Forbidden, NotFound
from machina_desktop.core.events import Change, Changed, Event
from machina_desktop.core.ids import now
from machina_desktop.core.services.machines import ListMachines
from machina_desktop.core.services.teams import CreateTeam, UpdateProfile, UpdateTeam
from machina_desktop.core.sync.person import Person
from tests.fakes.hosts import Core, core, until


@pytest.fixture
async def made(tmp_path: Path) -> AsyncIterator[Core]:
    async with core(tmp_path / "home") as started:
        yield started


def member_changed(
    made: Core, team_id: str, role: str | None, *, member_id: str, user_id: str = "", seq: int = 99
) -> Changed:
    """What the feed says when a member's row was written, or with no role deleted."""
    row = {"team_id": team_id, "user_id": user_id or made.host.actor.user_id, "role": role}
    return Changed(
        (
            Change(
                team_id=team_id,
                seq=seq,
                entity="team_member",
                entity_id=member_id,
                row=row if role else None,
                at=now(),
            ),
        )
    )


def own_place(made: Core) -> str:
    return str(made.sql("SELECT team_member_id FROM team_member WHERE team_id = ?", made.team_id)[0][0])


async def test_who_hears_of_a_new_team_may_use_it_at_once(made: Core) -> None:
    gateway = made.host.gateway
    roles: list[TeamRole | None] = []

    def listen(event: Event) -> None:
        if isinstance(event, Changed):
            roles.append(gateway.actor.role_in(event.changes[0].team_id))

    made.host.bus.subscribe(listen)
    team = await gateway.call(CreateTeam(name="Web", handle="web"))
    assert gateway.actor.role_in(team.team_id) is TeamRole.ADMIN
    assert await gateway.call(ListMachines(team_id=team.team_id)) == ()
    await until(lambda: roles == [TeamRole.ADMIN])


async def test_every_gateway_of_a_host_speaks_for_the_same_person(made: Core) -> None:
    early = made.host.gateway
    await made.host.gateway.call(CreateTeam(name="Web", handle="web"))
    assert early.actor == made.host.actor
    assert [role for _team_id, role in early.actor.team_roles] == [TeamRole.ADMIN, TeamRole.ADMIN]


async def test_a_new_name_is_known_at_once(made: Core) -> None:
    await made.call(UpdateProfile(display_name="Ada"))
    assert made.host.actor.display_name == "Ada"
    await made.call(UpdateTeam(team_id=made.team_id, name="Ours"))
    assert (await made.audit())[-1].actor_name == "Ada"


async def test_who_is_no_longer_administrator_is_refused_at_once(made: Core) -> None:
    made.host.bus.publish(member_changed(made, made.team_id, "member", member_id=own_place(made)))
    assert made.host.actor.role_in(made.team_id) is TeamRole.MEMBER
    with pytest.raises(Forbidden):
        await made.call(UpdateTeam(team_id=made.team_id, name="Mine"))


async def test_who_is_no_longer_in_a_team_finds_nothing_of_it(made: Core) -> None:
    made.host.bus.publish(member_changed(made, made.team_id, None, member_id="member-of-somebody-else"))
    assert await made.call(ListMachines(team_id=made.team_id)) == ()
    made.host.bus.publish(member_changed(made, made.team_id, None, member_id=own_place(made)))
    assert made.host.actor.team_roles == ()
    with pytest.raises(NotFound):
        await made.call(ListMachines(team_id=made.team_id))


async def test_what_is_heard_of_late_does_not_undo_what_came_after_it(made: Core) -> None:
    made.host.bus.publish(member_changed(made, made.team_id, "member", member_id=own_place(made), seq=11))
    made.host.bus.publish(member_changed(made, made.team_id, "admin", member_id=own_place(made), seq=10))
    assert made.host.actor.role_in(made.team_id) is TeamRole.MEMBER
    made.host.bus.publish(member_changed(made, made.team_id, "admin", member_id=own_place(made), seq=12))
    assert made.host.actor.role_in(made.team_id) is TeamRole.ADMIN


async def test_what_happens_to_others_changes_nothing(made: Core) -> None:
    before = made.host.actor
    made.host.bus.publish(member_changed(made, "team-x", "admin", member_id="member-x", user_id="user-other"))
    await made.account()
    assert made.host.actor == before


async def test_a_person_made_read_only_may_only_read(made: Core) -> None:
    actor = made.host.actor
    row = {"display_name": "Ada", "role": "readonly"}
    person = Person(actor)
    person.learn(
        Changed((Change(team_id=made.team_id, seq=9, entity="user", entity_id=actor.user_id, row=row, at=now()),))
    )
    assert person.actor.system_role is SystemRole.READONLY
    with pytest.raises(Forbidden):
        await made.door(person.actor).call(UpdateTeam(team_id=made.team_id, name="Mine"))


async def test_what_another_process_did_is_known_before_its_change_is_heard(tmp_path: Path) -> None:
    async with core(tmp_path / "home", watch=True) as window, core(tmp_path / "home") as command:
        known: list[bool] = []

        def listen(event: Event) -> None:
            if isinstance(event, Changed):
                known.append(window.host.actor.role_in(event.changes[0].team_id) is TeamRole.ADMIN)

        window.host.bus.subscribe(listen)
        team = await command.call(CreateTeam(name="Web", handle="web"))
        await until(lambda: known == [True])
        assert (await window.call(UpdateTeam(team_id=team.team_id, name="Ours"))).name == "Ours"
