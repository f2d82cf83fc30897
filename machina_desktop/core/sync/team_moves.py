"""Moves of teams, with the followers that keep their hands off meanwhile and take up what has become of them."""

from __future__ import annotations

import logging

from machina_desktop.core.domain.team import Team
from machina_desktop.core.errors import Conflict, MachinaError
from machina_desktop.core.store.moves import Move
from machina_desktop.core.sync.follower import Follower
from machina_desktop.core.sync.home import Home
from machina_desktop.core.sync.moving import Mover
from machina_desktop.core.sync.team_copy import COPIER, Desk

LOG = logging.getLogger(__name__)


class TeamMoves:
    """What connections to servers do for teams that move. Lives on the loop."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._mover = Mover(desk.database, desk.bus)

    async def move_of(self, team_id: str) -> Move | None:
        """The move that the team is on."""
        return await self._desk.database.read(COPIER, lambda tx: tx.moves.move_of(team_id))

    async def forget(self, server_id: str) -> None:
        """Let go of moves from or to a server that is left, unless without its session nobody could find out more.

        Raises:
            Conflict: E-MOVING.
        """
        if await self._mover.undecided(server_id):
            raise Conflict(
                "It is not known yet whether a team has moved to or from this server.",
                hint="Connect to it once more, then sign out.",
                code="E-MOVING",
            )
        await self._mover.forget(server_id)

    async def move(self, follower: Follower, team_id: str, *, to_server: bool, handle: str) -> Team:
        """Move the team to the follower's server or from there to this computer; or back, when it is on its way."""
        known = await self.move_of(team_id)
        person = self._desk.person.actor.user_id
        follower.set_aside(team_id)
        try:
            if known is not None and known.is_coming == to_server:
                return await self._mover.abandon(team_id, follower.server, await self._line(follower))
            home = await follower.home()
            if not to_server:
                copy = follower.copy_of(team_id)
                return await self._mover.to_here(team_id, person, follower.server, home, copy=copy)
            await self._mover.to_server(team_id, person, follower.server, home, handle=handle)
        finally:
            follower.take_up(team_id)
        await follower.catch_up(team_id)
        return await self._desk.database.read(COPIER, lambda tx: tx.get(Team, team_id))

    async def decide(self, follower: Follower, home: Home) -> None:
        """Find out what has become of moves that were interrupted; what the server refuses stays where it was."""
        for move in await self._mover.undecided(follower.server.server_id):
            person = self._desk.person.actor.user_id
            copy = follower.copy_of(move.team_id)
            try:
                await self._mover.decide(move.team_id, person, follower.server, home, copy=copy)
            except MachinaError as error:
                LOG.warning("the move of %s is not decided: %s", move.team_id, error)
            if await self.move_of(move.team_id) is None:
                follower.take_up(move.team_id)
                follower.nudge(move.team_id)

    async def _line(self, follower: Follower) -> Home | None:
        """The line, where there is one."""
        if follower.is_away:
            return None
        try:
            return await follower.home()
        except MachinaError:
            return None
