"""A team moves between this computer and a server: copied first, then decided in one step that can be asked again.

Until the server has confirmed, a team that goes is at home here. While nobody knows whether it has confirmed, nothing
can be written to the team here; whatever happens to either program then, asking again finds out, and one home is left.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from typing import Protocol, TypeVar

from machina_desktop.core.codec import to_json, to_plain
from machina_desktop.core.domain.audit import AuditEvent
from machina_desktop.core.domain.profile import handle_problem
from machina_desktop.core.domain.server import Server
from machina_desktop.core.domain.team import Team
from machina_desktop.core.errors import Conflict, InvalidInput, MachinaError, NotFound, Unauthenticated, Unavailable
from machina_desktop.core.events import Change, Changed, EventBus
from machina_desktop.core.ids import new_id, now
from machina_desktop.core.services.importing import (
    AbandonImport,
    Arrival,
    ExportTeamPart,
    FinishImport,
    GetArrival,
    GetDeparture,
    ImportTeamPart,
    ReleaseTeam,
)
from machina_desktop.core.store.database import Database
from machina_desktop.core.store.moves import Move, MoveStep
from machina_desktop.core.store.sql_transaction import SqlTransaction
from machina_desktop.core.store.transaction import Transaction
from machina_desktop.core.sync.home import Home
from machina_desktop.core.sync.move_steps import (
    MOVER,
    Luggage,
    ask_to_come,
    become_copy,
    become_home,
    begin_coming,
    begin_going,
    hold,
    luggage_of,
    take_history,
    travelling,
)

T = TypeVar("T")
ATTEMPTS = 5


class Copy(Protocol):
    """The copy of a team that comes."""

    team_id: str

    async def pull(self, home: Home) -> None:
        """Take in all that its home has now."""
        ...

    def at_rest(self) -> AbstractAsyncContextManager[None]:
        """Take in nothing meanwhile."""
        ...


class Mover:
    """Moves teams of this computer. Lives on the loop; of one team one move at a time."""

    def __init__(self, database: Database, bus: EventBus) -> None:
        self._database = database
        self._bus = bus
        self._busy = asyncio.Lock()

    async def to_server(self, team_id: str, person: str, server: Server, home: Home, *, handle: str = "") -> Team:
        """Let a team of this computer live at ``server`` from now on; answers it as a copy that is still to be filled.

        ``person`` is the id that its one member has here. Asked again after an interruption, it goes on.

        Raises:
            Conflict: E-RUN-PENDING, E-HANDLE-TAKEN, E-AUDIT-BROKEN, E-MOVED-ON, E-MOVING, E-NOT-LOCAL.
            Unavailable: E-OFFLINE and whatever else the server says; the team stays here, or asking again decides.
        """
        if handle and (problem := handle_problem(handle)):
            raise InvalidInput(problem, field="handle", hint="For example: web-team.", code="E-TEAM-HANDLE")
        async with self._busy:
            known = await self._move_of(team_id)
            if known is not None and (known.server_id != server.server_id or known.is_coming):
                raise _elsewhere()
            if known is not None and known.step is MoveStep.DECIDING:
                return await self._decide_going(known, server, home)
            arrival = await home.call(GetArrival(team_id=team_id))
            move = Move(
                team_id=team_id,
                server_id=server.server_id,
                is_coming=False,
                step=MoveStep.COPYING,
                handle=handle,
                began_at=known.began_at if known else now(),
            )
            await self._write(lambda tx: begin_going(tx, move))
            if arrival.is_home:
                return await self._gone(move, server, home, arrival)
            return await self._decide_going(await self._copied(move, person, server, home, arrival), server, home)

    async def to_here(self, team_id: str, person: str, server: Server, home: Home, *, copy: Copy) -> Team:
        """Let a team of ``server`` live on this computer from now on, with ``person`` as its one member.

        Raises:
            Conflict: E-RUN-PENDING, E-MOVE-STATE, E-INTENTS, E-NOT-WHOLE, E-MOVED-ON, E-AUDIT-BROKEN.
            Forbidden: the person is no administrator there.
            Unavailable: E-OFFLINE and whatever else the server says.
        """
        async with self._busy:
            for attempt in range(ATTEMPTS):
                known = await self._move_of(team_id)
                if known is not None and (known.server_id != server.server_id or not known.is_coming):
                    raise _elsewhere()
                if known is None or known.step is MoveStep.COPYING:
                    known = await self._fetched(known, server, home, copy)
                try:
                    async with copy.at_rest():
                        return await self._decide_coming(known, person, server, home)
                except Conflict as error:
                    if error.code != "E-MOVED-ON" or attempt == ATTEMPTS - 1:
                        raise
            raise _changing()

    async def abandon(self, team_id: str, server: Server, home: Home | None) -> Team:
        """Let a team that is on its way stay where it is; without ``home`` the server cannot be asked.

        Raises:
            Conflict: E-MOVING, the server may have it already; connect and ask again.
        """
        async with self._busy:
            move = await self._move_of(team_id)
            if move is None:
                return await self._read(lambda tx: tx.get(Team, team_id))
            if move.step is MoveStep.DECIDING:
                if home is None or move.is_coming:
                    raise Conflict(
                        "It is not known yet whether the team has moved.",
                        hint="Connect to the server and move the team again: that finds out.",
                        code="E-MOVING",
                    )
                await home.call(AbandonImport(team_id=team_id), op_id=new_id("op"))
                arrival = await home.call(GetArrival(team_id=team_id))
                if arrival.is_home:
                    return await self._gone(move, server, home, arrival)
            elif home is not None and not move.is_coming:
                await home.call(AbandonImport(team_id=team_id), op_id=new_id("op"))
            return await self._stay(move)

    async def decide(self, team_id: str, person: str, server: Server, home: Home, *, copy: Copy) -> Team | None:
        """Find out what has become of a move that was interrupted; ``None`` when nothing is undecided.

        Raises:
            MachinaError: the server cannot be asked, or has refused; then the team is at home where it was.
        """
        async with self._busy:
            move = await self._move_of(team_id)
            if move is None or move.step is not MoveStep.DECIDING or move.server_id != server.server_id:
                return None
            if move.is_coming:
                async with copy.at_rest():
                    return await self._decide_coming(move, person, server, home)
            return await self._decide_going(move, server, home)

    async def forget(self, server_id: str) -> None:
        """Let go of moves from or to a server that had only begun; the teams stay where they are."""
        for move in await self._read(lambda tx: tx.moves.moves()):
            if move.server_id == server_id and move.step is MoveStep.COPYING:
                await self._stay(move)

    async def undecided(self, server_id: str) -> tuple[Move, ...]:
        """Moves from or to a server of which nobody knows how they ended."""
        moves = await self._read(lambda tx: tx.moves.moves())
        return tuple(each for each in moves if each.server_id == server_id and each.step is MoveStep.DECIDING)

    # A team goes

    async def _copied(self, move: Move, person: str, server: Server, home: Home, arrival: Arrival) -> Move:
        """Send all parts until nothing was written meanwhile; from then on nothing can be."""
        known = arrival.parts
        for _attempt in range(ATTEMPTS):
            numbers = await self._read(lambda tx: tx.moves.numbers(move.team_id))
            luggage = await self._read(lambda tx: luggage_of(tx, move.team_id, person))
            known = await self._send_parts(move.team_id, luggage, server, home, known)
            held = await self._write(lambda tx, numbers=numbers: hold(tx, move, numbers))  # type: ignore[misc]
            if held is not None:
                return held
        raise _changing()

    async def _send_parts(
        self, team_id: str, luggage: Luggage, server: Server, home: Home, known: tuple[str, ...]
    ) -> tuple[str, ...]:
        """Send what is not there yet; answers the digests of all parts that make the team."""
        place, number, digests = "", 0, []
        while True:
            here = place
            outgoing = await self._read(lambda tx, here=here: tx.moves.part(team_id, here, has_rows=True))  # type: ignore[misc]
            part = travelling(outgoing.part, luggage, server)
            digest = hashlib.sha256(to_json(part)).hexdigest()
            if number >= len(known) or known[number] != digest:
                ask = ImportTeamPart(team_id=team_id, number=number, part=part)
                if await home.call(ask, op_id=new_id("op")) != digest:
                    raise Conflict("The server has stored something else than was sent.", code="E-IMPORT-PARTS")
            digests.append(digest)
            place, number = outgoing.following, number + 1
            if not place:
                break
        if number < len(known):
            # What is left of an earlier, longer attempt.
            await home.call(AbandonImport(team_id=team_id), op_id=new_id("op"))
            return await self._send_parts(team_id, luggage, server, home, ())
        return tuple(digests)

    async def _decide_going(self, move: Move, server: Server, home: Home) -> Team:
        """Ask the server to take over, as often as it takes to know that it has, or that it has not and will not."""
        arrival = await home.call(GetArrival(team_id=move.team_id))
        if not arrival.is_home and arrival.parts:
            digest = hashlib.sha256("".join(arrival.parts).encode()).hexdigest()
            ask = FinishImport(
                team_id=move.team_id,
                parts=len(arrival.parts),
                digest=digest,
                numbers=await self._read(lambda tx: tx.moves.numbers(move.team_id)),
                device_id=server.device_id,
                handle=move.handle,
            )
            try:
                arrival = await home.call(ask)
            except (Unavailable, Unauthenticated):
                raise
            except MachinaError as refusal:
                await home.call(AbandonImport(team_id=move.team_id), op_id=new_id("op"))
                arrival = await home.call(GetArrival(team_id=move.team_id))
                if not arrival.is_home:
                    await self._stay(move)
                    raise refusal from None
        if arrival.is_home:
            return await self._gone(move, server, home, arrival)
        await self._stay(move)
        raise Conflict(
            "The server knows nothing of the team any more; it stays here.", hint="Move it again.", code="E-NOT-MOVED"
        )

    async def _gone(self, move: Move, server: Server, home: Home, arrival: Arrival) -> Team:
        here = await self._read(lambda tx: tx.moves.numbers(move.team_id))
        if here.audit_seq:
            ask = ExportTeamPart(team_id=move.team_id, place=f"events|{here.audit_seq - 1}")
            there = (await home.call(ask)).part.events
            if not there or there[0].digest != here.audit_digest:
                await self._stay(move)
                raise Conflict(
                    "This team lives at the server already, and something else was done in it here since.",
                    hint="Sign in with another data folder to see it; what is here stays as it is.",
                    code="E-TEAM-THERE",
                )
        numbers = arrival.numbers or here
        return await self._switch(move.team_id, lambda tx: become_copy(tx, move, server, numbers))

    async def _stay(self, move: Move) -> Team:
        def stay(tx: SqlTransaction) -> Team:
            if move.is_coming:
                tx.moves.forget_history(move.team_id)
                numbers = tx.moves.numbers(move.team_id)
                tx.moves.set_numbers(move.team_id, replace(numbers, epoch="", audit_seq=0, audit_digest=""))
            tx.moves.end(move.team_id)
            return tx.get(Team, move.team_id)

        return await self._write(stay)

    # A team comes

    async def _fetched(self, known: Move | None, server: Server, home: Home, copy: Copy) -> Move:
        """All that the home has is here; it is asked next to let the team go."""
        move = Move(
            team_id=copy.team_id,
            server_id=server.server_id,
            is_coming=True,
            step=MoveStep.COPYING,
            began_at=known.began_at if known else now(),
        )
        await self._write(lambda tx: begin_coming(tx, move, server))
        await self._fetch_history(copy.team_id, home)
        await copy.pull(home)
        return await self._write(lambda tx: ask_to_come(tx, move))

    async def _fetch_history(self, team_id: str, home: Home) -> None:
        """Copy the audit trail from where it stands here, and all logs."""
        head = await self._read(lambda tx: tx.moves.numbers(team_id).audit_seq)
        place = f"events|{head}"
        while place:
            outgoing = await home.call(ExportTeamPart(team_id=team_id, place=place))
            await self._write(lambda tx, outgoing=outgoing: take_history(tx, team_id, outgoing))  # type: ignore[misc]
            place = outgoing.following

    async def _decide_coming(self, move: Move, person: str, server: Server, home: Home) -> Team:
        numbers = await self._read(lambda tx: tx.moves.numbers(move.team_id))
        departure = await self._departure(move, home)
        if departure is None:
            ask = ReleaseTeam(team_id=move.team_id, change_seq=numbers.change_seq, audit_seq=move.audit_seq)
            try:
                await home.call(ask, op_id=new_id("op"))
            except (Unavailable, Unauthenticated):
                raise
            except MachinaError as refusal:
                departure = await self._departure(move, home)
                if departure is None:
                    await self._keep_copying(move, refusal)
                    raise refusal from None
            else:
                departure = await self._departure(move, home)
        if departure is None:
            raise Conflict("The server has let the team go, but does not say so.", hint="Try again.", code="E-MOVING")
        event = departure
        return await self._switch(move.team_id, lambda tx: become_home(tx, move, person, server, event))

    async def _departure(self, move: Move, home: Home) -> AuditEvent | None:
        try:
            return await home.call(GetDeparture(team_id=move.team_id, audit_seq=move.audit_seq))
        except NotFound:
            return None

    async def _keep_copying(self, move: Move, refusal: MachinaError) -> None:
        """Refused: the server is the home. What was copied stays when it only has to be completed."""
        if refusal.code == "E-MOVED-ON":
            await self._write(lambda tx: tx.moves.note(replace(move, step=MoveStep.COPYING)))
        else:
            await self._stay(move)

    # The store

    async def _move_of(self, team_id: str) -> Move | None:
        return await self._read(lambda tx: tx.moves.move_of(team_id))

    async def _read(self, work: Callable[[Transaction], T]) -> T:
        return await self._database.read(MOVER, work)

    async def _write(self, work: Callable[[SqlTransaction], T]) -> T:
        result, _tx = await self._database.write(MOVER, _anything, work)
        return result

    async def _switch(self, team_id: str, work: Callable[[SqlTransaction], tuple[Team, tuple[object, ...]]]) -> Team:
        """Let the team have its other home, and tell everybody here."""
        (team, rows), tx = await self._database.write(MOVER, _anything, work)
        del tx
        numbers = await self._read(lambda tx: tx.moves.numbers(team_id))
        at = now()
        self._bus.publish(
            Changed(
                tuple(
                    Change(
                        team_id=team_id,
                        seq=numbers.change_seq,
                        entity="team" if isinstance(row, Team) else "team_member",
                        entity_id=row.team_id if isinstance(row, Team) else str(getattr(row, "team_member_id", "")),
                        row=to_plain(row),
                        at=at,
                    )
                    for row in (team, *rows)
                )
            )
        )
        return team


def _anything(_team_id: str, _tags: object = None) -> None:
    """Who may ask for a move is judged before."""


def _elsewhere() -> Conflict:
    return Conflict(
        "The team is on its way to another server.", hint="Finish or abandon that move first.", code="E-MOVING"
    )


def _changing() -> Conflict:
    return Conflict("The team was changed again and again while it was copied.", hint="Try again.", code="E-MOVED-ON")
