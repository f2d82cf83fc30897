"""A code lets one person in, in one role, for a time; nobody but its reader ever knows it (trust.md T36)."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from machina_desktop.core.domain.audit import AuditOutcome
from machina_desktop.core.domain.invite import InviteState, hashed_code, written_code
from machina_desktop.core.domain.team import TeamRole
from machina_desktop.core.errors import Conflict, Forbidden, InvalidInput, MachinaError, NotFound
from machina_desktop.core.ids import new_code
from machina_desktop.core.secret import Secret
from machina_desktop.core.services.audit import ListAuditEvents
from machina_desktop.core.services.invites import (
    CreateInvite,
    JoinTeam,
    ListInvites,
    RecordInvite,
    RevokeInvite,
)
from machina_desktop.core.services.machines import ListMachines
from machina_desktop.core.services.members import LeaveTeam, ListMembers
from machina_desktop.core.services.teams import CreateTeam
from tests.fakes.hosts import STRANGER, Core, core
from tests.fakes.people import code_for, joined, newcomer

LONG_AGO = "2020-01-01T00:00:00.000000Z"


@pytest.fixture
async def made(tmp_path: Path, each_store: str) -> AsyncIterator[Core]:
    async with core(tmp_path / "home") as started:
        yield started


async def turned_away(made: Core, code: Secret) -> MachinaError:
    door = await newcomer(made, "Eve")
    with pytest.raises(InvalidInput) as caught:
        await door.call(JoinTeam(code=code))
    assert door.actor.team_roles == ()
    return caught.value


# Codes


def test_a_code_has_130_bits_and_is_read_in_groups() -> None:
    codes = {new_code() for _ in range(1000)}
    assert len(codes) == 1000
    assert {len(code) for code in codes} == {26}
    assert {code[0] for code in codes} == set("0123456789abcdefghjkmnpqrstvwxyz")
    assert written_code("abcdefghjkmnpqrstvwxyz0123") == "abcde-fghjk-mnpqr-stvwx-yz0123"


@pytest.mark.parametrize("typed", ["7K3M9-2QHX4", "7k3m92qhx4", " 7k3m9 2qhx4 ", "7k3m92qhx4-"])
def test_a_code_is_known_however_it_is_typed(typed: str) -> None:
    assert hashed_code(typed) == hashed_code("7k3m92qhx4")


def test_letters_that_look_like_digits_are_read_as_such() -> None:
    assert hashed_code("O1L") == hashed_code("011")


# Making


async def test_a_code_is_shown_once_and_stored_nowhere(made: Core, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    issued = await made.call(CreateInvite(team_id=made.team_id))
    assert re.fullmatch(r"([0-9a-z]{5}-){4}[0-9a-z]{6}", issued.code)
    stored = made.stored()
    for spelt in (issued.code, issued.code.replace("-", "")):
        assert spelt.encode() not in stored
        assert spelt not in caplog.text
    assert hashed_code(issued.code).encode() in stored


async def test_an_invite_holds_for_a_week_unless_said_otherwise(made: Core) -> None:
    issued = await made.call(CreateInvite(team_id=made.team_id))
    assert timedelta(days=7) - (issued.expires_at - datetime.now(UTC)) < timedelta(minutes=1)
    for hours in (1, 720):
        issued = await made.call(CreateInvite(team_id=made.team_id, hours=hours))
        assert timedelta(hours=hours) - (issued.expires_at - datetime.now(UTC)) < timedelta(minutes=1)
    for hours in (0, -1, 721, 10**12):
        with pytest.raises(InvalidInput) as caught:
            await made.call(CreateInvite(team_id=made.team_id, hours=hours))
        assert (caught.value.code, caught.value.field) == ("E-INVITE-HOURS", "hours")


async def test_what_is_no_hash_is_not_stored(made: Core) -> None:
    for code_hash in ("", "abc", "Z" * 64):
        ask = RecordInvite(
            team_id=made.team_id, invite_id="invite-x", code_hash=code_hash, role=TeamRole.MEMBER, hours=1
        )
        with pytest.raises(InvalidInput):
            await made.call(ask)


async def test_making_and_using_an_invite_leaves_one_event_each(made: Core) -> None:
    await joined(made, "Zoe")
    used, issued = (await made.call(ListAuditEvents(team_id=made.team_id)))[:2]
    assert (issued.action, issued.outcome) == ("invite.create", AuditOutcome.SUCCEEDED)
    assert (used.action, used.actor_name, used.target.partition(":")[0]) == ("team.join", "Zoe", "team_member")


# Joining


@pytest.mark.parametrize("role", TeamRole)
async def test_a_code_lets_in_with_its_role_at_once(made: Core, role: TeamRole) -> None:
    await made.create()
    zoe = await newcomer(made, "Zoe")
    team = await zoe.call(JoinTeam(code=await code_for(made, role)))
    assert team.team_id == made.team_id
    assert zoe.actor.role_in(made.team_id) is role
    assert len(await zoe.call(ListMachines(team_id=made.team_id))) == 1
    [member] = [
        each.member for each in await made.call(ListMembers(team_id=made.team_id)) if each.user.display_name == "Zoe"
    ]
    assert (member.role, member.invited_by) == (role, made.host.actor.user_id)


async def test_the_teams_feed_gets_to_know_who_joined(made: Core) -> None:
    zoe = await joined(made, "Zoe")
    newest = made.sql("SELECT entity, entity_id FROM change WHERE team_id = ? ORDER BY seq DESC LIMIT 1", made.team_id)
    assert newest == [("user", zoe.actor.user_id)]


async def test_a_code_is_good_for_one_person(made: Core) -> None:
    code = await code_for(made)
    zoe = await newcomer(made, "Zoe")
    await zoe.call(JoinTeam(code=code))
    assert (await turned_away(made, code)).code == "E-INVITE"


async def test_joining_again_after_a_lost_answer_is_harmless(made: Core) -> None:
    code = await code_for(made)
    zoe = await newcomer(made, "Zoe")
    ask = JoinTeam(code=code)
    assert await zoe.call(ask) == await zoe.call(ask)
    assert made.sql("SELECT count(*) FROM team_member") == [(2,)]


async def test_a_code_that_was_used_lets_nobody_back_in(made: Core) -> None:
    code = await code_for(made)
    zoe = await newcomer(made, "Zoe")
    await zoe.call(JoinTeam(code=code))
    await zoe.call(CreateTeam(name="Own", handle="own"))
    await zoe.call(LeaveTeam(team_id=made.team_id))
    with pytest.raises(InvalidInput):
        await zoe.call(JoinTeam(code=code))


async def test_of_many_who_use_one_code_at_once_one_gets_in(made: Core) -> None:
    code = await code_for(made)
    doors = [await newcomer(made, f"P{number}") for number in range(8)]
    answers = await asyncio.gather(*(door.call(JoinTeam(code=code)) for door in doors), return_exceptions=True)
    assert [isinstance(each, MachinaError) for each in answers].count(False) == 1
    assert made.sql("SELECT count(*) FROM team_member WHERE team_id = ?", made.team_id) == [(2,)]


async def test_who_is_in_the_team_leaves_the_code_to_others(made: Core) -> None:
    code = await code_for(made)
    with pytest.raises(Conflict) as caught:
        await made.call(JoinTeam(code=code))
    assert caught.value.code == "E-IN-TEAM"
    await (await newcomer(made, "Zoe")).call(JoinTeam(code=code))


async def test_whatever_is_wrong_with_a_code_the_answer_is_the_same(made: Core) -> None:
    used, expired, revoked = [await code_for(made) for _ in range(3)]
    await (await newcomer(made, "Zoe")).call(JoinTeam(code=used))
    made.sql("UPDATE team_invite SET expires_at = ? WHERE code_hash = ?", LONG_AGO, hashed_code(expired.reveal()))
    [(invite_id,)] = made.sql("SELECT invite_id FROM team_invite WHERE code_hash = ?", hashed_code(revoked.reveal()))
    await made.call(RevokeInvite(team_id=made.team_id, invite_id=str(invite_id)))
    wrong = (Secret(""), Secret("x"), Secret(new_code()), Secret("\udcff"), used, expired, revoked)
    answers = {(error.code, str(error)) for error in [await turned_away(made, code) for code in wrong]}
    assert len(answers) == 1
    assert made.sql("SELECT count(*) FROM team_member WHERE team_id = ?", made.team_id) == [(2,)]


# Looking and revoking


async def test_administrators_see_what_became_of_each_invite(made: Core) -> None:
    await joined(made, "Zoe")
    codes = [await code_for(made, hours=hours) for hours in (1, 2, 3)]
    made.sql("UPDATE team_invite SET expires_at = ? WHERE code_hash = ?", LONG_AGO, hashed_code(codes[0].reveal()))
    newest = (await made.call(ListInvites(team_id=made.team_id)))[0]
    await made.call(RevokeInvite(team_id=made.team_id, invite_id=newest.invite_id))
    await made.call(RevokeInvite(team_id=made.team_id, invite_id=newest.invite_id))
    found = await made.call(ListInvites(team_id=made.team_id))
    assert [each.state for each in found] == [
        InviteState.REVOKED,
        InviteState.OPEN,
        InviteState.EXPIRED,
        InviteState.USED,
    ]
    assert found[-1].used_by == "Zoe"
    assert {each.created_by for each in found} == {made.host.actor.display_name}
    assert await made.call(ListInvites(team_id=made.team_id, state=InviteState.OPEN)) == (found[1],)


async def test_a_used_invite_cannot_be_revoked(made: Core) -> None:
    await joined(made, "Zoe")
    [invite] = await made.call(ListInvites(team_id=made.team_id))
    with pytest.raises(Conflict) as caught:
        await made.call(RevokeInvite(team_id=made.team_id, invite_id=invite.invite_id))
    assert caught.value.code == "E-INVITE-USED"


async def test_another_teams_invite_cannot_be_found(made: Core) -> None:
    issued = await made.call(CreateInvite(team_id=made.team_id))
    other = await made.call(CreateTeam(name="Web", handle="web"))
    with pytest.raises(NotFound):
        await made.call(RevokeInvite(team_id=other.team_id, invite_id=issued.invite_id))
    for ask in (
        ListInvites(team_id=made.team_id),
        RevokeInvite(team_id=made.team_id, invite_id=issued.invite_id),
        CreateInvite(team_id=made.team_id),
    ):
        with pytest.raises(NotFound):
            await made.door(STRANGER).call(ask)


async def test_who_may_only_read_cannot_join(made: Core) -> None:
    with pytest.raises(Forbidden):
        await made.door(made.reader).call(JoinTeam(code=await code_for(made)))
