"""A team read by copies of it elsewhere: its changes in order, and all of it for who is too far behind (spec 6)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from machina_desktop.core.domain.custody import KEPT_BACK
from machina_desktop.core.domain.team import Actor, TeamRole
from machina_desktop.core.events import Change
from machina_desktop.core.services.use_case import Request, use_case
from machina_desktop.core.store.moves import CopiedRow
from machina_desktop.core.store.transaction import Transaction

PAGE = 500
FOR_ADMINISTRATORS = frozenset({"team_invite"})
"""Kinds of rows whose list is not every member's to see."""


@dataclass(frozen=True, kw_only=True)
class ChangePage:
    """Changes of a team, oldest first.

    Attributes:
        reaches: Ask on after this number; it may lie behind the last change shown, for not all are everybody's.
        head: The number of the newest change; nothing is left when ``reaches`` is that.
        epoch: Another one after a restore of the home: then all that is known of the team is out of date.
        needs_snapshot: What follows ``since`` is not kept any more, or another epoch began: take a snapshot.
    """

    team_id: str
    epoch: str
    head: int
    reaches: int
    needs_snapshot: bool
    changes: tuple[Change, ...]


@dataclass(frozen=True, kw_only=True)
class SnapshotPage:
    """Rows of a team in a fixed order.

    Attributes:
        head: After the first page, follow the feed from its ``head`` on; what changes meanwhile comes again there.
        epoch: When it differs from the first page's, begin anew.
        entity: Kind of the last row, to ask on with.
        after: Key of the last row, to ask on with.
        is_last: Nothing follows.
    """

    team_id: str
    epoch: str
    head: int
    rows: tuple[CopiedRow, ...]
    entity: str
    after: str
    is_last: bool


@dataclass(frozen=True, kw_only=True)
class PullChanges(Request[ChangePage]):
    """Changes of a team after number ``since``, as counted in ``epoch``."""

    team_id: str
    since: int = 0
    epoch: str = ""
    limit: int = PAGE


@dataclass(frozen=True, kw_only=True)
class PullSnapshot(Request[SnapshotPage]):
    """Rows of a team after those that were pulled already: ``entity`` and ``after`` are the last page's."""

    team_id: str
    entity: str = ""
    after: str = ""
    limit: int = PAGE


@use_case("sync.pull", "GET /api/sync/pull", at_home=True)
def pull_changes(tx: Transaction, actor: Actor, ask: PullChanges) -> ChangePage:
    """What the person may see of them."""
    head = tx.feed_head(ask.team_id)
    is_cut_off = ask.epoch != head.epoch or not head.oldest - 1 <= ask.since <= head.seq
    found = () if is_cut_off else tx.read_feed(ask.team_id, after=ask.since, limit=ask.limit)
    return ChangePage(
        team_id=ask.team_id,
        epoch=head.epoch,
        head=head.seq,
        reaches=found[-1].seq if found else ask.since,
        needs_snapshot=is_cut_off,
        changes=tuple(
            replace(change, row=_travelling(change.entity, change.row))
            for change in found
            if _may_see(actor, ask.team_id, change.entity)
        ),
    )


@use_case("sync.snapshot", "GET /api/sync/snapshot", at_home=True)
def pull_snapshot(tx: Transaction, actor: Actor, ask: PullSnapshot) -> SnapshotPage:
    """All rows but the audit trail and logs, which are read where they are."""
    head = tx.feed_head(ask.team_id)
    found = tx.read_rows(ask.team_id, entity=ask.entity, after=ask.after, limit=ask.limit)
    return SnapshotPage(
        team_id=ask.team_id,
        epoch=head.epoch,
        head=head.seq,
        rows=tuple(
            replace(each, row=_travelling(each.entity, each.row) or {})
            for each in found
            if _may_see(actor, ask.team_id, each.entity)
        ),
        entity=found[-1].entity if found else ask.entity,
        after=found[-1].entity_id if found else ask.after,
        is_last=len(found) < ask.limit,
    )


def _may_see(actor: Actor, team_id: str, entity: str) -> bool:
    return entity not in FOR_ADMINISTRATORS or actor.role_in(team_id) is TeamRole.ADMIN


def _travelling(entity: str, row: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if row is None or entity != "provider_account":
        return None if row is None else dict(row)
    kept = {name: value for name, value in row["settings"].items() if name not in KEPT_BACK}
    return {**row, "settings": kept}
