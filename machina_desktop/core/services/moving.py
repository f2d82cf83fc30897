"""Letting a team live elsewhere: a local one at a server, so that others may join it, or one of a server here."""

from __future__ import annotations

from dataclasses import dataclass

from machina_desktop.core.domain.team import Actor, Team
from machina_desktop.core.errors import Conflict
from machina_desktop.core.services.context import Context
from machina_desktop.core.services.use_case import Request, use_case


@dataclass(frozen=True, kw_only=True)
class MoveTeam(Request[Team]):
    """Let a team live at a server from now on; without ``server_id`` bring it to this computer, or call it back.

    Rows, audit trail and logs go with it, ids stay. Secrets and states stay on the computer that has them, and nobody
    else comes along to this computer: there a team has one member. An interrupted move is asked for again, and goes on.

    Attributes:
        handle: Another handle for the team at the server, where its own is taken.
    """

    team_id: str
    server_id: str = ""
    handle: str = ""


@use_case("team.move", "POST /api/device/teams/{team_id}/move", is_audited=False)
async def move_team(context: Context, _actor: Actor, ask: MoveTeam) -> Team:
    """For administrators; the trail that goes with the team tells of it where it arrives, or is let go of."""
    if context.servers is None:
        raise Conflict("Only a person's own computer moves teams.", code="E-NO-SERVERS")
    return await context.servers.move(ask.team_id, ask.server_id, ask.handle)
