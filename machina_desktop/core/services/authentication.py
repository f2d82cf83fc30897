"""Who asks: from a person or a session's token to an actor; beginning and ending sessions (spec 9.1, trust.md T33)."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from machina_desktop.core.domain.account import (
    LEEWAY,
    SEEN_STEP,
    RetiredToken,
    Session,
    SessionKind,
    hashed_token,
    lifetime,
)
from machina_desktop.core.domain.audit import AuditOutcome
from machina_desktop.core.domain.team import Actor, Client, Grant, TeamMember, User
from machina_desktop.core.errors import MachinaError, Unauthenticated
from machina_desktop.core.ids import new_id, new_token, now
from machina_desktop.core.secret import Secret
from machina_desktop.core.store.transaction import Transaction

if TYPE_CHECKING:
    from machina_desktop.core.store.database import Database
    from machina_desktop.core.store.sql_transaction import SqlTransaction

LOG = logging.getLogger(__name__)
ALL = 1_000_000
NAME_CHARACTERS, AGENT_CHARACTERS = 80, 400
KEPT_AFTER_END = timedelta(days=30)
NO_TEAM = "E-NO-TEAM"
"""The code of what is told to whoever was put out of their last team, which ended their sessions."""

KEEPER = Actor(user_id="accounts", display_name="Accounts", is_runner=True)
"""The server itself, where nobody has signed in yet."""


@dataclass(frozen=True, kw_only=True)
class SignedIn:
    """A session has begun, or has a new token. The token is told here and never again.

    Attributes:
        token: To be sent with every request; refuses to be encoded, so that no answer holds it by accident.
        expires_at: When the session ends at the latest, unless its token is rotated before.
    """

    token: Secret
    session_id: str
    kind: SessionKind
    expires_at: datetime
    user: User


@dataclass(frozen=True)
class _Found:
    actor: Actor
    session: Session
    is_newest: bool
    is_stolen: bool


def actor_of(tx: Transaction, user: User, client: Client | None = None) -> Actor:
    """The person as somebody who may ask, with the teams they are in, in the order they joined them."""
    members = tx.list(TeamMember, user_id=user.user_id, limit=ALL)
    return Actor(
        user_id=user.user_id,
        display_name=user.display_name,
        system_role=user.role,
        team_roles=tuple((member.team_id, member.role) for member in members),
        grants=tx.list(Grant, user_id=user.user_id, limit=ALL),
        client=client or Client(),
    )


async def authenticate(
    database: Database, token: Secret, client: Client, *, is_use: bool = True
) -> tuple[Actor, Session]:
    """Who asks with that token, with the roles and grants of this moment, and in which session.

    ``is_use`` is false where nobody asks for anything: to look whether a stream may go on keeps no session awake.

    One read; once a minute, and when a new token is first used, a write follows it. A token that was replaced long
    ago ends its session: two have it, and nobody can tell which of them is its owner.

    Raises:
        Unauthenticated: E-AUTH, the token is unknown or its session has ended; E-TOKEN-REUSED; E-NO-TEAM.
    """
    at = now()
    token_hash = hashed_token(token.reveal())
    found = await database.read(KEEPER, lambda tx: _find(tx, token_hash, client, at))
    if found.is_stolen:
        await database.write(replace(found.actor, is_runner=True), _anything, lambda tx: _end_stolen(tx, found, at))
        LOG.warning("session %s has ended: a replaced token of it was used again", found.session.session_id)
        raise Unauthenticated(
            "This session has ended, because its sign-in was used in two places.",
            hint="Sign in again; if that was not you, change your password.",
            code="E-TOKEN-REUSED",
        )
    is_news = at - found.session.last_seen_at >= SEEN_STEP or (found.is_newest and found.session.previous_hash)
    if is_use and is_news:
        await database.write(KEEPER, _anything, lambda tx: _note_use(tx, found, token_hash, at))
    return found.actor, found.session


async def authenticate_again(
    database: Database, asked: Sequence[tuple[Secret, Client]]
) -> tuple[Actor | MachinaError, ...]:
    """Who asks with each of those tokens now, found in one read, or why nobody does; keeps no session awake.

    Raises:
        MachinaError: the database did not answer.
    """
    at = now()
    hashed = [(hashed_token(token.reveal()), client) for token, client in asked]

    def look(tx: Transaction) -> tuple[_Found | Unauthenticated, ...]:
        return tuple(_found_or_refused(tx, token_hash, client, at) for token_hash, client in hashed)

    answers: list[Actor | MachinaError] = []
    for (token, client), found in zip(asked, await database.read(KEEPER, look), strict=True):
        if isinstance(found, Unauthenticated):
            answers.append(found)
        elif not found.is_stolen:
            answers.append(found.actor)
        else:
            try:
                answers.append((await authenticate(database, token, client, is_use=False))[0])
            except MachinaError as error:
                answers.append(error)
    return tuple(answers)


def _found_or_refused(tx: Transaction, token_hash: str, client: Client, at: datetime) -> _Found | Unauthenticated:
    try:
        return _find(tx, token_hash, client, at)
    except Unauthenticated as refusal:
        return refusal


def _find(tx: Transaction, token_hash: str, client: Client, at: datetime) -> _Found:
    session = tx.find(Session, token_hash=token_hash)
    is_newest, is_stolen = session is not None, False
    if session is None and (retired := tx.find(RetiredToken, token_hash=token_hash)):
        session = tx.find(Session, session_id=retired.session_id)
        is_good = session is not None and session.previous_hash == token_hash
        is_stolen = not is_good and at >= retired.retired_at + LEEWAY
    if session is not None and session.revoked_at is not None and not tx.count(TeamMember, user_id=session.user_id):
        raise _put_out()
    if session is None or not session.is_alive(at):
        raise _nobody()
    user = tx.find(User, user_id=session.user_id)
    if user is None:
        raise _nobody()
    is_device = session.kind is SessionKind.DEVICE
    actor = actor_of(tx, user, replace(client, session_id=session.session_id, is_device=is_device))
    return _Found(actor, session, is_newest, is_stolen)


def _nobody() -> Unauthenticated:
    return Unauthenticated("You are not signed in, or not any more.", hint="Sign in again.")


def _put_out() -> Unauthenticated:
    """Told to whoever shows a token that was good: what their computer has copied is not theirs any more."""
    return Unauthenticated(
        "You are in no team of this server any more.", hint="Ask for an invite to join one.", code=NO_TEAM
    )


def _note_use(tx: Transaction, found: _Found, token_hash: str, at: datetime) -> None:
    tx.lock(User, found.session.user_id)
    session = tx.find(Session, session_id=found.session.session_id)
    if session is None or not session.is_alive(at):
        raise _nobody()
    is_newest = session.token_hash == token_hash
    previous = "" if is_newest else session.previous_hash
    tx.replace(replace(session, last_seen_at=max(at, session.last_seen_at), previous_hash=previous))


def _end_stolen(tx: SqlTransaction, found: _Found, at: datetime) -> None:
    end_sessions(tx, found.session.user_id, at, only=found.session.session_id)
    for team_id, _role in found.actor.team_roles:
        target = f"session:{found.session.session_id}"
        tx.audit(team_id, "session.revoke", target, AuditOutcome.SUCCEEDED, "E-TOKEN-REUSED")


def begin_session(tx: Transaction, user: User, client: Client, *, kind: SessionKind, device_name: str) -> SignedIn:
    """A new session with a new token; sessions of the person that ended a month ago are forgotten."""
    at = now()
    for old in tx.list(Session, user_id=user.user_id, expires_at__le=at - KEPT_AFTER_END, limit=ALL):
        for retired in tx.list(RetiredToken, session_id=old.session_id, limit=ALL):
            tx.delete(retired)
        tx.delete(old)
    token = fresh_token()
    session = Session(
        session_id=new_id("session"),
        user_id=user.user_id,
        kind=kind,
        device_name=_shown(device_name, NAME_CHARACTERS),
        user_agent=_shown(client.user_agent, AGENT_CHARACTERS),
        address=client.address,
        token_hash=hashed_token(token.reveal()),
        created_at=at,
        last_seen_at=at,
        expires_at=at + lifetime(kind),
    )
    tx.add(session)
    return signed_in(token, session, user)


def signed_in(token: Secret, session: Session, user: User) -> SignedIn:
    """What the person is told of their session."""
    return SignedIn(
        token=token, session_id=session.session_id, kind=session.kind, expires_at=session.expires_at, user=user
    )


def fresh_token() -> Secret:
    """A new token.

    The redactor does not learn it: it never forgets, and a server gives out tokens for as long as it runs.
    """
    return Secret(new_token())


def end_sessions(tx: Transaction, user_id: str, at: datetime, *, but: str = "", only: str = "") -> int:
    """End the person's sessions, all ``but`` one or ``only`` one; answers how many were still alive."""
    tx.lock(User, user_id)
    ended = 0
    for session in tx.list(Session, user_id=user_id, revoked_at=None, limit=ALL):
        if session.session_id != but and only in {"", session.session_id}:
            ended += session.is_alive(at)
            tx.replace(replace(session, revoked_at=at))
            tx.sign_out(user_id)
    return ended


def _shown(text: str, longest: int) -> str:
    """What a program says of itself, fit to be listed."""
    return "".join(character if character.isprintable() else " " for character in text)[:longest].strip()


def _anything(_team_id: str, _tags: object = None) -> None:
    """What belongs to nobody's team needs no right in one."""
