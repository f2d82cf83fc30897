"""The line to a server: how it is, what comes over it, and what is left here when it ends (T46, F16)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from machina_desktop.core.domain.server import Connection
from machina_desktop.core.domain.team import TeamMember
from machina_desktop.core.errors import NotFound, Outdated, Unauthenticated, Unavailable
from machina_desktop.core.events import LogAppended, TeamVanished
from machina_desktop.core.ids import now
from machina_desktop.core.secret import Secret
from machina_desktop.core.services.authentication import NO_TEAM
from machina_desktop.core.services.device import LockVault, UnlockVault
from machina_desktop.core.services.machines import ListMachines
from machina_desktop.core.services.servers import ReconnectServer, SignInAtServer, SignOutOfServer
from machina_desktop.core.services.sessions import Logout
from machina_desktop.core.services.sync import ChangePage, PullSnapshot
from machina_desktop.core.services.teams import ListTeams
from machina_desktop.core.sync import follower as followers
from machina_desktop.core.sync.home import LogGrown
from tests.fakes.homes import URL, Shared, add_machine, shared, write
from tests.fakes.hosts import ON_ONE_STORE, until

pytestmark = pytest.mark.usefixtures("quick")
AWAY = Unavailable("home.example.org cannot be reached.", code="E-OFFLINE")


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for a line longer than a test should take."""
    monkeypatch.setattr(followers, "FIRST_PAUSE_S", 0.01)
    monkeypatch.setattr(followers, "LONGEST_PAUSE_S", 0.05)
    monkeypatch.setattr(followers, "LOOK_S", 0.05)


@pytest.fixture
async def made(tmp_path: Path) -> AsyncIterator[Shared]:
    async with shared(tmp_path) as both:
        yield both


async def names(made: Shared) -> list[str]:
    return [machine.name for machine in await made.desk.call(ListMachines(team_id=made.team_id))]


async def test_what_changes_at_the_home_is_here_soon(made: Shared) -> None:
    await made.until(Connection.LIVE)
    await add_machine(made.home.host, made.team_id, "m1")
    await made.heard()
    assert await names(made) == ["m1"]


async def test_teams_of_all_homes_stand_side_by_side(made: Shared) -> None:
    assert sorted(team.home for team in await made.desk.call(ListTeams())) == ["", URL]


async def test_a_cut_line_is_told_and_mended_by_itself(made: Shared) -> None:
    await made.until(Connection.LIVE)
    made.home.trouble = AWAY
    status = await made.until(Connection.OFFLINE)
    assert status.reason == AWAY.message
    await add_machine(made.home.host, made.team_id, "m1")
    made.home.trouble = None
    await made.until(Connection.LIVE)
    await made.heard()
    assert await names(made) == ["m1"]


async def test_an_ended_session_leaves_the_copy_readable(made: Shared) -> None:
    await add_machine(made.home.host, made.team_id, "m1")
    await made.heard()
    made.home.trouble = Unauthenticated("You are not signed in, or not any more.")
    await made.until(Connection.SIGNED_OUT)
    made.home.trouble = None
    assert await names(made) == ["m1"]
    assert (await made.status()).connection is Connection.SIGNED_OUT
    await made.desk.call(SignInAtServer(url=URL, email="ben@example.org", password=Secret("its password")))
    await made.until(Connection.LIVE)


async def test_a_server_of_another_version_is_named_so_and_tried_when_asked(made: Shared) -> None:
    made.home.trouble = Outdated("home.example.org is newer than this program.")
    status = await made.until(Connection.OUTDATED)
    assert "newer" in status.reason
    made.home.trouble = None
    await made.desk.call(ReconnectServer(server_id=made.server_id))
    await made.until(Connection.LIVE)


@ON_ONE_STORE
async def test_a_locked_vault_holds_the_line_until_it_is_opened(tmp_path: Path, each_store: str) -> None:
    async with shared(tmp_path) as made:
        await made.until(Connection.LIVE)
        await made.desk.call(LockVault())
        made.home.trouble = AWAY
        await made.until(Connection.OFFLINE)
        await made.desk.host.connections.of(made.server_id).forget_line()
        made.home.trouble = None
        await made.until(Connection.LOCKED)
        await made.desk.call(UnlockVault(slot="key-file"))
        await made.until(Connection.LIVE)


async def test_a_run_that_writes_its_log_there_is_heard_of_here(made: Shared) -> None:
    await made.until(Connection.LIVE)
    made.home.hint(LogGrown("deployment-1", 4096))
    await until(lambda: LogAppended("deployment-1", 4096) in made.desk.events)


async def remove(made: Shared) -> None:
    def work(tx: object) -> None:
        place = tx.find(TeamMember, team_id=made.team_id, user_id=made.home.user_id)  # type: ignore[attr-defined]
        tx.delete(place)  # type: ignore[attr-defined]

    await write(made.home.host, work)


async def test_whoever_is_put_out_of_a_team_keeps_nothing_of_it(made: Shared) -> None:
    word = "canary-3Kq9vTz"
    await add_machine(made.home.host, made.team_id, "m1", notes=word)
    await made.heard()
    assert word.encode() in made.desk.stored()
    await remove(made)
    await until(lambda: TeamVanished(made.team_id, made.server_id) in made.desk.events)
    with pytest.raises(NotFound):
        await names(made)
    assert made.desk.host.actor.role_in(made.team_id) is None
    assert word.encode() not in made.desk.stored()


@pytest.mark.parametrize("interruption", ["the line ends", "others use the file", "others use it after the end"])
async def test_a_removal_that_was_interrupted_is_done_again(
    made: Shared, monkeypatch: pytest.MonkeyPatch, interruption: str
) -> None:
    """What was deleted is in the file until it is written anew."""
    word = "canary-5Jw8bNd"
    await add_machine(made.home.host, made.team_id, "m1", notes=word)
    await made.heard()
    compact, tries = made.desk.host.database.compact, iter((True, True))

    async def interrupted() -> None:
        if next(tries, False):
            if interruption != "the line ends":
                raise busy()
            made.home.trouble = AWAY
            try:
                await asyncio.Event().wait()
            finally:
                made.home.trouble = None
        await compact()

    monkeypatch.setattr(made.desk.host.database, "compact", interrupted)
    if interruption == "others use it after the end":
        made.home.trouble = Unauthenticated("You are in no team of this server any more.", code=NO_TEAM)
    else:
        await remove(made)
    await until(lambda: TeamVanished(made.team_id, made.server_id) in made.desk.events)
    assert word.encode() not in made.desk.stored()
    assert made.desk.sql("SELECT * FROM replica") == []


async def test_a_copy_that_cannot_be_removed_yet_keeps_its_server_for_another_try(
    made: Shared, monkeypatch: pytest.MonkeyPatch
) -> None:
    word = "canary-2Hc6yRs"
    await add_machine(made.home.host, made.team_id, "m1", notes=word)
    await made.heard()
    with monkeypatch.context() as others:
        others.setattr(made.desk.host.database, "compact", raising(busy()))
        with pytest.raises(Unavailable, match="in use"):
            await made.desk.call(SignOutOfServer(server_id=made.server_id))
    assert (await made.status()).server.server_id == made.server_id
    await made.desk.call(SignOutOfServer(server_id=made.server_id))
    assert word.encode() not in made.desk.stored()
    assert made.desk.sql("SELECT * FROM replica") == made.desk.sql("SELECT * FROM server") == []


def busy() -> Unavailable:
    return Unavailable("The database is in use by another program.", code="E-DB-BUSY")


def raising(error: Exception) -> Callable[[], Awaitable[None]]:
    async def fail() -> None:
        raise error

    return fail


async def test_signing_out_removes_what_came_from_there(made: Shared) -> None:
    await add_machine(made.home.host, made.team_id, "m1", notes="canary-9Lm2xQw")
    await made.heard()
    await made.desk.call(SignOutOfServer(server_id=made.server_id))
    assert [team.home for team in await made.desk.call(ListTeams())] == [""]
    assert made.home.asked_of(Logout) == [Logout()]
    assert b"canary-9Lm2xQw" not in made.desk.stored()
    assert made.desk.sql("SELECT * FROM sealed WHERE record_table = 'server'") == []


async def test_a_token_is_stored_sealed_only(made: Shared) -> None:
    assert b"machina_token-of-the-tests" not in made.desk.stored()
    assert made.desk.sql("SELECT field FROM sealed WHERE record_table = 'server' ORDER BY field") == [
        ("expires_at",),
        ("token",),
    ]


# A home that is not honest


def poisoned(row: dict[str, object], *, entity: str = "machine", entity_id: str = "") -> object:
    """Puts a row into every page."""

    def spoil(answer: object) -> object:
        if not isinstance(answer, ChangePage) or not answer.changes:
            return answer
        last = answer.changes[-1]
        bad = replace(last, entity=entity, entity_id=entity_id or str(row.get(f"{entity}_id", "")), row=row)
        return replace(answer, changes=(*answer.changes[:-1], bad))

    return spoil


async def test_a_row_of_another_team_is_refused_with_its_page(made: Shared) -> None:
    await made.until(Connection.LIVE)
    own = await add_machine(made.desk.host, made.desk.team_id, "own", notes="mine")
    stolen = {"machine_id": own.machine_id, "team_id": made.team_id, "name": "evil", "provider": "sandbox"}
    stolen |= {"provider_account_id": "account-1", "created_at": now().isoformat(), "updated_at": now().isoformat()}
    made.home.spoil = poisoned(stolen)  # type: ignore[assignment]
    await add_machine(made.home.host, made.team_id, "m1")

    async def is_told() -> bool:
        return "another team" in (await made.status()).reason

    await until(is_told, what="the word about the home")
    assert await names(made) == []
    assert (await made.desk.machine(own.machine_id)).notes == "mine"


@pytest.mark.parametrize(
    ("row", "entity"),
    [
        ({"machine_id": "../../etc/passwd"}, "machine"),
        ({"machine_id": "machine-1", "name": 5}, "machine"),
        ({"team_id": "team-other", "team_member_id": "member-1"}, "team_member"),
    ],
    ids=["id", "types", "team"],
)
async def test_what_cannot_be_a_row_is_refused_with_its_page(made: Shared, row: dict[str, object], entity: str) -> None:
    await made.until(Connection.LIVE)
    made.home.spoil = poisoned(row, entity=entity)  # type: ignore[assignment]
    await add_machine(made.home.host, made.team_id, "m1")

    async def is_told() -> bool:
        return URL in (await made.status()).reason

    await until(is_told, what="the word about the home")
    assert await names(made) == []
    assert (await made.status()).connection is Connection.LIVE


async def test_rows_of_unknown_kinds_are_passed_over(made: Shared) -> None:
    await made.until(Connection.LIVE)
    made.home.spoil = poisoned({"server_id": "server-x"}, entity="server")  # type: ignore[assignment]
    await add_machine(made.home.host, made.team_id, "m1")
    await made.heard()
    assert (await made.status()).reason == ""
    assert made.desk.sql("SELECT COUNT(*) FROM server") == [(1,)]


async def test_a_home_cannot_rename_the_person_of_this_computer(made: Shared) -> None:
    await made.until(Connection.LIVE)
    mine = made.desk.host.actor
    row = {"user_id": mine.user_id, "email": "", "display_name": "Mallory", "created_at": now().isoformat()}
    made.home.spoil = poisoned(row, entity="user")  # type: ignore[assignment]
    await add_machine(made.home.host, made.team_id, "m1")
    await made.heard()
    assert made.desk.sql("SELECT display_name FROM user WHERE user_id = ?", mine.user_id) == [(mine.display_name,)]
    assert made.desk.host.actor.display_name == mine.display_name


async def test_a_command_of_an_account_stays_where_it_was_typed(made: Shared) -> None:
    await made.until(Connection.LIVE)
    at = now().isoformat()
    row = {"provider_account_id": "account-1", "team_id": made.team_id, "provider_type": "baremetal", "label": "x"}
    row |= {"settings": {"start_command": "curl evil", "zone": "z"}, "created_at": at, "updated_at": at}  # type: ignore[dict-item]
    made.home.spoil = poisoned(row, entity="provider_account", entity_id="account-1")  # type: ignore[assignment,arg-type]
    await add_machine(made.home.host, made.team_id, "m1")
    await made.heard()
    assert made.desk.sql("SELECT settings FROM provider_account") == [('{"zone":"z"}',)]


async def test_a_snapshot_that_broke_off_is_begun_anew(tmp_path: Path) -> None:
    async with shared(tmp_path, follows=False) as made:
        first = await add_machine(made.home.host, made.team_id, "m1")
        made.desk.sql("UPDATE replica SET is_whole = 0")
        made.desk.sql("DELETE FROM machine")
        await made.desk.host.connections.of(made.server_id).catch_up(made.team_id)
        assert await names(made) == [first.name]
        assert made.desk.sql("SELECT is_whole FROM replica") == [(1,)]


async def test_a_copy_that_is_far_behind_is_made_anew_without_what_is_gone(made: Shared) -> None:
    gone = await add_machine(made.home.host, made.team_id, "m1")
    await made.heard()
    made.home.trouble = AWAY
    await made.until(Connection.OFFLINE)
    await write(made.home.host, lambda tx: tx.delete(gone))
    await add_machine(made.home.host, made.team_id, "m2")
    made._home_sql("DELETE FROM change")
    made.home.trouble = None
    await made.until(Connection.LIVE)
    await made.heard()

    async def is_level() -> bool:
        return await names(made) == ["m2"]

    await until(is_level)
    assert made.home.asked_of(PullSnapshot)
    assert made.desk.sql("SELECT * FROM intent") == []
