"""Where a person is at work: listing and ending sessions, renewing a device's token (spec 6.1, 9.1)."""

from __future__ import annotations

import asyncio
import platform
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import psutil  # type: ignore[import-untyped]

from machina_desktop.core.domain.account import TOKENS_KEPT, RetiredToken, Session, SessionKind, hashed_token, lifetime
from machina_desktop.core.domain.team import Actor, User
from machina_desktop.core.errors import Conflict, NotFound
from machina_desktop.core.ids import now
from machina_desktop.core.services.authentication import SignedIn, end_sessions, fresh_token, signed_in
from machina_desktop.core.services.context import Context
from machina_desktop.core.services.use_case import Request, use_case
from machina_desktop.core.store.transaction import Transaction

ALL = 1_000_000


@dataclass(frozen=True, kw_only=True)
class ListedSession:
    """Where a person is at work: a session at a shared server, or this computer itself.

    Attributes:
        session_id: Empty for this computer, where one is at work without signing in.
        name: The device's; empty for a browser.
        system: Operating system and kind of processor, or what the program says of itself.
        address: The IP address it began at; empty for this computer.
        home: The data folder of this computer; empty for others.
        expires_at: When it ends at the latest; ``None`` where it does not.
    """

    session_id: str = ""
    kind: SessionKind
    name: str
    system: str
    address: str = ""
    home: str = ""
    started_at: datetime
    last_seen_at: datetime
    expires_at: datetime | None = None
    is_current: bool


@dataclass(frozen=True, kw_only=True)
class ListSessions(Request[tuple[ListedSession, ...]]):
    """Where the person is at work: at a shared server all their sessions, without one this computer."""


@dataclass(frozen=True, kw_only=True)
class Logout(Request[None]):
    """End the session one asks in."""


@dataclass(frozen=True, kw_only=True)
class RevokeSession(Request[None]):
    """End one of one's own sessions."""

    session_id: str


@dataclass(frozen=True, kw_only=True)
class RotateSession(Request[SignedIn]):
    """Give this device a new token in place of the one it asks with, and another 30 days.

    The former token is good until the new one has been used; used long after that it ends the session.
    """


@use_case("session.list", "GET /api/auth/sessions", at_home=True)
async def list_sessions(context: Context, actor: Actor, _ask: ListSessions) -> tuple[ListedSession, ...]:
    """Whoever asks over the network sees the sessions of their account, the one used last first."""
    if not actor.client.session_id:
        return (await asyncio.to_thread(_this_computer, context),)
    at = now()
    found = await context.read(
        actor,
        lambda tx: tx.list(
            Session, user_id=actor.user_id, revoked_at=None, order_by="last_seen_at", descending=True, limit=ALL
        ),
    )
    return tuple(_listed(session, actor) for session in found if session.is_alive(at))


def _this_computer(context: Context) -> ListedSession:
    return ListedSession(
        kind=SessionKind.DEVICE,
        name=platform.node(),
        system=f"{platform.system()} {platform.release()}, {platform.machine()}",
        home=str(context.paths.home),
        started_at=datetime.fromtimestamp(psutil.Process().create_time(), UTC),
        last_seen_at=now(),
        is_current=True,
    )


def _listed(session: Session, actor: Actor) -> ListedSession:
    return ListedSession(
        session_id=session.session_id,
        kind=session.kind,
        name=session.device_name,
        system=session.user_agent,
        address=session.address,
        started_at=session.created_at,
        last_seen_at=session.last_seen_at,
        expires_at=session.expires_at,
        is_current=session.session_id == actor.client.session_id,
    )


@use_case("session.logout", "POST /api/auth/logout", needs_accounts=True)
def logout(tx: Transaction, actor: Actor, _ask: Logout) -> None:
    """Once ended it lets nobody in, whoever has its token."""
    _end(tx, actor, actor.client.session_id)


@use_case("session.revoke", "DELETE /api/auth/sessions/{session_id}", needs_accounts=True)
def revoke_session(tx: Transaction, actor: Actor, ask: RevokeSession) -> None:
    """It holds from the next request on; somebody else's session is one that does not exist."""
    _end(tx, actor, ask.session_id)


def _end(tx: Transaction, actor: Actor, session_id: str) -> None:
    session = tx.find(Session, session_id=session_id, user_id=actor.user_id)
    if session is None:
        raise NotFound("There is no such session.", hint="It may have ended long ago.")
    end_sessions(tx, actor.user_id, now(), only=session_id)
    tx.concern(actor.user_id, f"session:{session_id}")


@use_case("session.rotate", "POST /api/auth/rotate", is_audited=False, needs_accounts=True, keeps_answer=False)
def rotate_session(tx: Transaction, actor: Actor, _ask: RotateSession) -> SignedIn:
    """Keep the former token's hash for as long as somebody might use it again."""
    at = now()
    tx.lock(User, actor.user_id)
    session = tx.find(Session, session_id=actor.client.session_id, user_id=actor.user_id)
    if session is None or not session.is_alive(at):
        raise NotFound("There is no such session.", hint="Sign in again.")
    if session.kind is not SessionKind.DEVICE:
        raise Conflict("A browser's session has one token.", hint="Sign in again.", code="E-SESSION-KIND")
    for old in tx.list(RetiredToken, session_id=session.session_id, retired_at__le=at - TOKENS_KEPT, limit=ALL):
        tx.delete(old)
    tx.add(RetiredToken(token_hash=session.token_hash, session_id=session.session_id, retired_at=at))
    token = fresh_token()
    session = replace(
        session,
        token_hash=hashed_token(token.reveal()),
        # While the newest was never used, it may never have arrived: then the one before stays good.
        previous_hash=session.previous_hash or session.token_hash,
        last_seen_at=at,
        expires_at=at + lifetime(session.kind),
    )
    tx.replace(session)
    return signed_in(token, session, tx.get(User, actor.user_id))
