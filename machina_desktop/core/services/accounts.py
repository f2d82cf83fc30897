"""Accounts of a shared server: registering, signing in, changing one's password (spec 6.1, 9.1)."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from machina_desktop.core.domain.account import (
    Account,
    Registration,
    Session,
    SessionKind,
    compared_email,
)
from machina_desktop.core.domain.profile import email_problem, name_problem, normal_name
from machina_desktop.core.domain.team import Actor, SystemRole, TeamRole, User
from machina_desktop.core.domain.throttle import CHANGE_PASSWORD, REGISTER, SIGN_IN
from machina_desktop.core.errors import Bug, Conflict, Forbidden, InvalidInput, Unauthenticated
from machina_desktop.core.ids import new_id, now
from machina_desktop.core.secret import Secret
from machina_desktop.core.services.admission import invite_of, let_in
from machina_desktop.core.services.authentication import KEEPER, SignedIn, actor_of, begin_session, end_sessions
from machina_desktop.core.services.context import Context
from machina_desktop.core.services.use_case import Request, use_case
from machina_desktop.core.store.transaction import Transaction

if TYPE_CHECKING:
    from machina_desktop.core.services.passwords import Accounts

_EVERYBODY = "accounts"
"""Locked like a team's feed by whoever makes the first account."""


@dataclass(frozen=True, kw_only=True)
class Register(Request[SignedIn]):
    """Make an account and sign in. Where a server wants an invite code, it also lets the person into that team.

    The password has 12 to 128 characters of any kind. The first account of a server administers it.
    """

    email: str
    display_name: str
    password: Secret
    code: Secret = field(default_factory=lambda: Secret(""))
    kind: SessionKind = SessionKind.BROWSER
    device_name: str = ""


@dataclass(frozen=True, kw_only=True)
class Login(Request[SignedIn]):
    """Sign in with address and password; every time a new session with a new token begins."""

    email: str
    password: Secret
    kind: SessionKind = SessionKind.BROWSER
    device_name: str = ""


@dataclass(frozen=True, kw_only=True)
class ChangePassword(Request[None]):
    """Replace one's own password; ``end_others`` signs out everywhere but here."""

    current: Secret
    new: Secret
    end_others: bool = True


@dataclass(frozen=True, kw_only=True)
class OpenAccount(Request[SignedIn]):
    """Store a new account whose password was hashed here, and begin its first session."""

    user_id: str
    email: str
    display_name: str
    password_hash: Secret
    pepper: str
    code: Secret
    kind: SessionKind
    device_name: str


@dataclass(frozen=True, kw_only=True)
class EnterAccount(Request[SignedIn]):
    """Begin a session for somebody whose password was right, as long as ``verified`` is still its hash.

    Attributes:
        renewed: A hash of the same password to put in its place; empty to leave it.
    """

    user_id: str
    verified: Secret
    renewed: Secret
    pepper: str
    kind: SessionKind
    device_name: str


@dataclass(frozen=True, kw_only=True)
class SetPassword(Request[None]):
    """Store the hash of a new password, as long as ``verified`` is still that of the former one."""

    user_id: str
    verified: Secret
    password_hash: Secret
    pepper: str
    end_others: bool


@use_case(
    "account.register",
    "POST /api/auth/register",
    is_public=True,
    needs_accounts=True,
    limits=REGISTER,
    keeps_answer=False,
)
async def register(context: Context, actor: Actor, ask: Register) -> SignedIn:
    """Judge what was given, hash the password off the loop, store the account."""
    keeping = _keeping(context)
    name, email = _checked_name(ask.display_name), _checked_email(ask.email)
    keeping.passwords.check(ask.password, name, email)
    is_first = not await context.read(KEEPER, lambda tx: tx.count(Account))
    if keeping.registration is Registration.INVITE and not is_first and not ask.code:
        raise Forbidden(
            "This server lets new people in by invitation only.",
            hint="Ask an administrator of a team for an invite code.",
            code="E-REGISTRATION",
        )
    password_hash, pepper = await keeping.passwords.hashed(ask.password)
    # The team that lets the person in reads their name in its audit trail.
    person = replace(KEEPER, user_id=new_id("user"), display_name=name, client=actor.client)
    return await context.record(
        person,
        OpenAccount(
            user_id=person.user_id,
            email=email,
            display_name=name,
            password_hash=password_hash,
            pepper=pepper,
            code=ask.code,
            kind=ask.kind,
            device_name=ask.device_name,
        ),
    )


def _sought(tx: Transaction, actor: Actor, ask: Login) -> tuple[Account | None, bool]:
    """The account somebody signs in to, and whether it was used from that address before.

    The same is read and made where there is no such account, with another in its place.
    """
    account, is_known = tx.find_or_other(Account, email=compared_email(ask.email))
    user_id = account.user_id if account is not None else ""
    sessions = tx.count(Session, user_id=user_id, address=actor.client.address)
    return (account, sessions > 0) if is_known else (None, False)


def _was_here(tx: Transaction, actor: Actor, ask: Login) -> bool:
    """Guessing from elsewhere must not lock an account's owner out."""
    return _sought(tx, actor, ask)[1]


@use_case(
    "account.login",
    "POST /api/auth/login",
    is_public=True,
    needs_accounts=True,
    limits=SIGN_IN,
    spares=_was_here,
    keeps_answer=False,
)
async def login(context: Context, actor: Actor, ask: Login) -> SignedIn:
    """Whether the address or the password was wrong is not told, and does not show in the time it takes."""
    passwords = _keeping(context).passwords
    account, was_here = await context.read(KEEPER, lambda tx: _sought(tx, actor, ask))
    if not await passwords.match(ask.password, account, is_first=was_here) or account is None:
        if context.note_sign_in is not None:
            context.note_sign_in(account.user_id if account is not None else "", actor.client)
        raise Unauthenticated("The address or the password is wrong.", hint="Try again.", code="E-LOGIN")
    renewed, pepper = Secret(""), account.pepper
    if passwords.is_outdated(account):
        renewed, pepper = await passwords.hashed(ask.password)
    person = await context.read(KEEPER, lambda tx: actor_of(tx, tx.get(User, account.user_id), actor.client))
    return await context.record(
        replace(person, is_runner=True),
        EnterAccount(
            user_id=account.user_id,
            verified=Secret(account.password_hash),
            renewed=renewed,
            pepper=pepper,
            kind=ask.kind,
            device_name=ask.device_name,
        ),
    )


@use_case("account.change_password", "POST /api/auth/change-password", needs_accounts=True, limits=CHANGE_PASSWORD)
async def change_password(context: Context, actor: Actor, ask: ChangePassword) -> None:
    """Whoever found a window left open does not know the password."""
    passwords = _keeping(context).passwords
    account = await context.read(KEEPER, lambda tx: tx.find(Account, user_id=actor.user_id))
    if not await passwords.match(ask.current, account) or account is None:
        raise InvalidInput("This is not your password.", field="current", hint="Try again.", code="E-PASSWORD-WRONG")
    passwords.check(ask.new, actor.display_name, account.email, field="new")
    password_hash, pepper = await passwords.hashed(ask.new)
    await context.record(
        replace(actor, is_runner=True),
        SetPassword(
            user_id=account.user_id,
            verified=Secret(account.password_hash),
            password_hash=password_hash,
            pepper=pepper,
            end_others=ask.end_others,
        ),
    )


@use_case("account.open", "POST /api/runner/accounts", is_internal=True, needs_accounts=True, keeps_answer=False)
def open_account(tx: Transaction, actor: Actor, ask: OpenAccount) -> SignedIn:
    """Store person, account and session, and use the invite, all or nothing."""
    at = now()
    is_first = not tx.count(Account)
    if is_first:
        # Of two that come first at once, one comes second.
        tx.enter(_EVERYBODY, TeamRole.MEMBER)
        is_first = not tx.count(Account)
    email = compared_email(ask.email)
    if tx.find(Account, email=email):
        raise Conflict("There is an account with this address already.", hint="Sign in.", code="E-EMAIL-TAKEN")
    user = User(
        user_id=ask.user_id,
        email=ask.email,
        display_name=ask.display_name,
        role=SystemRole.ADMIN if is_first else SystemRole.USER,
        created_at=at,
        last_login_at=at,
    )
    tx.add(user)
    tx.add(
        Account(
            user_id=user.user_id,
            email=email,
            password_hash=ask.password_hash.reveal(),
            pepper=ask.pepper,
            changed_at=at,
        )
    )
    if ask.code:
        let_in(tx, user.user_id, invite_of(tx, ask.code), new_id("member"))
    return begin_session(tx, user, actor.client, kind=ask.kind, device_name=ask.device_name)


@use_case(
    "account.enter",
    "POST /api/runner/accounts/{user_id}/sessions",
    is_internal=True,
    needs_accounts=True,
    keeps_answer=False,
)
def enter_account(tx: Transaction, actor: Actor, ask: EnterAccount) -> SignedIn:
    """Write when the person signed in last, which their teams see."""
    at = now()
    account = _unchanged(tx, ask.user_id, ask.verified)
    if ask.renewed:
        tx.replace(replace(account, password_hash=ask.renewed.reveal(), pepper=ask.pepper))
    user = replace(tx.get(User, ask.user_id), last_login_at=at)
    tx.replace(user)
    return begin_session(tx, user, actor.client, kind=ask.kind, device_name=ask.device_name)


@use_case("account.set_password", "POST /api/runner/accounts/{user_id}/password", is_internal=True, needs_accounts=True)
def set_password(tx: Transaction, actor: Actor, ask: SetPassword) -> None:
    """The person's teams see that it was changed."""
    at = now()
    account = _unchanged(tx, ask.user_id, ask.verified)
    tx.replace(replace(account, password_hash=ask.password_hash.reveal(), pepper=ask.pepper, changed_at=at))
    if ask.end_others:
        end_sessions(tx, ask.user_id, at, but=actor.client.session_id)
    tx.concern(ask.user_id, f"user:{ask.user_id}")


def _keeping(context: Context) -> Accounts:
    if context.accounts is None:
        raise Bug("A host without accounts was asked for one.")
    return context.accounts


def _unchanged(tx: Transaction, user_id: str, verified: Secret) -> Account:
    """The account, while its password is still the one that was compared: it may have been changed meanwhile."""
    tx.lock(User, user_id)
    account = tx.get(Account, user_id)
    if account.password_hash != verified.reveal():
        raise Conflict("The password has just been changed.", hint="Try again.", code="E-PASSWORD-CHANGED")
    return account


def _checked_name(name: str) -> str:
    name = normal_name(name)
    if problem := name_problem(name):
        hint = "Choose a name of 1 to 80 visible characters."
        raise InvalidInput(problem, field="display_name", hint=hint, code="E-DISPLAY-NAME")
    return name


def _checked_email(email: str) -> str:
    email = email.strip()
    if problem := email_problem(email) or ("" if email else "The e-mail address is missing."):
        raise InvalidInput(problem, field="email", hint="Write it as name@example.org.", code="E-EMAIL")
    return email
