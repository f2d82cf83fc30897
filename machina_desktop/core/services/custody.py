"""Who can open the secrets of a shared team, and which computer is whose: the rules that areas with secrets share."""

from __future__ import annotations

import re
from dataclasses import replace

from machina_desktop.core.domain.account import Session
from machina_desktop.core.domain.custody import (
    DEVICE_KIND,
    Custody,
    RunnerKey,
    fingerprint_of,
    is_box,
    opens_at,
    recipient_of,
)
from machina_desktop.core.domain.key import SSHKey
from machina_desktop.core.domain.provider import ProviderAccount
from machina_desktop.core.domain.server import Server
from machina_desktop.core.domain.team import Actor, Team
from machina_desktop.core.errors import Conflict, Forbidden, InvalidInput
from machina_desktop.core.services.context import Context
from machina_desktop.core.store.transaction import Transaction

Kept = ProviderAccount | SSHKey
"""What has secrets that somebody keeps."""

_DEVICE = re.compile(rf"{DEVICE_KIND}-0[0-9a-hjkmnp-tv-z]{{25}}")
BOX_BYTES = 256 << 10
"""The longest envelope of one secret field that a home takes."""


def is_remote(actor: Actor) -> bool:
    """Whether somebody asks over the network: then this host is the home of a shared team."""
    return bool(actor.client.address)


# Whose team, whose computer


def server_of(tx: Transaction, team_id: str) -> Server | None:
    """The server where the team has its home; ``None`` where that is this very host.

    Raises:
        Conflict: E-SIGNED-OUT, this computer does not know that server any more.
    """
    team = tx.find(Team, team_id=team_id)
    if team is None or not team.home:
        return None
    server = tx.find(Server, url=team.home)
    if server is None:
        raise Conflict(f"You are not signed in at {team.home}.", hint="Sign in there.", code="E-SIGNED-OUT")
    return server


def claim_device(tx: Transaction, actor: Actor, device_id: str) -> None:
    """See to it that the person asks from the computer ``device_id``; the first time their session says so, note it.

    Raises:
        InvalidInput: that is no id of a computer.
        Forbidden: E-DEVICE, it is another computer, somebody else's, or a browser asks.
    """
    if require_device(tx, actor, device_id).device_id == device_id:
        return
    tx.replace(replace(_session(tx, actor), device_id=device_id))


def require_device(tx: Transaction, actor: Actor, device_id: str) -> Session:
    """Like :func:`claim_device`, for what may only read."""
    if not _DEVICE.fullmatch(device_id):
        raise InvalidInput("This is no id of a computer.", field="runs_on", code="E-ID")
    session = _session(tx, actor)
    if session.device_id == device_id:
        return session
    owner = tx.find_anywhere(Session, device_id=device_id, user_id__ne=actor.user_id)
    if session.device_id or owner is not None:
        raise Forbidden("That is another computer.", hint="Do it on that computer.", code="E-DEVICE")
    return session


def _session(tx: Transaction, actor: Actor) -> Session:
    session = tx.find(Session, session_id=actor.client.session_id, user_id=actor.user_id)
    if session is None or not actor.client.is_device:
        raise Forbidden("Only a program on one's own computer can do this.", code="E-DEVICE")
    return session


def device_name(tx: Transaction, device_id: str) -> str:
    """What people call a computer; only its team's home knows names."""
    session = tx.find(Session, device_id=device_id)
    return session.device_name if session is not None and session.device_name else "another computer"


def device_owner(tx: Transaction, device_id: str) -> str:
    """The person whose computer it is, as far as the home has heard; else empty."""
    session = tx.find(Session, device_id=device_id) if device_id else None
    return "" if session is None else session.user_id


# Who can open what


async def require_here(context: Context, actor: Actor, record: Kept) -> None:
    """Refuse to go on where this process cannot open the record's secrets.

    Raises:
        Conflict: E-NOT-HERE.
    """

    def look(tx: Transaction) -> None:
        if not is_here(tx, record):
            raise not_here(tx, record)

    await context.read(actor, look)


def is_here(tx: Transaction, record: Kept) -> bool:
    """Whether the record's secrets are among those that this process can open.

    Raises:
        Conflict: E-SIGNED-OUT.
    """
    server = server_of(tx, record.team_id)
    if server is None:
        # A server's own process has no key: what its runners can open is no more its than what a desktop keeps.
        return not record.keeper and record.custody is not Custody.SERVER
    return opens_at(record, server.device_id)


def not_here(tx: Transaction, record: Kept) -> Conflict:
    """The error of whoever cannot open a record's secrets."""
    title = record.label if isinstance(record, ProviderAccount) else record.name
    if not record.keeper:
        return Conflict(
            f"The credentials of {title} are sealed for the server's runners; only they can open them.",
            hint="Run it on the server, or enter the credentials on your computer as well.",
            code="E-NOT-HERE",
        )
    return Conflict(
        f"The credentials of {title} are on {device_name(tx, record.keeper)}.",
        hint="Do it on that computer, or share the credentials with the server there.",
        code="E-NOT-HERE",
    )


# What a home takes


def runner_key(tx: Transaction) -> RunnerKey:
    """The public key of this home's runners.

    Raises:
        Conflict: E-NO-RUNNER.
    """
    key = tx.find(RunnerKey, retired_at=None)
    if key is None:
        raise Conflict(
            "Nothing carries runs out at this server.",
            hint="Start machina-runner there, or run it on your computer.",
            code="E-NO-RUNNER",
        )
    return key


def check_boxes(tx: Transaction, envelopes: tuple[bytes, ...], *, longest: int = BOX_BYTES) -> None:
    """A home takes only what its own runners can open; what somebody's vault sealed stays on that computer.

    Raises:
        Conflict: E-NO-RUNNER.
        InvalidInput: E-NOT-SEALED, something else.
    """
    if not envelopes:
        return
    recipient = fingerprint_of(runner_key(tx).raw)
    for envelope in envelopes:
        if not is_box(envelope) or recipient_of(envelope) != recipient or len(envelope) > longest:
            raise InvalidInput(
                "This is not sealed to the key of the server's runners.",
                field="sealed",
                hint="Try again: the runners may have a new key.",
                code="E-NOT-SEALED",
            )
