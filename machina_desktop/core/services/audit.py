"""The audit trail: reading it and verifying its chain (spec 6.10, 9.5)."""

from __future__ import annotations

from dataclasses import dataclass

from machina_desktop.core.domain.audit import AuditEvent, ChainReport, chain_digest
from machina_desktop.core.domain.team import Actor
from machina_desktop.core.services.use_case import Request, use_case
from machina_desktop.core.store.transaction import Transaction


@dataclass(frozen=True, kw_only=True)
class ListAuditEvents(Request[tuple[AuditEvent, ...]]):
    """Events of a team, newest first."""

    team_id: str
    search: str = ""
    limit: int = 500


@dataclass(frozen=True, kw_only=True)
class GetAuditEvent(Request[AuditEvent]):
    """One event."""

    audit_event_id: str


@dataclass(frozen=True, kw_only=True)
class VerifyAudit(Request[ChainReport]):
    """Recompute the chain of a team from its first event."""

    team_id: str


@use_case("audit.list", "GET /api/audit/events")
def list_audit_events(tx: Transaction, _actor: Actor, ask: ListAuditEvents) -> tuple[AuditEvent, ...]:
    """Events, newest first."""
    return tx.list(AuditEvent, team_id=ask.team_id, search=ask.search, order_by="seq", descending=True, limit=ask.limit)


@use_case("audit.get", "GET /api/audit/events/{audit_event_id}")
def get_audit_event(tx: Transaction, _actor: Actor, ask: GetAuditEvent) -> AuditEvent:
    """The event."""
    return tx.get(AuditEvent, ask.audit_event_id)


@use_case("audit.verify", "GET /api/audit/chain")
def verify_audit(tx: Transaction, _actor: Actor, ask: VerifyAudit) -> ChainReport:
    """Find the first event that was changed, moved, removed or put in; the counter row catches a cut-off end."""
    events = tx.read_chain(ask.team_id)
    previous = ""
    for place, event in enumerate(events, start=1):
        if event.seq != place:
            return ChainReport(events=len(events), broken_at=place, problem=f"Event {place} is missing.")
        if event.previous != previous or event.digest != chain_digest(event):
            return ChainReport(events=len(events), broken_at=place, problem=f"Event {place} was altered.")
        previous = event.digest
    if tx.audit_head(ask.team_id) != (len(events), previous):
        return ChainReport(events=len(events), broken_at=len(events) + 1, problem="Events at the end are missing.")
    return ChainReport(events=len(events))
