"""The one tree of errors that may cross a layer; outside errors are translated into it at the edge.

MachinaError
├─ InvalidInput   a field is wrong; carries the field              422
├─ NotFound                                                        404
├─ Unauthenticated  nobody is signed in, or not any more           401
├─ Forbidden      names the missing action                         403
├─ Conflict       the state does not allow it, name taken, stale   409
├─ Unavailable    the outside failed: provider, SSH, Terraform     503
├─ Outdated       this program or the server is too old           426
├─ TooMany        asked too often; carries how long to wait        429
├─ Locked         the vault or keyring is locked                   423
└─ Bug            cannot happen; carries context                   500
"""

from __future__ import annotations

from typing import ClassVar


class MachinaError(Exception):
    """Something a person has to know: what happened, and what to do next.

    Attributes:
        message: What happened, one sentence, no jargon, no secret.
        hint: What to do next, one sentence; may be empty.
        code: A stable code such as ``E-TF-MISSING`` for search and support.
        status: The HTTP status the server answers with.
    """

    default_code: ClassVar[str] = "E-ERROR"
    status: ClassVar[int] = 500

    def __init__(self, message: str, *, hint: str = "", code: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.code = code or self.default_code

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()


class InvalidInput(MachinaError):
    """A field of a request is wrong; ``field`` names it."""

    default_code = "E-INPUT"
    status = 422

    def __init__(self, message: str, *, field: str = "", hint: str = "", code: str = "") -> None:
        super().__init__(message, hint=hint, code=code)
        self.field = field


class NotFound(MachinaError):
    """The named thing does not exist, or not for this actor."""

    default_code = "E-NOT-FOUND"
    status = 404


class Unauthenticated(MachinaError):
    """Nobody is signed in, the session has ended, or what was given to sign in is wrong."""

    default_code = "E-AUTH"
    status = 401


class Forbidden(MachinaError):
    """The actor lacks the grant named in the message."""

    default_code = "E-FORBIDDEN"
    status = 403


class Conflict(MachinaError):
    """The current state does not allow it: stale, taken or already running."""

    default_code = "E-CONFLICT"
    status = 409


class Unavailable(MachinaError):
    """Something outside failed: a provider, a host, Terraform, the disk."""

    default_code = "E-UNAVAILABLE"
    status = 503


class Outdated(MachinaError):
    """A program and a server do not understand each other any more; the hint says which of them is to be updated."""

    default_code = "E-OUTDATED"
    status = 426


class TooMany(MachinaError):
    """The same was asked too often; ``retry_after_s`` whole seconds from now it may be asked again."""

    default_code = "E-RATE"
    status = 429

    def __init__(self, message: str, *, retry_after_s: int, hint: str = "", code: str = "") -> None:
        super().__init__(message, hint=hint or f"Try again in {retry_after_s} s.", code=code)
        self.retry_after_s = retry_after_s


class Locked(MachinaError):
    """The vault or the keyring is locked; unlock it and retry."""

    default_code = "E-VAULT-LOCKED"
    status = 423


class Bug(MachinaError):
    """An assumption of ours is wrong; shown with a redacted report."""

    default_code = "E-BUG"
    status = 500
