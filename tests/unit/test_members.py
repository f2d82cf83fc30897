"""A team knows its members, always keeps an administrator, and says what somebody who goes may know."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from machina_desktop.core.domain.audit import AuditOutcome
from machina_desktop.core.domain.invite import InviteState
from machina_desktop.core.domain.provider import ProviderType
from machina_desktop.core.domain.team import Access, TeamRole
from machina_desktop.core.errors import Conflict, Forbidden, InvalidInput, MachinaError, NotFound
from machina_desktop.core.secret import Secret
from machina_desktop.core.services.audit import ListAuditEvents
from machina_desktop.core.services.deployments import CancelDeployment
from machina_desktop.core.services.invites import CreateInvite, JoinTeam, ListInvites
from machina_desktop.core.services.keys import GenerateKey, ImportKey
from machina_desktop.core.services.machines import ListMachines
from machina_desktop.core.services.members import (
    AddGrant,
    ChangeRole,
    GetMember,
    LeaveTeam,
    ListExposure,
    ListMembers,
    RemoveGrant,
    RemoveMember,
)
from machina_desktop.core.services.providers import AddAccount
from machina_desktop.core.services.teams import CreateTeam, DeleteTeam, ListTeams, UpdateTeam
from machina_desktop.core.store.tables import METADATA
from tests.fakes.hosts import STRANGER, Core, core
from tests.fakes.people import code_for, joined, newcomer, place_of

PUBLIC = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDrXb3t7xQ3NbcHTQxPjmZzbQzW4rVtP8v2yXyVYcBqL"


@pytest.fixture
async def made(tmp_path: Path, each_store: str) -> AsyncIterator[Core]:
    async with core(tmp_path / "home") as started:
        yield started


def own_place(made: Core) -> str:
    return place_of(made, made.host.gateway)


async def refused(made: Core, ask: object, code: str) -> None:
    with pytest.raises(Conflict) as caught:
        await made.call(ask)  # type: ignore[arg-type]
    assert caught.value.code == code
    assert caught.value.hint


# Looking


async def test_members_are_listed_by_name_with_who_they_are(made: Core) -> None:
    await joined(made, "Zoe")
    await joined(made, "ben", TeamRole.ADMIN)
    found = await made.call(ListMembers(team_id=made.team_id))
    assert [each.user.display_name for each in found if each.user.email] == ["ben", "Zoe"]
    assert {each.user.user_id == each.member.user_id for each in found} == {True}
    assert found[-1].member.invited_by == made.host.actor.user_id
    admins = await made.call(ListMembers(team_id=made.team_id, role=TeamRole.ADMIN))
    assert len(admins) == 2
    [zoe] = await made.call(ListMembers(team_id=made.team_id, search="ZOE"))
    assert await made.call(ListMembers(team_id=made.team_id, search="zoe@example.org")) == (zoe,)
    assert await made.call(GetMember(team_id=made.team_id, member_id=zoe.member.team_member_id)) == zoe


async def test_people_of_other_teams_are_never_listed(made: Core) -> None:
    await newcomer(made, "Nobody")
    assert len(await made.call(ListMembers(team_id=made.team_id))) == 1
    with pytest.raises(NotFound):
        await made.door(STRANGER).call(ListMembers(team_id=made.team_id))


async def test_a_member_of_another_team_is_no_member_here(made: Core) -> None:
    other = await made.call(CreateTeam(name="Web", handle="web"))
    for ask in (
        GetMember(team_id=other.team_id, member_id=own_place(made)),
        ChangeRole(team_id=other.team_id, member_id=own_place(made), role=TeamRole.MEMBER),
        RemoveMember(team_id=other.team_id, member_id=own_place(made)),
        ListExposure(team_id=other.team_id, member_id=own_place(made)),
        AddGrant(team_id=other.team_id, member_id=own_place(made), access=Access.VIEWER),
    ):
        with pytest.raises(NotFound):
            await made.call(ask)


# Roles


async def test_a_role_takes_effect_with_the_next_request(made: Core) -> None:
    zoe = await joined(made, "Zoe")
    rename = UpdateTeam(team_id=made.team_id, name="Ours")
    with pytest.raises(Forbidden):
        await zoe.call(rename)
    change = ChangeRole(team_id=made.team_id, member_id=place_of(made, zoe), role=TeamRole.ADMIN)
    assert (await made.call(change)).role is TeamRole.ADMIN
    assert (await zoe.call(rename)).name == "Ours"


async def test_members_change_no_roles_and_remove_nobody(made: Core) -> None:
    zoe = await joined(made, "Zoe")
    for ask in (
        ChangeRole(team_id=made.team_id, member_id=place_of(made, zoe), role=TeamRole.ADMIN),
        ChangeRole(team_id=made.team_id, member_id=own_place(made), role=TeamRole.MEMBER),
        RemoveMember(team_id=made.team_id, member_id=own_place(made)),
        AddGrant(team_id=made.team_id, member_id=place_of(made, zoe), access=Access.APPROVER),
        CreateInvite(team_id=made.team_id),
        ListInvites(team_id=made.team_id),
        DeleteTeam(team_id=made.team_id),
    ):
        with pytest.raises(Forbidden):
            await zoe.call(ask)


async def test_a_team_keeps_an_administrator(made: Core) -> None:
    await joined(made, "Zoe")
    await made.call(CreateTeam(name="Web", handle="web"))
    member_id = own_place(made)
    demote = ChangeRole(team_id=made.team_id, member_id=member_id, role=TeamRole.MEMBER)
    for ask in (demote, RemoveMember(team_id=made.team_id, member_id=member_id), LeaveTeam(team_id=made.team_id)):
        await refused(made, ask, "E-LAST-ADMIN")
    [mine] = await made.call(ListMembers(team_id=made.team_id, role=TeamRole.ADMIN))
    assert mine.member.team_member_id == member_id
    assert made.host.actor.role_in(made.team_id) is TeamRole.ADMIN


async def test_of_two_administrators_who_step_down_at_once_one_stays(made: Core) -> None:
    zoe = await joined(made, "Zoe", TeamRole.ADMIN)
    for _ in range(10):
        steps = [
            door.call(ChangeRole(team_id=made.team_id, member_id=place_of(made, door), role=TeamRole.MEMBER))
            for door in (made.host.gateway, zoe)
        ]
        answers = await asyncio.gather(*steps, return_exceptions=True)
        assert [isinstance(each, MachinaError) for each in answers].count(True) == 1
        [left] = await made.call(ListMembers(team_id=made.team_id, role=TeamRole.ADMIN))
        boss = zoe if left.user.display_name == "Zoe" else made.host.gateway
        for each in await made.call(ListMembers(team_id=made.team_id)):
            member_id = each.member.team_member_id
            await boss.call(ChangeRole(team_id=made.team_id, member_id=member_id, role=TeamRole.ADMIN))


# Going


async def test_who_is_removed_finds_nothing_any_more(made: Core) -> None:
    await made.create()
    zoe = await joined(made, "Zoe")
    assert len(await zoe.call(ListMachines(team_id=made.team_id))) == 1
    await made.call(RemoveMember(team_id=made.team_id, member_id=place_of(made, zoe)))
    assert zoe.actor.team_roles == ()
    with pytest.raises(NotFound):
        await zoe.call(ListMachines(team_id=made.team_id))
    assert await zoe.call(ListTeams()) == ()


async def test_removing_somebody_lists_the_secrets_they_may_know(made: Core) -> None:
    zoe = await joined(made, "Zoe")
    account = await made.call(AddAccount(team_id=made.team_id, type=ProviderType.SANDBOX, label="open"))
    made.sql(
        "INSERT INTO sealed (team_id, record_table, record_id, field, version, envelope) VALUES (?, ?, ?, ?, 1, ?)",
        made.team_id,
        "provider_account",
        account.provider_account_id,
        "api_token",
        b"sealed",
    )
    await made.call(AddAccount(team_id=made.team_id, type=ProviderType.SANDBOX, label="without"))
    await made.call(GenerateKey(team_id=made.team_id, name="whole"))
    await made.call(ImportKey(team_id=made.team_id, name="public", public_key=PUBLIC))
    before = await made.call(ListExposure(team_id=made.team_id, member_id=place_of(made, zoe)))
    after = await made.call(RemoveMember(team_id=made.team_id, member_id=place_of(made, zoe)))
    assert before == after
    assert [each.label for each in after.accounts] == ["open"]
    assert [each.name for each in after.keys] == ["whole"]


async def test_grants_and_open_invites_go_with_whoever_goes(made: Core) -> None:
    zoe = await joined(made, "Zoe", TeamRole.ADMIN)
    code = Secret((await zoe.call(CreateInvite(team_id=made.team_id))).code)
    demote = ChangeRole(team_id=made.team_id, member_id=place_of(made, zoe), role=TeamRole.MEMBER)
    await made.call(demote)
    with pytest.raises(InvalidInput):
        await (await newcomer(made, "Eve")).call(JoinTeam(code=code))
    await made.call(AddGrant(team_id=made.team_id, member_id=place_of(made, zoe), access=Access.VIEWER))
    await made.call(RemoveMember(team_id=made.team_id, member_id=place_of(made, zoe)))
    assert made.sql('SELECT count(*) FROM "grant"') == [(0,)]
    states = [each.state for each in await made.call(ListInvites(team_id=made.team_id))]
    assert sorted(states) == [InviteState.REVOKED, InviteState.USED]


async def test_whoever_is_removed_lets_nobody_in_any_more(made: Core) -> None:
    zoe = await joined(made, "Zoe", TeamRole.ADMIN)
    code = Secret((await zoe.call(CreateInvite(team_id=made.team_id))).code)
    await made.call(RemoveMember(team_id=made.team_id, member_id=place_of(made, zoe)))
    with pytest.raises(InvalidInput):
        await (await newcomer(made, "Eve")).call(JoinTeam(code=code))


async def test_one_leaves_a_team_but_not_ones_only_one(made: Core) -> None:
    await refused(made, LeaveTeam(team_id=made.team_id), "E-ONLY-TEAM")
    zoe = await joined(made, "Zoe")
    own = await zoe.call(CreateTeam(name="Zoe's", handle="zoe"))
    await zoe.call(LeaveTeam(team_id=made.team_id))
    assert [team_id for team_id, _role in zoe.actor.team_roles] == [own.team_id]
    [event, *_] = await made.call(ListAuditEvents(team_id=made.team_id))
    assert (event.action, event.actor_name, event.outcome) == ("team.leave", "Zoe", AuditOutcome.SUCCEEDED)


# Grants


async def test_an_administrator_needs_no_grant(made: Core) -> None:
    await refused(
        made, AddGrant(team_id=made.team_id, member_id=own_place(made), access=Access.VIEWER), "E-GRANT-ADMIN"
    )


async def test_a_grant_is_added_once_listed_and_taken_back(made: Core) -> None:
    zoe = await joined(made, "Zoe")
    ask = AddGrant(team_id=made.team_id, member_id=place_of(made, zoe), access=Access.DEPLOYER, environment="Prod")
    grant = await made.call(ask)
    assert (grant.tag, grant.user_id, grant.granted_by) == (
        "env:prod",
        zoe.actor.user_id,
        made.host.actor.user_id,
    )
    assert await made.call(ask) == grant
    again = AddGrant(team_id=made.team_id, member_id=ask.member_id, access=Access.DEPLOYER, tag="ENV:prod")
    with pytest.raises(Conflict):
        await made.call(again)
    assert zoe.actor.grants == (grant,)
    assert (await made.call(GetMember(team_id=made.team_id, member_id=ask.member_id))).grants == (grant,)
    await made.call(RemoveGrant(team_id=made.team_id, grant_id=grant.grant_id))
    assert zoe.actor.grants == ()
    with pytest.raises(NotFound):
        await made.call(RemoveGrant(team_id=made.team_id, grant_id=grant.grant_id))


@pytest.mark.parametrize(("tag", "environment"), [("web", "prod"), ("x" * 101, ""), ("a\nb", "")])
async def test_a_grant_names_one_tag_that_can_be_seen(made: Core, tag: str, environment: str) -> None:
    zoe = await joined(made, "Zoe")
    ask = AddGrant(
        team_id=made.team_id,
        member_id=place_of(made, zoe),
        access=Access.VIEWER,
        tag=tag,
        environment=environment,
    )
    with pytest.raises(InvalidInput):
        await made.call(ask)


# The end of a team


async def test_a_team_with_machines_is_not_deleted(made: Core) -> None:
    await made.call(CreateTeam(name="Web", handle="web"))
    first = await made.create("m1")
    for name in ("m2", "m3", "m4"):
        await made.create(name)
    with pytest.raises(Conflict) as caught:
        await made.call(DeleteTeam(team_id=made.team_id))
    assert caught.value.code == "E-TEAM-HAS-MACHINES"
    assert caught.value.message == "Personal still has 4 machines: m1, m2, m3, …."
    await made.call(CancelDeployment(deployment_id=first.deployment_id))
    with pytest.raises(Conflict, match="3 machines: m2, m3, m4"):
        await made.call(DeleteTeam(team_id=made.team_id))


async def test_ones_only_team_is_not_deleted(made: Core) -> None:
    await refused(made, DeleteTeam(team_id=made.team_id), "E-ONLY-TEAM")


async def test_a_deleted_team_leaves_its_audit_trail_and_nothing_else(made: Core) -> None:
    other = await made.call(CreateTeam(name="Web", handle="web"))
    kept = made.sql("SELECT count(*) FROM team_member")
    zoe = await joined(made, "Zoe")
    ask = await made.create()
    await made.call(GenerateKey(team_id=made.team_id, name="k"))
    await made.call(AddGrant(team_id=made.team_id, member_id=place_of(made, zoe), access=Access.VIEWER))
    await code_for(made)
    made.sql("INSERT INTO log_chunk VALUES (?, 0, 1, ?)", ask.deployment_id, b"x")
    await made.call(CancelDeployment(deployment_id=ask.deployment_id))
    await made.call(DeleteTeam(team_id=made.team_id))
    assert [team_id for team_id, _role in made.host.actor.team_roles] == [other.team_id]
    assert zoe.actor.team_roles == ()
    left = {
        table.name
        for table in METADATA.sorted_tables
        if "team_id" in table.c
        and made.sql(f'SELECT count(*) FROM "{table.name}" WHERE team_id = ?', made.team_id) != [(0,)]
    }
    assert left == {"audit_event", "counter", "change"}
    rows = {row for (row,) in made.sql("SELECT row FROM change WHERE team_id = ?", made.team_id)}
    assert rows == {None}
    assert made.sql("SELECT count(*) FROM log_chunk") == [(0,)]
    assert made.sql("SELECT count(*) FROM team_member") == [(int(str(kept[0][0])) - 1,)]
    newest = made.sql("SELECT action FROM audit_event WHERE team_id = ? ORDER BY seq DESC LIMIT 1", made.team_id)
    assert newest == [("team.delete",)]
