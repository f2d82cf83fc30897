"""Scenarios of accounts, sessions, teams, members, invites, the audit trail, moving and copies."""

from __future__ import annotations

import hashlib
from typing import Any

from machina_desktop.core.domain.account import SessionKind
from machina_desktop.core.domain.audit import AuditEvent
from machina_desktop.core.domain.invite import InviteState
from machina_desktop.core.domain.team import Access, TeamRole
from machina_desktop.core.errors import Conflict, Forbidden, InvalidInput, NotFound, Unauthenticated
from machina_desktop.core.ids import new_id
from machina_desktop.core.secret import Secret
from machina_desktop.core.services import accounts, audit, importing, invites, members, sessions, sync, teams
from machina_desktop.core.services.server_description import DescribeServer
from machina_desktop.core.services.use_case import Request
from machina_desktop.core.store.moves import TeamNumbers, TeamPart
from machina_desktop.core.workers.deployer import RUNNER
from tests.contract.scenarios import scenario
from tests.contract.world import World
from tests.fakes.server import PASSWORD

Ask = Request[Any]
NEW = "another horse, another staple"
HASH = "$2b$04$" + "a" * 53


# Accounts and sessions


@scenario(DescribeServer, who="nobody")
async def whoever_comes_sees_what_server_it_is(w: World) -> Ask:
    return DescribeServer()


@scenario(accounts.Register, who="nobody")
async def somebody_with_a_code_makes_an_account(w: World) -> Ask:
    await w.sql("DELETE FROM rate_limit")
    name = w.fresh("New")
    return accounts.Register(
        email=f"{name}@example.org",
        display_name=name,
        password=Secret(PASSWORD),
        code=Secret(await w.code()),
        kind=SessionKind.DEVICE,
    )


@scenario(accounts.Register, who="nobody", fails=(Forbidden, "E-REGISTRATION"))
async def somebody_without_a_code_makes_no_account(w: World) -> Ask:
    await w.sql("DELETE FROM rate_limit")
    return accounts.Register(email="x@example.org", display_name="X", password=Secret(PASSWORD))


@scenario(accounts.Register, who="nobody", fails=(InvalidInput, "E-PASSWORD"))
async def a_short_password_is_refused_with_its_field(w: World) -> Ask:
    await w.sql("DELETE FROM rate_limit")
    return accounts.Register(email="x@example.org", display_name="X", password=Secret("short"))


@scenario(accounts.Login, who="nobody")
async def somebody_signs_in(w: World) -> Ask:
    await w.sql("DELETE FROM rate_limit")
    return accounts.Login(email="ADA@example.org", password=Secret(PASSWORD), kind=SessionKind.DEVICE, device_name="X")


@scenario(accounts.Login, who="nobody", fails=(Unauthenticated, "E-LOGIN"))
async def a_wrong_password_lets_nobody_in(w: World) -> Ask:
    await w.sql("DELETE FROM rate_limit")
    return accounts.Login(email="ada@example.org", password=Secret("wrong"))


@scenario(accounts.ChangePassword)
async def a_password_is_changed(w: World) -> tuple[str, Ask]:
    who = await w.spare_person()
    return who, accounts.ChangePassword(current=Secret(PASSWORD), new=Secret(NEW))


@scenario(accounts.ChangePassword, fails=(InvalidInput, "E-PASSWORD-WRONG"))
async def whoever_does_not_know_the_password_does_not_change_it(w: World) -> Ask:
    return accounts.ChangePassword(current=Secret("wrong"), new=Secret(NEW))


@scenario(accounts.OpenAccount, who="runner")
async def the_server_stores_an_account(w: World) -> Ask:
    return accounts.OpenAccount(
        user_id=new_id("user"),
        email=f"{w.fresh('o')}@example.org",
        display_name="O",
        password_hash=Secret(HASH),
        pepper="p",
        code=Secret(""),
        kind=SessionKind.DEVICE,
        device_name="",
    )


@scenario(accounts.EnterAccount, who="runner", fails=(Conflict, "E-PASSWORD-CHANGED"))
async def the_server_begins_no_session_with_a_former_password(w: World) -> Ask:
    return accounts.EnterAccount(
        user_id=w.people["admin"].user_id,
        verified=Secret(HASH),
        renewed=Secret(""),
        pepper="p",
        kind=SessionKind.DEVICE,
        device_name="",
    )


@scenario(accounts.SetPassword, who="runner", fails=(NotFound, "E-NOT-FOUND"))
async def the_server_changes_no_password_of_nobody(w: World) -> Ask:
    return accounts.SetPassword(
        user_id="user-nobody", verified=Secret(HASH), password_hash=Secret(HASH), pepper="p", end_others=True
    )


@scenario(sessions.ListSessions)
async def sessions_are_listed(w: World) -> tuple[str, Ask]:
    return await w.spare_person(), sessions.ListSessions()


@scenario(sessions.ListSessions, who="nobody", fails=(Unauthenticated, "E-AUTH"))
async def nobody_has_no_sessions(w: World) -> Ask:
    return sessions.ListSessions()


@scenario(sessions.Logout, is_once=True)
async def somebody_signs_out(w: World) -> tuple[str, Ask]:
    return await w.spare_person(), sessions.Logout()


@scenario(sessions.RevokeSession, is_once=True)
async def somebody_ends_their_session(w: World) -> tuple[str, Ask]:
    who = await w.spare_person()
    return who, sessions.RevokeSession(session_id=w.people[who].session_id)


@scenario(sessions.RevokeSession, fails=(NotFound, "E-NOT-FOUND"))
async def nobody_ends_the_session_of_another(w: World) -> Ask:
    return sessions.RevokeSession(session_id=w.people["member"].session_id)


@scenario(sessions.RotateSession)
async def a_token_is_renewed(w: World) -> tuple[str, Ask]:
    return await w.spare_person(), sessions.RotateSession()


@scenario(teams.WhoAmI)
async def one_sees_who_one_is(w: World) -> Ask:
    return teams.WhoAmI()


@scenario(teams.UpdateProfile)
async def a_profile_is_changed(w: World) -> tuple[str, Ask]:
    return await w.spare_person(), teams.UpdateProfile(display_name="Zoë ☃")


@scenario(teams.UpdateProfile, fails=(InvalidInput, "E-DISPLAY-NAME"))
async def a_profile_keeps_its_name_when_the_new_one_is_empty(w: World) -> Ask:
    return teams.UpdateProfile(display_name="")


# Teams


@scenario(teams.ListTeams)
async def teams_are_listed(w: World) -> Ask:
    return teams.ListTeams()


@scenario(teams.GetTeam, who="member")
async def a_team_is_shown(w: World) -> Ask:
    return teams.GetTeam(team_id=w.team_id)


@scenario(teams.GetTeam, who="stranger", fails=(NotFound, "E-NOT-FOUND"))
async def a_foreign_team_does_not_exist(w: World) -> Ask:
    return teams.GetTeam(team_id=w.team_id)


@scenario(teams.CreateTeam, who="member")
async def a_team_is_made(w: World) -> tuple[str, Ask]:
    return await w.spare_person(), teams.CreateTeam(name="Ünïted", handle=w.fresh("united"))


@scenario(teams.CreateTeam, fails=(Conflict, "E-HANDLE-TAKEN"))
async def a_handle_is_given_once(w: World) -> Ask:
    return teams.CreateTeam(name="Crew", handle="crew")


@scenario(teams.UpdateTeam)
async def a_team_gets_another_name(w: World) -> Ask:
    return teams.UpdateTeam(team_id=await w.spare_team(), name="Better")


@scenario(teams.UpdateTeam, who="member", fails=(Forbidden, "E-FORBIDDEN"))
async def a_member_does_not_change_the_team(w: World) -> Ask:
    return teams.UpdateTeam(team_id=w.team_id, name="Mine")


@scenario(teams.DeleteTeam)
async def a_team_is_deleted(w: World) -> Ask:
    return teams.DeleteTeam(team_id=await w.spare_team())


@scenario(members.LeaveTeam)
async def somebody_leaves_a_team(w: World) -> tuple[str, Ask]:
    who = await w.spare_person()
    await w.here(who, teams.CreateTeam(name="Other", handle=w.fresh("other")))
    return who, members.LeaveTeam(team_id=w.team_id)


@scenario(members.LeaveTeam, fails=(Conflict, "E-LAST-ADMIN"))
async def the_last_administrator_stays(w: World) -> Ask:
    team_id = await w.spare_team()
    await w.place(team_id)
    return members.LeaveTeam(team_id=team_id)


@scenario(invites.JoinTeam, who="stranger")
async def somebody_joins_with_a_code(w: World) -> tuple[str, Ask]:
    who = await w.spare_person()
    await w.sql("DELETE FROM team_member WHERE user_id = :key", key=w.people[who].user_id)
    await w.sql("DELETE FROM rate_limit")
    return who, invites.JoinTeam(code=Secret((await w.code()).upper()))


@scenario(invites.JoinTeam, who="stranger", fails=(InvalidInput, "E-INVITE"))
async def nobody_joins_with_a_wrong_code(w: World) -> Ask:
    await w.sql("DELETE FROM rate_limit")
    return invites.JoinTeam(code=Secret("0" * 26))


@scenario(members.ListMembers, who="reader")
async def members_are_listed(w: World) -> Ask:
    return members.ListMembers(team_id=w.team_id)


@scenario(members.ListMembers)
async def members_are_looked_for(w: World) -> Ask:
    return members.ListMembers(team_id=w.team_id, role=TeamRole.ADMIN, search="a d")


@scenario(members.GetMember)
async def a_member_is_shown(w: World) -> Ask:
    return members.GetMember(team_id=w.team_id, member_id=await w.place())


@scenario(members.ChangeRole)
async def a_member_becomes_an_administrator(w: World) -> Ask:
    return members.ChangeRole(team_id=w.team_id, member_id=await w.place(), role=TeamRole.ADMIN)


@scenario(members.ListExposure)
async def it_is_shown_what_a_member_could_read(w: World) -> Ask:
    return members.ListExposure(team_id=w.team_id, member_id=await w.place())


@scenario(members.RemoveMember)
async def a_member_is_removed(w: World) -> Ask:
    return members.RemoveMember(team_id=w.team_id, member_id=await w.place())


@scenario(members.AddGrant)
async def a_grant_is_given(w: World) -> Ask:
    return members.AddGrant(team_id=w.team_id, member_id=await w.place(), access=Access.DEPLOYER, environment="prod")


@scenario(members.RemoveGrant)
async def a_grant_is_taken(w: World) -> Ask:
    return members.RemoveGrant(team_id=w.team_id, grant_id=await w.grant())


@scenario(invites.ListInvites)
async def invites_are_listed(w: World) -> Ask:
    team_id = await w.spare_team()
    await w.here("admin", invites.CreateInvite(team_id=team_id, hours=1))
    return invites.ListInvites(team_id=team_id, state=InviteState.OPEN)


@scenario(invites.ListInvites, who="member", fails=(Forbidden, "E-FORBIDDEN"))
async def invites_are_not_for_members(w: World) -> Ask:
    return invites.ListInvites(team_id=w.team_id)


@scenario(invites.CreateInvite)
async def an_invite_is_made(w: World) -> Ask:
    return invites.CreateInvite(team_id=w.team_id, role=TeamRole.ADMIN, hours=24)


@scenario(invites.CreateInvite, fails=(InvalidInput, "E-INVITE-HOURS"))
async def an_invite_does_not_hold_for_ever(w: World) -> Ask:
    return invites.CreateInvite(team_id=w.team_id, hours=10_000)


@scenario(invites.RecordInvite, who="runner")
async def the_home_keeps_an_invites_hash(w: World) -> Ask:
    return invites.RecordInvite(
        team_id=w.team_id, invite_id=new_id("invite"), code_hash="0" * 64, role=TeamRole.MEMBER, hours=1
    )


@scenario(invites.RevokeInvite)
async def an_invite_is_revoked(w: World) -> Ask:
    return invites.RevokeInvite(team_id=w.team_id, invite_id=await w.invite())


# The audit trail


async def _quiet_team(w: World) -> str:
    """A team whose trail does not grow."""
    team_id = await w.spare_team()
    await w.here("admin", teams.UpdateTeam(team_id=team_id, name="Ümlaut"))
    return team_id


@scenario(audit.ListAuditEvents)
async def the_trail_is_listed(w: World) -> Ask:
    return audit.ListAuditEvents(team_id=await _quiet_team(w))


@scenario(audit.ListAuditEvents)
async def the_trail_is_looked_through(w: World) -> Ask:
    return audit.ListAuditEvents(team_id=await _quiet_team(w), action="team.update", search="ada", limit=1)


@scenario(audit.GetAuditEvent)
async def an_event_is_shown(w: World) -> Ask:
    team_id = await _quiet_team(w)
    found = await w.site.host.database.read(RUNNER, lambda tx: tx.find(AuditEvent, team_id=team_id))
    assert found is not None
    return audit.GetAuditEvent(audit_event_id=found.audit_event_id)


@scenario(audit.ExportAudit)
async def the_trail_is_exported(w: World) -> Ask:
    return audit.ExportAudit(team_id=await _quiet_team(w))


@scenario(audit.VerifyAudit)
async def the_trail_is_verified(w: World) -> Ask:
    return audit.VerifyAudit(team_id=await _quiet_team(w))


# Copies and moves


@scenario(sync.PullChanges)
async def changes_are_pulled(w: World) -> Ask:
    team_id = await _quiet_team(w)
    head = await w.here("admin", sync.PullSnapshot(team_id=team_id))
    return sync.PullChanges(team_id=team_id, epoch=head.epoch)


@scenario(sync.PullSnapshot)
async def a_snapshot_is_pulled(w: World) -> Ask:
    return sync.PullSnapshot(team_id=await _quiet_team(w), limit=2)


NUMBERS = TeamNumbers(epoch="", change_seq=0, audit_seq=0, audit_digest="")


@scenario(importing.GetArrival)
async def it_is_shown_how_far_a_team_has_come(w: World) -> Ask:
    return importing.GetArrival(team_id=new_id("team"))


@scenario(importing.ImportTeamPart)
async def a_part_of_a_team_is_put_aside(w: World) -> Ask:
    return importing.ImportTeamPart(team_id=new_id("team"), number=0, part=TeamPart())


@scenario(importing.AbandonImport)
async def the_parts_of_a_team_are_let_go_of(w: World) -> Ask:
    return importing.AbandonImport(team_id=new_id("team"))


@scenario(importing.FinishImport, fails=(Conflict, "E-IMPORT-PARTS"))
async def a_team_of_which_parts_are_missing_does_not_come(w: World) -> Ask:
    digest = hashlib.sha256(b"").hexdigest()
    return importing.FinishImport(
        team_id=new_id("team"), parts=1, digest=digest, numbers=NUMBERS, device_id=new_id("device")
    )


@scenario(importing.ExportTeamPart)
async def a_part_of_a_team_is_taken_away(w: World) -> Ask:
    return importing.ExportTeamPart(team_id=await _quiet_team(w))


@scenario(importing.ReleaseTeam, fails=(Conflict, "E-MOVED-ON"))
async def a_team_that_has_gone_on_is_not_released(w: World) -> Ask:
    return importing.ReleaseTeam(team_id=await w.spare_team(), change_seq=0, audit_seq=0)


@scenario(importing.GetDeparture, fails=(NotFound, "E-NOT-FOUND"))
async def nothing_is_known_of_a_team_that_never_was_here(w: World) -> Ask:
    return importing.GetDeparture(team_id=new_id("team"), audit_seq=1)
