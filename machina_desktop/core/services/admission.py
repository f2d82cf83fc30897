"""Letting a person into a team by an invite's code, for whoever joins and whoever makes an account with one."""

from __future__ import annotations

import hmac
from dataclasses import replace

from machina_desktop.core.domain.invite import InviteState, TeamInvite, hashed_code
from machina_desktop.core.domain.team import Team, TeamMember, User
from machina_desktop.core.errors import InvalidInput
from machina_desktop.core.ids import now
from machina_desktop.core.secret import Secret
from machina_desktop.core.store.transaction import Transaction


def invite_of(tx: Transaction, code: Secret) -> TeamInvite:
    """The invite that has that code, in whatever state.

    Raises:
        InvalidInput: E-INVITE, there is none.
    """
    code_hash = hashed_code(code.reveal())
    found = tx.find_anywhere(TeamInvite, code_hash=code_hash)
    if found is None or not hmac.compare_digest(found.code_hash, code_hash):
        raise _no_such_code()
    return found


def let_in(tx: Transaction, user_id: str, found: TeamInvite, member_id: str) -> Team:
    """Make the person a member and the invite used; what is wrong with an invite is not told.

    Raises:
        InvalidInput: E-INVITE, it is used, expired or revoked.
    """
    tx.enter(found.team_id, found.role)
    at = now()
    # Read again: until we entered, another may have used it.
    invite = tx.get(TeamInvite, found.invite_id)
    if invite.state(at) is not InviteState.OPEN:
        raise _no_such_code()
    tx.add(
        TeamMember(
            team_member_id=member_id,
            team_id=invite.team_id,
            user_id=user_id,
            role=invite.role,
            joined_at=at,
            invited_by=invite.created_by,
        )
    )
    tx.replace(replace(invite, used_by=user_id, used_at=at))
    tx.share(tx.get(User, user_id), invite.team_id)
    return tx.get(Team, invite.team_id)


def _no_such_code() -> InvalidInput:
    return InvalidInput(
        "This code lets nobody in: it may be mistyped, used, expired or revoked.",
        field="code",
        hint="Ask an administrator of the team for a new one.",
        code="E-INVITE",
    )
