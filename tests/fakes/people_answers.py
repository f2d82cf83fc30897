"""What the fake gateway answers about people, invites and the audit trail."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from machina_desktop.core.domain.audit import AuditEvent, ChainReport
from machina_desktop.core.domain.invite import TeamInvite
from machina_desktop.core.domain.key import SSHKey
from machina_desktop.core.domain.provider import ProviderAccount
from machina_desktop.core.domain.team import ENVIRONMENT, Grant, Team, TeamMember, TeamRole, User
from machina_desktop.core.errors import Conflict, InvalidInput, NotFound
from machina_desktop.core.ids import now
from machina_desktop.core.services import audit, invites, members, teams

if TYPE_CHECKING:
    from tests.fakes.gateway import FakeGateway

CODE = "7k3m9-2qhx4-v8p0r-t5wny-z61c3d"


class PeopleAnswers:
    """Answers from the gateway's rows, and to its rows."""

    def __init__(self, gateway: FakeGateway) -> None:
        self._rows = gateway

    def answers(self) -> dict[type[Any], Callable[[Any], object]]:
        """A function for each kind of request."""
        rows = self._rows
        return {
            teams.ListTeams: lambda _ask: tuple(sorted(rows.all(Team), key=lambda row: row.name)),
            teams.GetTeam: lambda ask: rows.get(Team, ask.team_id),
            teams.CreateTeam: self._create_team,
            teams.UpdateTeam: self._update_team,
            teams.DeleteTeam: lambda ask: rows.remove(Team, ask.team_id),
            members.LeaveTeam: lambda ask: rows.remove(Team, ask.team_id),
            members.ListMembers: self._list_members,
            members.GetMember: lambda ask: self._membership(rows.get(TeamMember, ask.member_id)),
            members.ChangeRole: lambda ask: rows.put(replace(rows.get(TeamMember, ask.member_id), role=ask.role)),
            members.ListExposure: lambda _ask: self._exposure(),
            members.RemoveMember: self._remove_member,
            members.AddGrant: self._add_grant,
            members.RemoveGrant: lambda ask: rows.remove(Grant, ask.grant_id),
            invites.ListInvites: self._list_invites,
            invites.CreateInvite: self._create_invite,
            invites.RevokeInvite: lambda ask: rows.put(replace(rows.get(TeamInvite, ask.invite_id), revoked_at=now())),
            invites.JoinTeam: self._join,
            audit.ListAuditEvents: self._list_events,
            audit.GetAuditEvent: lambda ask: rows.get(AuditEvent, ask.audit_event_id),
            audit.ExportAudit: self._export,
            audit.VerifyAudit: lambda _ask: ChainReport(events=len(rows.all(AuditEvent))),
        }

    def _create_team(self, ask: teams.CreateTeam) -> Team:
        if any(row.handle == ask.handle for row in self._rows.all(Team)):
            raise Conflict(f"The handle {ask.handle} is taken.", hint="Choose another handle.", code="E-HANDLE-TAKEN")
        at = now()
        return self._rows.put(
            Team(team_id=ask.team_id, name=ask.name, handle=ask.handle, created_by="", created_at=at, updated_at=at)
        )

    def _update_team(self, ask: teams.UpdateTeam) -> Team:
        row = self._rows.get(Team, ask.team_id)
        given = {"name": ask.name, "handle": ask.handle}
        named: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
        return self._rows.put(replace(row, **named, avatar_url=ask.avatar_url or None))

    def _membership(self, member: TeamMember) -> members.Membership:
        own = tuple(grant for grant in self._rows.all(Grant) if grant.user_id == member.user_id)
        return members.Membership(member=member, user=self._rows.get(User, member.user_id), grants=own)

    def _list_members(self, ask: members.ListMembers) -> tuple[members.Membership, ...]:
        found = (
            self._membership(row)
            for row in self._rows.all(TeamMember)
            if row.team_id == ask.team_id and ask.role in {None, row.role}
        )
        words = ask.search.lower()
        named = [each for each in found if words in f"{each.user.display_name} {each.user.email}".lower()]
        return tuple(sorted(named, key=lambda each: each.user.display_name))

    def _exposure(self) -> members.Exposure:
        return members.Exposure(
            accounts=tuple(self._rows.all(ProviderAccount)),
            keys=tuple(row for row in self._rows.all(SSHKey) if row.has_private_key),
        )

    def _remove_member(self, ask: members.RemoveMember) -> members.Exposure:
        self._rows.remove(TeamMember, ask.member_id)
        return self._exposure()

    def _add_grant(self, ask: members.AddGrant) -> Grant:
        member = self._rows.get(TeamMember, ask.member_id)
        tag = ask.tag or (f"{ENVIRONMENT}{ask.environment}" if ask.environment else "")
        if any(
            (row.user_id, row.tag, row.access) == (member.user_id, tag, ask.access) for row in self._rows.all(Grant)
        ):
            raise Conflict("The member has this grant already.", code="E-GRANT-KNOWN")
        return self._rows.put(
            Grant(
                grant_id=ask.grant_id,
                team_id=ask.team_id,
                user_id=member.user_id,
                access=ask.access,
                tag=tag,
                granted_by=self._rows.actor.user_id,
                created_at=now(),
            )
        )

    def _name(self, user_id: str | None) -> str:
        return next((row.display_name for row in self._rows.all(User) if row.user_id == user_id), "")

    def _list_invites(self, ask: invites.ListInvites) -> tuple[invites.ListedInvite, ...]:
        at = now()
        return tuple(
            invites.ListedInvite(
                invite_id=row.invite_id,
                team_id=row.team_id,
                role=row.role,
                state=row.state(at),
                created_by=self._name(row.created_by),
                created_at=row.created_at,
                expires_at=row.expires_at,
                used_by=self._name(row.used_by),
                used_at=row.used_at,
            )
            for row in sorted(self._rows.all(TeamInvite), key=lambda row: row.created_at, reverse=True)
            if ask.state in {None, row.state(at)} and row.team_id == ask.team_id
        )

    def _create_invite(self, ask: invites.CreateInvite) -> invites.IssuedInvite:
        at = now()
        row = self._rows.put(
            TeamInvite(
                invite_id=ask.invite_id,
                team_id=ask.team_id,
                code_hash="0" * 64,
                role=ask.role,
                created_by=self._rows.actor.user_id,
                created_at=at,
                expires_at=at + timedelta(hours=ask.hours),
            )
        )
        return invites.IssuedInvite(invite_id=row.invite_id, code=CODE, role=row.role, expires_at=row.expires_at)

    def _join(self, ask: invites.JoinTeam) -> Team:
        if ask.code.reveal() != CODE:
            raise InvalidInput("This code lets nobody in.", field="code", code="E-INVITE")
        at = now()
        team = Team(team_id="team-09nord", name="Nordlicht", handle="nord", created_by="", created_at=at, updated_at=at)
        self._rows.actor = replace(
            self._rows.actor, team_roles=(*self._rows.actor.team_roles, (team.team_id, TeamRole.MEMBER))
        )
        return self._rows.put(team)

    def _events(self, ask: audit.AuditFilter) -> list[AuditEvent]:
        found = [
            row
            for row in self._rows.all(AuditEvent)
            if row.team_id == ask.team_id
            and ask.actor_id in {"", row.actor_id}
            and (not ask.action or row.action == ask.action or row.action.startswith(f"{ask.action}."))
            and (not ask.entity or row.target in {ask.entity, ask.entity.partition(":")[2]})
            and ask.outcome in {None, row.outcome}
            and (ask.since is None or row.at >= ask.since)
            and (ask.until is None or row.at <= ask.until)
            and ask.search.lower() in f"{row.actor_name} {row.action} {row.target} {row.detail}".lower()
        ]
        return sorted(found, key=lambda row: row.seq)

    def _list_events(self, ask: audit.ListAuditEvents) -> tuple[AuditEvent, ...]:
        found = [row for row in self._events(ask) if not ask.before or row.seq < ask.before]
        return tuple(reversed(found[-ask.limit :]))

    def _export(self, ask: audit.ExportAudit) -> audit.AuditExport:
        found = [row for row in self._events(ask) if row.seq > ask.after]
        if ask.limit < 1:
            raise NotFound("A page has events.")
        page = found[: ask.limit]
        return audit.AuditExport(
            text="".join(f"{row.seq},{row.action}\r\n" for row in page),
            after=page[-1].seq if page else ask.after,
            is_last=len(page) == len(found),
        )
