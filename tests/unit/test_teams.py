"""People name themselves and their teams; what could deceive or harm others is refused, and the field is named."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from machina_desktop.core.domain.audit import AuditOutcome
from machina_desktop.core.domain.profile import PICTURE_BYTES
from machina_desktop.core.domain.team import Team, TeamRole, User
from machina_desktop.core.errors import Conflict, Forbidden, InvalidInput, NotFound
from machina_desktop.core.services.audit import ListAuditEvents
from machina_desktop.core.services.machines import ListMachines
from machina_desktop.core.services.teams import CreateTeam, GetTeam, ListTeams, UpdateProfile, UpdateTeam, WhoAmI
from tests.fakes.hosts import ON_ONE_STORE, STRANGER, Core, core

PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n" + b"\0" * 20).decode()
JPEG = base64.b64encode(b"\xff\xd8\xff\xe0" + b"\0" * 20).decode()
WEBP = base64.b64encode(b"RIFF\n\0\0\0WEBPVP8 ").decode()
PICTURES = (
    f"data:image/png;base64,{PNG}",
    f"data:image/jpeg;base64,{JPEG}",
    f"data:image/webp;base64,{WEBP}",
    "https://pictures.example.org/ada.png?size=64",
)
NO_PICTURES = (
    f"data:image/png;base64,{JPEG}",
    f"data:image/svg+xml;base64,{PNG}",
    f"data:image/png;base64,{PNG}!",
    f"data:image/png,{PNG}",
    "data:image/png;base64," + base64.b64encode(b"\x89PNG\r\n\x1a\n" + b"\0" * PICTURE_BYTES).decode(),
    "http://pictures.example.org/ada.png",
    "https://",
    "https://ada:secret@example.org/a.png",
    "https://example.org/a b.png",
    "https://example.org/" + "a" * 3000,
    "https://[::1/a.png",
    "file:///etc/passwd",
    "javascript:alert(1)",
    "ada.png",
)


@pytest.fixture
async def made(tmp_path: Path, each_store: str) -> AsyncIterator[Core]:
    async with core(tmp_path / "home") as started:
        yield started


async def refused(made: Core, ask: CreateTeam | UpdateTeam | UpdateProfile) -> InvalidInput:
    with pytest.raises(InvalidInput) as caught:
        await made.call(ask)
    assert caught.value.hint
    return caught.value


# Making teams


async def test_who_makes_a_team_is_its_administrator_at_once(made: Core) -> None:
    team = await made.call(CreateTeam(name=" Web  team ", handle="web-team"))
    assert (team.name, team.handle, team.created_by) == ("Web  team", "web-team", made.host.actor.user_id)
    assert made.host.actor.role_in(team.team_id) is TeamRole.ADMIN
    assert await made.call(ListMachines(team_id=team.team_id)) == ()
    assert [each.name for each in await made.call(ListTeams())] == ["Personal", "Web  team"]
    assert await made.call(GetTeam(team_id=team.team_id)) == team


async def test_a_team_begins_with_its_own_audit_trail_and_its_founder_in_the_feed(made: Core) -> None:
    team = await made.call(CreateTeam(name="Web", handle="web"))
    [event] = await made.call(ListAuditEvents(team_id=team.team_id))
    assert (event.action, event.target, event.outcome) == (
        "team.create",
        f"team:{team.team_id}",
        AuditOutcome.SUCCEEDED,
    )
    entities = made.sql("SELECT entity FROM change WHERE team_id = ? ORDER BY seq", team.team_id)
    assert entities == [("team",), ("team_member",), ("user",)]


async def test_asking_twice_makes_one_team(made: Core) -> None:
    ask = CreateTeam(name="Web", handle="web")
    assert await made.call(ask) == await made.call(ask)
    assert made.sql("SELECT count(*) FROM team_member") == [(2,)]


@ON_ONE_STORE
@pytest.mark.parametrize("handle", ["", "a", "x" * 41, "Web", "web team", "web_team", "wéb", "web\n"])
async def test_a_handle_that_cannot_be_typed_is_refused(made: Core, handle: str) -> None:
    error = await refused(made, CreateTeam(name="Web", handle=handle))
    assert (error.code, error.field) == ("E-TEAM-HANDLE", "handle")
    error = await refused(made, UpdateTeam(team_id=made.team_id, handle=handle))
    assert (error.code, error.field) == ("E-TEAM-HANDLE", "handle")


@ON_ONE_STORE
@pytest.mark.parametrize("name", ["", "  ", "x" * 81, "We\x1b[2Jb", "a\nb", "abc\u202etxt", "\u200b"])
async def test_a_name_that_could_deceive_is_refused(made: Core, name: str) -> None:
    error = await refused(made, CreateTeam(name=name, handle="web"))
    assert (error.code, error.field) == ("E-TEAM-NAME", "name")
    error = await refused(made, UpdateTeam(team_id=made.team_id, name=name))
    assert (error.code, error.field) == ("E-TEAM-NAME", "name")
    error = await refused(made, UpdateProfile(display_name=name))
    assert (error.code, error.field) == ("E-DISPLAY-NAME", "display_name")


async def test_a_handle_belongs_to_one_team_even_where_the_other_cannot_be_seen(made: Core) -> None:
    made.sql(
        "INSERT INTO team (team_id, name, handle, created_by, home, created_at, updated_at) VALUES "
        "('team-foreign', 'Theirs', 'theirs', 'user-x', '', '2026-01-01T00:00:00.000000Z', "
        "'2026-01-01T00:00:00.000000Z')"
    )
    for ask in (CreateTeam(name="Ours", handle="theirs"), UpdateTeam(team_id=made.team_id, handle="theirs")):
        with pytest.raises(Conflict) as caught:
            await made.call(ask)
        assert caught.value.code == "E-HANDLE-TAKEN"
    assert [each.handle for each in await made.call(ListTeams())] == ["personal"]


async def test_a_team_that_could_not_be_made_leaves_its_trace_with_who_asked(made: Core) -> None:
    with pytest.raises(Conflict):
        await made.call(CreateTeam(name="Twin", handle="personal"))
    event = (await made.audit())[-1]
    assert (event.action, event.outcome, event.detail) == ("team.create", AuditOutcome.FAILED, "E-HANDLE-TAKEN")


async def test_nobody_makes_themselves_administrator_of_a_team_that_exists(made: Core) -> None:
    with pytest.raises((Conflict, NotFound)):
        await made.door(STRANGER).call(CreateTeam(name="Mine", handle="mine", team_id=made.team_id))
    assert made.sql("SELECT name FROM team") == [("Personal",)]
    assert made.sql("SELECT count(*) FROM team_member") == [(1,)]


# Changing teams


async def test_a_team_keeps_what_is_not_given(made: Core) -> None:
    named = await made.call(UpdateTeam(team_id=made.team_id, name="Ada's", avatar_url=PICTURES[0]))
    assert (named.name, named.handle, named.avatar_url) == ("Ada's", "personal", PICTURES[0])
    moved = await made.call(UpdateTeam(team_id=made.team_id, handle="ada"))
    assert (moved.name, moved.handle, moved.avatar_url) == ("Ada's", "ada", PICTURES[0])
    assert (await made.call(UpdateTeam(team_id=made.team_id, handle="ada", avatar_url=""))).avatar_url is None


async def test_only_administrators_change_a_team(made: Core) -> None:
    member = made.member()
    with pytest.raises(Forbidden):
        await made.door(member).call(UpdateTeam(team_id=made.team_id, name="Mine"))
    assert (await made.door(member).call(GetTeam(team_id=made.team_id))).name == "Personal"
    for ask in (UpdateTeam(team_id=made.team_id, name="Mine"), GetTeam(team_id=made.team_id)):
        with pytest.raises(NotFound):
            await made.door(STRANGER).call(ask)


@ON_ONE_STORE
@pytest.mark.parametrize("url", PICTURES)
async def test_a_picture_is_kept_as_it_is(made: Core, url: str) -> None:
    assert (await made.call(UpdateTeam(team_id=made.team_id, avatar_url=url))).avatar_url == url
    assert (await made.call(UpdateProfile(profile_picture_url=url))).profile_picture_url == url


@ON_ONE_STORE
@pytest.mark.parametrize("url", NO_PICTURES, ids=range(len(NO_PICTURES)))
async def test_what_is_no_picture_is_refused(made: Core, url: str) -> None:
    error = await refused(made, UpdateTeam(team_id=made.team_id, avatar_url=url))
    assert (error.code, error.field) == ("E-PICTURE", "avatar_url")
    error = await refused(made, UpdateProfile(profile_picture_url=url))
    assert (error.code, error.field) == ("E-PICTURE", "profile_picture_url")


# Oneself


async def test_a_profile_keeps_what_is_not_given(made: Core) -> None:
    named = await made.call(UpdateProfile(display_name="  Ada Lovelace", email=" ada@example.org "))
    assert (named.display_name, named.email) == ("Ada Lovelace", "ada@example.org")
    pictured = await made.call(UpdateProfile(profile_picture_url=PICTURES[1]))
    assert (pictured.display_name, pictured.email) == ("Ada Lovelace", "ada@example.org")
    assert await made.call(WhoAmI()) == pictured
    assert (await made.call(UpdateProfile(email="", profile_picture_url=""))) == User(
        user_id=pictured.user_id,
        email="",
        display_name="Ada Lovelace",
        role=pictured.role,
        created_at=pictured.created_at,
    )


@ON_ONE_STORE
@pytest.mark.parametrize("email", ["ada", "ada@", "@example.org", "a da@example.org", "ada@example", "a@b@c.org"])
async def test_what_is_no_address_is_refused(made: Core, email: str) -> None:
    error = await refused(made, UpdateProfile(email=email))
    assert (error.code, error.field) == ("E-EMAIL", "email")


async def test_each_team_of_a_person_hears_of_their_new_name(made: Core) -> None:
    team = await made.call(CreateTeam(name="Web", handle="web"))
    await made.call(UpdateProfile(display_name="Ada"))
    for team_id in (made.team_id, team.team_id):
        newest = made.sql("SELECT entity, row FROM change WHERE team_id = ? ORDER BY seq DESC LIMIT 1", team_id)
        assert newest[0][0] == "user"
        assert '"Ada"' in str(newest[0][1])
        [event, *_] = await made.call(ListAuditEvents(team_id=team_id))
        assert event.action == "user.update"


async def test_this_computers_person_stays_the_same_whoever_else_becomes_known(tmp_path: Path) -> None:
    async with core(tmp_path / "home") as first:
        person = first.host.actor
        first.sql(
            'INSERT INTO "user" (user_id, email, display_name, role, created_at) VALUES '
            "('user-00', '', 'Older', 'admin', '2020-01-01T00:00:00.000000Z')"
        )
    async with core(tmp_path / "home") as second:
        assert second.host.actor == person


async def test_a_team_is_stored_composed(made: Core) -> None:
    team: Team = await made.call(CreateTeam(name="Cafe\u0301", handle="cafe"))
    assert team.name == "Caf\u00e9"
