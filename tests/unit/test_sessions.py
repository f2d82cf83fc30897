"""A token lets its owner in until its session ends: by time, by its owner, by being used in two places.

Proof of T33 of trust.md.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from machina_desktop.core.codec import to_json
from machina_desktop.core.domain.account import SessionKind, hashed_token
from machina_desktop.core.domain.team import Access, Client, SystemRole, TeamRole
from machina_desktop.core.errors import Conflict, MachinaError, NotFound, Unauthenticated
from machina_desktop.core.ids import new_token, now
from machina_desktop.core.secret import Secret
from machina_desktop.core.services.authentication import SignedIn, authenticate
from machina_desktop.core.services.members import AddGrant, ChangeRole, RemoveMember
from machina_desktop.core.services.sessions import ListSessions, Logout, RevokeSession, RotateSession
from machina_desktop.core.services.teams import CreateTeam
from tests.fakes.accounts import AGENT, Server, server
from tests.fakes.people import code_for

SECOND, MINUTE, HOUR, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


@pytest.fixture
async def shared(tmp_path: Path, each_store: str) -> AsyncIterator[Server]:
    del each_store
    async with server(tmp_path / "home") as started:
        yield started


async def turned_away(shared: Server, token: Secret) -> Unauthenticated:
    with pytest.raises(Unauthenticated) as caught:
        await shared.actor(token)
    return caught.value


async def member(shared: Server, name: str = "Ada") -> tuple[SignedIn, str]:
    """Somebody with an account and a place in the team; answers the place's id too."""
    person = await shared.registered(name, code=await code_for(shared.made), kind=SessionKind.DEVICE)
    query = "SELECT team_member_id FROM team_member WHERE user_id = ?"
    return person, str(shared.made.sql(query, person.user.user_id)[0][0])


async def rotated(shared: Server, token: Secret) -> SignedIn:
    return await shared.ask(RotateSession(), token)


# Tokens


def test_a_token_has_256_bits_and_is_recognised() -> None:
    tokens = {new_token() for _ in range(1000)}
    assert len(tokens) == 1000
    assert {len(token) for token in tokens} == {len("machina_") + 43}
    assert all(token.startswith("machina_") for token in tokens)


async def test_only_its_hash_is_stored(shared: Server) -> None:
    ada = await shared.registered("Ada")
    assert shared.made.sql("SELECT token_hash FROM session") == [(hashed_token(ada.token.reveal()),)]
    assert ada.token.reveal().encode() not in shared.made.stored()


@pytest.mark.parametrize("token", ["", "machina_", "x" * 5000, "\ud800", "' OR 1=1 --"])
async def test_what_is_no_token_lets_nobody_in(shared: Server, token: str) -> None:
    await shared.registered("Ada")
    assert (await turned_away(shared, Secret(token))).code == "E-AUTH"


async def test_a_stored_hash_is_no_token(shared: Server) -> None:
    ada = await shared.registered("Ada")
    await turned_away(shared, Secret(hashed_token(ada.token.reveal())))


async def test_whoever_has_the_token_acts_with_the_roles_and_grants_of_this_moment(shared: Server) -> None:
    ada, place = await member(shared)
    made = shared.made
    granted = await made.call(AddGrant(team_id=made.team_id, member_id=place, access=Access.VIEWER, tag="prod"))
    assert (await shared.actor(ada.token)).grants == (granted,)
    await made.call(ChangeRole(team_id=made.team_id, member_id=place, role=TeamRole.ADMIN))
    assert (await shared.actor(ada.token)).role_in(made.team_id) is TeamRole.ADMIN
    made.sql('UPDATE "user" SET role = ? WHERE user_id = ?', "readonly", ada.user.user_id)
    client = Client(address="192.0.2.9", user_agent=AGENT)
    actor, session = await shared.entered(ada.token, client)
    assert actor.system_role is SystemRole.READONLY
    assert actor.client == replace(client, session_id=session.session_id, is_device=True)
    assert session.session_id == ada.session_id


async def test_a_person_who_is_gone_is_let_in_no_more(shared: Server) -> None:
    ada = await shared.registered("Ada")
    shared.made.sql('DELETE FROM "user" WHERE user_id = ?', ada.user.user_id)
    await turned_away(shared, ada.token)


# Time


async def test_a_browser_left_alone_for_half_an_hour_is_signed_out(shared: Server) -> None:
    ada = await shared.signed_in((await shared.registered("Ada")).user.display_name, kind=SessionKind.BROWSER)
    shared.passes(29 * MINUTE, ada.session_id)
    await shared.actor(ada.token)
    shared.passes(29 * MINUTE, ada.session_id)
    await shared.actor(ada.token)
    shared.passes(30 * MINUTE, ada.session_id)
    await turned_away(shared, ada.token)


async def test_a_browser_is_signed_out_after_twelve_hours_however_busy(shared: Server) -> None:
    ada = await shared.registered("Ada")
    assert timedelta(hours=12) - (ada.expires_at - now()) < MINUTE
    for _ in range(35):
        shared.passes(20 * MINUTE, ada.session_id)
        await shared.actor(ada.token)
    shared.passes(20 * MINUTE, ada.session_id)
    await turned_away(shared, ada.token)


async def test_a_device_is_signed_out_after_thirty_days_without_a_new_token(shared: Server) -> None:
    ada, _place = await member(shared)
    assert timedelta(days=30) - (ada.expires_at - now()) < MINUTE
    shared.passes(29 * DAY, ada.session_id)
    await shared.actor(ada.token)
    renewed = await rotated(shared, ada.token)
    assert timedelta(days=30) - (renewed.expires_at - now()) < MINUTE
    shared.passes(29 * DAY, ada.session_id)
    await shared.actor(renewed.token)
    shared.passes(DAY, ada.session_id)
    await turned_away(shared, renewed.token)


async def test_a_request_is_written_down_at_most_once_a_minute(shared: Server) -> None:
    ada = await shared.registered("Ada")
    query = "SELECT last_seen_at FROM session"
    began = shared.made.sql(query)
    for _ in range(3):
        await shared.actor(ada.token)
    assert shared.made.sql(query) == began
    shared.passes(MINUTE, ada.session_id)
    await shared.actor(ada.token)
    assert shared.made.sql(query) > began


async def test_looking_whether_a_stream_may_go_on_keeps_nobody_signed_in(shared: Server) -> None:
    ada = await shared.registered("Ada")
    database = shared.made.host._database
    for _ in range(2):
        await authenticate(database, ada.token, Client(), is_use=False)
        shared.passes(15 * MINUTE, ada.session_id)
    with pytest.raises(Unauthenticated):
        await authenticate(database, ada.token, Client(), is_use=False)


# Rotation


async def test_a_new_token_takes_the_place_of_the_former_once_it_is_used(shared: Server) -> None:
    ada, _place = await member(shared)
    renewed = await rotated(shared, ada.token)
    assert (renewed.session_id, renewed.user) == (ada.session_id, ada.user)
    await shared.actor(renewed.token)
    await shared.actor(ada.token)
    shared.passes(61 * SECOND, ada.session_id)
    assert (await turned_away(shared, ada.token)).code == "E-TOKEN-REUSED"


async def test_a_replaced_token_used_again_ends_the_session_for_both(shared: Server) -> None:
    ada, _place = await member(shared)
    stolen = ada.token
    renewed = await rotated(shared, ada.token)
    await shared.actor(renewed.token)
    shared.passes(DAY, ada.session_id)
    assert (await turned_away(shared, stolen)).code == "E-TOKEN-REUSED"
    assert (await turned_away(shared, renewed.token)).code == "E-AUTH"
    event = (await shared.made.audit())[-1]
    assert (event.action, event.detail, event.actor_name) == ("session.revoke", "E-TOKEN-REUSED", "Ada")


async def test_any_token_of_the_chain_gives_a_thief_away(shared: Server) -> None:
    ada, _place = await member(shared)
    tokens = [ada.token]
    for _ in range(4):
        tokens.append((await rotated(shared, tokens[-1])).token)
        await shared.actor(tokens[-1])
    shared.passes(DAY, ada.session_id)
    assert (await turned_away(shared, tokens[1])).code == "E-TOKEN-REUSED"
    await turned_away(shared, tokens[-1])


async def test_a_new_token_that_never_arrived_locks_nobody_out(shared: Server) -> None:
    ada, _place = await member(shared)
    for _ in range(3):
        await rotated(shared, ada.token)
        shared.passes(DAY, ada.session_id)
    renewed = await rotated(shared, ada.token)
    await shared.actor(renewed.token)


async def test_a_token_that_never_arrived_gives_away_whoever_has_it(shared: Server) -> None:
    ada, _place = await member(shared)
    caught_on_the_way = (await rotated(shared, ada.token)).token
    renewed = await rotated(shared, ada.token)
    await shared.actor(renewed.token)
    shared.passes(DAY, ada.session_id)
    assert (await turned_away(shared, caught_on_the_way)).code == "E-TOKEN-REUSED"


async def test_many_rotations_and_uses_at_once_leave_one_good_token(shared: Server) -> None:
    ada, _place = await member(shared)
    asked = [rotated(shared, ada.token) for _ in range(5)]
    used = [shared.actor(ada.token) for _ in range(5)]
    answers = await asyncio.gather(*asked, *used)
    [(newest,)] = shared.made.sql("SELECT token_hash FROM session")
    good = [each for each in answers if isinstance(each, SignedIn) and hashed_token(each.token.reveal()) == newest]
    assert len(good) == 1
    await shared.actor(good[0].token)


async def test_a_browser_keeps_its_token(shared: Server) -> None:
    ada = await shared.registered("Ada")
    with pytest.raises(Conflict) as caught:
        await rotated(shared, ada.token)
    assert caught.value.code == "E-SESSION-KIND"


# Listing and ending


async def test_one_sees_where_one_is_signed_in_and_nobody_else(shared: Server) -> None:
    ada = await shared.registered("Ada")
    await shared.registered("Bob")
    await shared.signed_in("Ada", device_name="  Ada's\nlaptop  ")
    listed = await shared.ask(ListSessions(), ada.token)
    assert [(each.kind, each.name, each.is_current) for each in listed] == [
        (SessionKind.DEVICE, "Ada's laptop", False),
        (SessionKind.BROWSER, "", True),
    ]
    assert {each.system for each in listed} == {AGENT}
    assert all(each.address and each.expires_at and not each.home for each in listed)


async def test_what_has_ended_is_not_listed(shared: Server) -> None:
    ada = await shared.registered("Ada")
    idle, revoked = await shared.signed_in("Ada", kind=SessionKind.BROWSER), await shared.signed_in("Ada")
    shared.passes(HOUR, idle.session_id)
    await shared.ask(RevokeSession(session_id=revoked.session_id), ada.token)
    [listed] = await shared.ask(ListSessions(), ada.token)
    assert listed.session_id == ada.session_id


async def test_a_revoked_session_lets_nobody_in_from_the_next_request_on(shared: Server) -> None:
    ada, _place = await member(shared)
    there = await shared.signed_in("Ada")
    await shared.ask(RevokeSession(session_id=there.session_id), ada.token)
    assert (await turned_away(shared, there.token)).code == "E-AUTH"
    await shared.actor(ada.token)
    event = (await shared.made.audit())[-1]
    assert (event.action, event.target, event.user_agent) == ("session.revoke", f"session:{there.session_id}", AGENT)


async def test_somebody_elses_session_is_one_that_does_not_exist(shared: Server) -> None:
    ada, bob = await shared.registered("Ada"), await shared.registered("Bob")
    told = set()
    for session_id in (ada.session_id, "session-nowhere"):
        with pytest.raises(NotFound) as caught:
            await shared.ask(RevokeSession(session_id=session_id), bob.token)
        told.add(str(caught.value))
    assert len(told) == 1
    await shared.actor(ada.token)


async def test_signing_out_ends_this_session_only(shared: Server) -> None:
    here, there = await shared.registered("Ada"), await shared.signed_in("Ada")
    await shared.ask(Logout(), here.token)
    await turned_away(shared, here.token)
    await shared.actor(there.token)


async def test_whoever_may_only_read_still_signs_out(shared: Server) -> None:
    ada = await shared.registered("Ada")
    shared.made.sql('UPDATE "user" SET role = ? WHERE user_id = ?', "readonly", ada.user.user_id)
    await shared.ask(Logout(), ada.token)
    await turned_away(shared, ada.token)


async def test_whoever_is_removed_from_their_last_team_is_signed_out_everywhere(shared: Server) -> None:
    ada, place = await member(shared)
    there = await shared.signed_in("Ada")
    await shared.made.call(RemoveMember(team_id=shared.made.team_id, member_id=place))
    for token in (ada.token, there.token):
        await turned_away(shared, token)
    assert (await shared.actor((await shared.signed_in("Ada")).token)).team_roles == ()


async def test_whoever_keeps_a_team_stays_signed_in_without_the_other(shared: Server) -> None:
    ada, place = await member(shared)
    own = await shared.ask(CreateTeam(name="Own", handle="own"), ada.token)
    await shared.made.call(RemoveMember(team_id=shared.made.team_id, member_id=place))
    assert (await shared.actor(ada.token)).team_roles == ((own.team_id, TeamRole.ADMIN),)


async def test_sessions_long_over_are_forgotten_with_their_tokens(shared: Server) -> None:
    ada, _place = await member(shared)
    await rotated(shared, ada.token)
    shared.passes(61 * DAY, ada.session_id)
    await shared.signed_in("Ada")
    assert shared.made.sql("SELECT count(*) FROM session") == [(1,)]
    assert shared.made.sql("SELECT count(*) FROM retired_token") == [(0,)]


async def test_an_answer_never_holds_a_token_by_accident(shared: Server) -> None:
    ada = await shared.registered("Ada")
    assert ada.token.reveal() not in repr(ada)
    with pytest.raises((MachinaError, TypeError)):
        to_json(ada)
