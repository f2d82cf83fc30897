"""The audit trail: looking through it, taking it along, and verifying its chain (spec 6.10, 9.5)."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from machina_desktop.core.codec import to_json
from machina_desktop.core.domain.audit import AuditEvent, AuditOutcome, ChainReport, chain_digest
from machina_desktop.core.domain.team import Actor
from machina_desktop.core.errors import InvalidInput
from machina_desktop.core.services.use_case import Request, use_case
from machina_desktop.core.store.transaction import Transaction

CHAIN_PAGE = 1000
EXPORT_PAGE, LONGEST_EXPORT = 5_000, 50_000

_COLUMNS = (
    "seq",
    "at",
    "actor_id",
    "actor_name",
    "action",
    "target",
    "outcome",
    "detail",
    "ip_address",
    "user_agent",
    "previous",
    "digest",
)


class ExportFormat(StrEnum):
    """How an export is written: CSV (RFC 4180) with a heading, or one JSON object a line."""

    CSV = "csv"
    JSON = "json"


@dataclass(frozen=True, kw_only=True)
class AuditFilter:
    """Which events of a team are meant; what is empty does not narrow.

    Attributes:
        actor_id: The user who did it.
        action: A whole action such as ``machine.create``, or its noun such as ``machine``.
        entity: What was done something to: a kind such as ``ssh_key``, or one thing such as ``ssh_key:ID``.
        since: At that time or later.
        until: At that time or earlier.
        search: Words looked for in name, action, target and detail.
    """

    team_id: str
    actor_id: str = ""
    action: str = ""
    entity: str = ""
    outcome: AuditOutcome | None = None
    since: datetime | None = None
    until: datetime | None = None
    search: str = ""


@dataclass(frozen=True, kw_only=True)
class ListAuditEvents(AuditFilter, Request[tuple[AuditEvent, ...]]):
    """Events of a team, newest first; ``before`` a number gives the page that follows it, 0 the first."""

    before: int = 0
    limit: int = 500


@dataclass(frozen=True, kw_only=True)
class GetAuditEvent(Request[AuditEvent]):
    """One event."""

    audit_event_id: str


@dataclass(frozen=True, kw_only=True)
class AuditExport:
    """A page of an export. Pages put one after the other make the whole; ask on ``after`` that number.

    Attributes:
        after: Number of the last event in it.
        is_last: Nothing follows.
    """

    text: str
    after: int
    is_last: bool


@dataclass(frozen=True, kw_only=True)
class ExportAudit(AuditFilter, Request[AuditExport]):
    """Events as text, oldest first, ``limit`` (1 to 50,000) at a time."""

    format: ExportFormat = ExportFormat.CSV
    after: int = 0
    limit: int = EXPORT_PAGE


@dataclass(frozen=True, kw_only=True)
class VerifyAudit(Request[ChainReport]):
    """Recompute the chain of a team from its first event."""

    team_id: str


@use_case("audit.list", "GET /api/audit/events", at_home=True)
def list_audit_events(tx: Transaction, _actor: Actor, ask: ListAuditEvents) -> tuple[AuditEvent, ...]:
    """Events, newest first."""
    conditions = _conditions(ask)
    if ask.before:
        conditions["seq__le"] = ask.before - 1
    return tx.list(AuditEvent, conditions, search=ask.search, order_by="seq", descending=True, limit=ask.limit)


@use_case("audit.get", "GET /api/audit/events/{audit_event_id}", at_home=True)
def get_audit_event(tx: Transaction, _actor: Actor, ask: GetAuditEvent) -> AuditEvent:
    """The event."""
    return tx.get(AuditEvent, ask.audit_event_id)


@use_case("audit.export", "GET /api/audit/export", at_home=True)
def export_audit(tx: Transaction, _actor: Actor, ask: ExportAudit) -> AuditExport:
    """One page as text; the heading stands on the first one only."""
    if not 1 <= ask.limit <= LONGEST_EXPORT:
        raise InvalidInput(f"A page has 1 to {LONGEST_EXPORT} events.", field="limit", code="E-AUDIT-PAGE")
    conditions = {**_conditions(ask), "seq__ge": ask.after + 1}
    events = tx.list(AuditEvent, conditions, search=ask.search, order_by="seq", limit=ask.limit + 1)
    page = events[: ask.limit]
    return AuditExport(
        text=_as_csv(page, has_heading=ask.after == 0) if ask.format is ExportFormat.CSV else _as_json(page),
        after=page[-1].seq if page else ask.after,
        is_last=len(events) <= ask.limit,
    )


def _conditions(ask: AuditFilter) -> dict[str, object]:
    given: dict[str, object] = {
        "actor_id": ask.actor_id,
        "outcome": ask.outcome,
        "at__ge": ask.since,
        "at__le": ask.until,
    }
    if "." in ask.action:
        given["action"] = ask.action
    elif ask.action:
        given["action__starts"] = f"{ask.action}."
    kind, _, identifier = ask.entity.partition(":")
    if identifier:
        # What was refused names the thing as it was asked for, without its kind.
        given["target"] = (ask.entity, identifier)
    elif kind:
        given["target__starts"] = f"{kind}:"
    return {"team_id": ask.team_id, **{name: value for name, value in given.items() if value}}


def _as_csv(events: tuple[AuditEvent, ...], *, has_heading: bool) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    if has_heading:
        writer.writerow(_COLUMNS)
    writer.writerows([_cell(getattr(event, name)) for name in _COLUMNS] for event in events)
    return text.getvalue()


def _cell(value: object) -> str:
    """The value for a table that a spreadsheet may open: nothing in it is a formula, a line end or an escape code."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    text = "".join(each if each.isprintable() else ascii(each)[1:-1] for each in str(value))
    # https://owasp.org/www-community/attacks/CSV_Injection, the full-width forms included.
    return f"'{text}" if text.lstrip()[:1] in set("=+-@\uff1d\uff0b\uff0d\uff20") else text


def _as_json(events: tuple[AuditEvent, ...]) -> str:
    return "".join(f"{to_json(event).decode()}\n" for event in events)


@use_case("audit.verify", "GET /api/audit/chain", at_home=True)
def verify_audit(tx: Transaction, _actor: Actor, ask: VerifyAudit) -> ChainReport:
    """Find the first event that was changed, moved, removed or put in; the counter row catches a cut-off end."""
    place, previous = 0, ""
    for event in _chain(tx, ask.team_id):
        place += 1
        if event.seq != place:
            return _broken(tx, ask.team_id, place, f"Event {place} is missing.")
        if event.previous != previous or event.digest != chain_digest(event):
            return _broken(tx, ask.team_id, place, f"Event {place} was altered.")
        previous = event.digest
    if tx.audit_head(ask.team_id) != (place, previous):
        return ChainReport(events=place, broken_at=place + 1, problem="Events at the end are missing.")
    return ChainReport(events=place)


def _chain(tx: Transaction, team_id: str) -> Iterator[AuditEvent]:
    """All events in order, a page at a time: a long history need not fit into memory."""
    page = tx.read_chain(team_id, limit=CHAIN_PAGE)
    while page:
        yield from page
        page = tx.read_chain(team_id, after=page[-1].seq, limit=CHAIN_PAGE)


def _broken(tx: Transaction, team_id: str, place: int, problem: str) -> ChainReport:
    return ChainReport(events=tx.count(AuditEvent, team_id=team_id), broken_at=place, problem=problem)
