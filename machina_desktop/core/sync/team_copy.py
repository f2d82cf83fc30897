"""One team whose home is a server: brought up to what its home has, edited here, its edits sent there in order."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from machina_desktop.core.domain.intent import Intent
from machina_desktop.core.domain.server import SCHEMA, Replica, Server
from machina_desktop.core.domain.team import Actor, TeamRole
from machina_desktop.core.errors import Conflict, Forbidden, InvalidInput, MachinaError, NotFound, Unavailable
from machina_desktop.core.events import Changed, EventBus, TeamVanished
from machina_desktop.core.services.sync import ChangePage, PullChanges, PullSnapshot, SnapshotPage
from machina_desktop.core.services.use_case import Request
from machina_desktop.core.store.replicas import PURGED, Origin, Position, Replicas
from machina_desktop.core.sync.home import Home
from machina_desktop.core.sync.outbox import Edited, Outbox
from machina_desktop.core.sync.person import Person
from machina_desktop.core.tasks import finish

if TYPE_CHECKING:
    from machina_desktop.core.store.database import Database
    from machina_desktop.core.store.sql_transaction import SqlTransaction

R = TypeVar("R")
LOG = logging.getLogger(__name__)
STARTS = 3
"""How often a snapshot is begun in one go; a home that begins another epoch each time is not followed further."""
BATCH = 25
"""So many edits are read and noted at once; more would keep a single one from being noted soon."""
JUDGED = (InvalidInput, NotFound, Forbidden, Conflict)
"""What a home says of an edit that it will never carry out; everything else may be different another time."""

COPIER = Actor(user_id="copies", display_name="Copies", is_runner=True)


@dataclass(frozen=True, kw_only=True)
class Desk:
    """What copies of teams work with on this computer."""

    database: Database
    bus: EventBus
    person: Person


class TeamCopy:
    """A copy of one team. Lives on the loop; any number of tasks may ask at once.

    Every method that asks the home raises what :meth:`Home.call` does, and Unavailable, E-SERVER-ANSWER, for what no
    honest home says.
    """

    def __init__(self, desk: Desk, server: Server, team_id: str) -> None:
        self._desk = desk
        self._server = server
        self.team_id = team_id
        self._pulling = asyncio.Lock()
        self._sending = asyncio.Lock()
        self._asked = 0
        self._covered = 0
        self._unseen: set[str] = set()
        self.seq = -1

    # Taking in

    async def pull(self, home: Home) -> None:
        """Take in all that the home had when this was asked; of several who ask at once, one pulls for all."""
        self._asked += 1
        mine = self._asked
        async with self._pulling:
            if self._covered >= mine:
                return
            covers = self._asked
            await self._pull(home)
            self._covered = covers

    async def _pull(self, home: Home) -> None:
        role = self._role()
        replica, position = await self._read(lambda tx: (tx.find(Replica, team_id=self.team_id), _position(tx, self)))
        if replica is None or not replica.is_whole or replica.schema != SCHEMA or position is None:
            position = await self._take_snapshot(home)
        starts = 1
        # What the home had accepted before this pull began is in what it tells now.
        seen = frozenset(self._unseen)
        while True:
            page = await home.call(PullChanges(team_id=self.team_id, since=position.seq, epoch=position.epoch))
            self._check(page, position)
            if page.needs_snapshot:
                starts += 1
                if starts > STARTS:
                    raise self._strange("always another epoch")
                position = await self._take_snapshot(home)
                continue
            is_last = page.reaches >= page.head
            await self._take_page(page, seen if is_last else frozenset())
            position = Position(page.epoch, page.reaches)
            if is_last:
                break
        if role is not None and role is not TeamRole.ADMIN and self._role() is TeamRole.ADMIN:
            # Administrators see more than changes from now on would bring.
            await self._take_snapshot(home)

    def _role(self) -> TeamRole | None:
        return self._desk.person.actor.role_in(self.team_id)

    def _check(self, page: ChangePage, position: Position) -> None:
        if page.team_id != self.team_id:
            raise self._strange("changes of another team")
        is_same = page.epoch == position.epoch
        if not page.needs_snapshot and (not is_same or page.reaches < position.seq):
            raise self._strange("changes that were not asked for")
        if not page.needs_snapshot and page.reaches == position.seq and page.reaches < page.head:
            raise self._strange("changes that never come")

    async def _take_page(self, page: ChangePage, seen: frozenset[str]) -> None:
        origin = self._origin()

        def work(tx: SqlTransaction) -> None:
            replicas = Replicas(tx)
            if replicas.position(self.team_id) is None:
                return
            replicas.put_back(self.team_id)
            replicas.take_changes(origin, page.epoch, page.reaches, page.changes)
            self._outbox(tx).lay_on(also=self._unseen - seen)

        await self._write(work)
        self._unseen -= seen
        self.seq = page.reaches

    # Taking in everything

    async def _take_snapshot(self, home: Home) -> Position:
        """Make the copy anew; what it is of the outbox is made again over each page."""
        before = await self._read(lambda tx: _position(tx, self))
        for _start in range(STARTS):
            first = page = await self._snapshot_page(home, "", "")
            # Only now: of a team that the home does not show, nothing begins here.
            await self._write(lambda tx: Replicas(tx).begin(self._origin()))
            if before is None or before.epoch != first.epoch:
                self._desk.person.begin_anew(self.team_id)
            kept: defaultdict[str, set[str]] = defaultdict(set)
            while page.epoch == first.epoch:
                await self._take_rows(page, first.head)
                for row in page.rows:
                    kept[row.entity].add(row.entity_id)
                if page.is_last:
                    return await self._finish(first, before, {name: frozenset(keys) for name, keys in kept.items()})
                page = await self._snapshot_page(home, page.entity, page.after)
        raise self._strange("always another epoch")

    async def _snapshot_page(self, home: Home, entity: str, after: str) -> SnapshotPage:
        page = await home.call(PullSnapshot(team_id=self.team_id, entity=entity, after=after))
        if page.team_id != self.team_id:
            raise self._strange("rows of another team")
        if not page.is_last and (page.entity, page.after) == (entity, after):
            raise self._strange("rows that never end")
        return page

    async def _take_rows(self, page: SnapshotPage, head: int) -> None:
        origin = self._origin()

        def work(tx: SqlTransaction) -> None:
            replicas = Replicas(tx)
            replicas.put_back(self.team_id)
            replicas.take_rows(origin, page.rows, head)
            self._outbox(tx).lay_on()

        await self._write(work)

    async def _finish(self, first: SnapshotPage, before: Position | None, kept: dict[str, frozenset[str]]) -> Position:
        origin = self._origin()
        is_restored = before is not None and before.epoch not in {PURGED, first.epoch}

        def work(tx: SqlTransaction) -> None:
            replicas, outbox = Replicas(tx), self._outbox(tx)
            replicas.put_back(self.team_id)
            gone = replicas.finish(origin, first.epoch, first.head, kept)
            if is_restored:
                outbox.lose(gone)
                outbox.send_again()
            outbox.lay_on()

        await self._write(work)
        self.seq = first.head
        return Position(first.epoch, first.head)

    @contextlib.asynccontextmanager
    async def at_rest(self) -> AsyncIterator[None]:
        """Nothing is taken in meanwhile."""
        async with self._pulling:
            yield

    # Editing

    async def edit(self, ask: Request[object]) -> Edited:
        """Carry an edit out here and keep it for the home; see :meth:`Outbox.make`."""
        return await self._write(lambda tx: self._outbox(tx).make(ask))

    async def make_again(self, op_id: str) -> Intent:
        """See :meth:`Outbox.make_again`."""
        return await self._write(lambda tx: self._outbox(tx).make_again(op_id))

    async def dismiss(self, op_id: str) -> None:
        """See :meth:`Outbox.forget`; not while it is being sent."""
        async with self._sending:
            await self._write(lambda tx: self._outbox(tx).forget(op_id))

    async def withdraw(self, op_id: str) -> None:
        """Forget an edit that the home has refused while the person waited for it: they have been told."""
        await self._write(lambda tx: self._outbox(tx).forget(op_id))

    # Sending

    async def send(self, home: Home) -> dict[str, object]:
        """Send what waits, oldest first; answers by ``op_id`` what the home said: an answer, or its refusal."""
        said: dict[str, object] = {}
        async with self._sending:
            while waiting := await self._read(lambda tx: self._outbox(tx).next(BATCH)):
                await self._send(home, waiting, said)
        return said

    async def _send(
        self, home: Home, waiting: tuple[tuple[Intent, Request[object]], ...], said: dict[str, object]
    ) -> None:
        """Send these, up to the first that is refused; that they were taken is noted at once for all of them.

        What was sent and not noted, because the program died, is sent again: the home carries it out only once.
        """
        taken: list[str] = []
        refused: tuple[str, MachinaError] | None = None
        try:
            for intent, ask in waiting:
                said[intent.op_id] = await home.call(ask, op_id=intent.op_id, expects=intent.expects)
                taken.append(intent.op_id)
        except JUDGED as error:
            refused = intent.op_id, error
        finally:
            if taken:
                self._unseen.update(taken)
                await self._write(lambda tx: self._outbox(tx).accept(taken))
        if refused is not None:
            said[refused[0]] = refused[1]
            await self._refused(home, *refused)

    async def _refused(self, home: Home, op_id: str, error: MachinaError) -> None:
        try:
            # What the home has instead is to be shown as it is now.
            await self.pull(home)
        except MachinaError as problem:
            LOG.info("%s: what it has instead of a refused edit is not known: %s", self._server.url, problem.code)
        await self._write(lambda tx: self._outbox(tx).refuse(op_id, error))

    # The end

    async def purge(self) -> None:
        """Remove everything of the team from this computer.

        Until nothing can be found in the file any more, the copy stays on record: who is interrupted here, by the end
        of the line or of the program, finds it and does this again.

        Raises:
            Unavailable: the database is in use without a pause; do this again.
        """
        team_id, origin = self.team_id, self._origin()
        async with self._pulling:
            await self._write(lambda tx: Replicas(tx).purge(origin))
            await self._desk.database.compact()
            await self._write(lambda tx: Replicas(tx).forget(team_id))
        self._desk.bus.publish(TeamVanished(team_id, self._server.server_id))

    # Its place in the store

    def _origin(self) -> Origin:
        return Origin(
            team_id=self.team_id,
            server_id=self._server.server_id,
            home=self._server.url,
            own_ids=self._desk.person.ids_but(self._server.url),
        )

    def _outbox(self, tx: SqlTransaction) -> Outbox:
        return Outbox(tx, self.team_id, self._desk.person.actor_in(self.team_id))

    async def _read(self, work: Callable[[SqlTransaction], R]) -> R:
        return await self._desk.database.read(COPIER, work)  # type: ignore[arg-type]

    async def _write(self, work: Callable[[SqlTransaction], R]) -> R:
        """Run ``work`` in one transaction and tell what it changed."""
        return await finish(self._written(work))

    async def _written(self, work: Callable[[SqlTransaction], R]) -> R:
        result, tx = await self._desk.database.write(COPIER, _anything, work)
        if tx.changes:
            self._desk.bus.publish(Changed(tuple(tx.changes)))
        return result

    def _strange(self, what: str) -> Unavailable:
        return Unavailable(
            f"{self._server.url} sent {what}.", hint="Ask whoever runs the server.", code="E-SERVER-ANSWER"
        )


def _position(tx: SqlTransaction, copy: TeamCopy) -> Position | None:
    return Replicas(tx).position(copy.team_id)


def _anything(_team_id: str, _tags: object = None) -> None:
    """What a home says is not judged here."""
