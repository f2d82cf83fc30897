"""What a server may have said: success, a problem in its words, or anything at all. Its texts are data."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

from machina_desktop.core.codec import from_json
from machina_desktop.core.domain.server import SCHEMA, SCHEMA_HEADER
from machina_desktop.core.errors import (
    Bug,
    Conflict,
    Forbidden,
    InvalidInput,
    Locked,
    MachinaError,
    NotFound,
    Outdated,
    TooMany,
    Unauthenticated,
    Unavailable,
)
from machina_desktop.core.http_terms import Answer, strange
from machina_desktop.core.services.use_case import R

TEXT_CHARACTERS = 500
CODE_CHARACTERS = 60
LONGEST_WAIT_S = 24 * 3600

_KINDS: dict[int, type[MachinaError]] = {
    kind.status: kind for kind in (Unauthenticated, Forbidden, NotFound, Conflict, Locked, Bug, Unavailable)
}
_BROKEN = frozenset({502, 503, 504})
"""What stands before a server says so while the server itself is down."""


@dataclass(frozen=True, kw_only=True)
class _Problem:
    """What a server says of an error; one that is older or newer may say less or more."""

    code: str
    message: str
    hint: str = ""
    field: str = ""


def result(answer: Answer, shape: type[R], host: str) -> R:
    """The answer as a use case gave it.

    Raises:
        MachinaError: what the server refused, or that nobody can make anything of what it said.
    """
    check_schema(answer, host)
    if not 200 <= answer.status < 300:
        raise problem(answer, host)
    if SCHEMA_HEADER.lower() not in answer.headers:
        raise strange(host, "as no server of Machina does")
    if answer.status == 204 and shape is type(None):
        return None
    if not _is_json(answer):
        raise strange(host, "with something other than JSON")
    try:
        return from_json(answer.body, shape)
    except InvalidInput as error:
        raise strange(host, "with data of an unknown form") from error


def problem(answer: Answer, host: str) -> MachinaError:
    """The error that an answer tells of."""
    try:
        said = from_json(answer.body, _Problem) if _is_json(answer) else None
    except InvalidInput:
        said = None
    if said is not None:
        return _in_our_words(answer, said)
    if answer.status in _BROKEN:
        return Unavailable(f"{host} is not running at the moment.", hint="Try again in a while.", code="E-OFFLINE")
    return strange(host, f"in a way that no server of Machina does (status {answer.status})")


def check_schema(answer: Answer, host: str) -> None:
    """Refuse a server that speaks in another form; those of the next version understand this one.

    Raises:
        Outdated: this program or the server is to be updated.
    """
    said = answer.headers.get(SCHEMA_HEADER.lower(), "")
    known = said.isascii() and said.isdecimal() and len(said) < 6
    schema = int(said) if known else SCHEMA
    if schema > SCHEMA + 1:
        raise Outdated(f"{host} is newer than this program.", hint="Update Machina on this computer.")
    if schema < SCHEMA:
        raise Outdated(f"{host} is older than this program.", hint="Ask whoever runs the server to update it.")


def harmless(text: str, longest: int = TEXT_CHARACTERS) -> str:
    """Text of a stranger on one line, without anything that steers a terminal or turns the direction of reading."""
    shown = "".join(each if each.isprintable() else " " for each in text[: 4 * longest])
    shown = "".join(each for each in shown if unicodedata.category(each) not in {"Cf", "Cs", "Co", "Cn"})
    shown = " ".join(shown.split())
    return shown if len(shown) <= longest else f"{shown[: longest - 1]}…"


def _is_json(answer: Answer) -> bool:
    return answer.headers.get("content-type", "").partition(";")[0].strip().lower() == "application/json"


def _in_our_words(answer: Answer, said: _Problem) -> MachinaError:
    code = _code(said.code)
    message, hint = harmless(said.message), harmless(said.hint)
    match answer.status:
        case 405:
            return _unknown()
        case 404 if code == "E-NO-ROUTE":
            return _unknown()
        case 413 | 422:
            return InvalidInput(message, field=harmless(said.field, CODE_CHARACTERS), hint=hint, code=code)
        case 426:
            return Outdated(message, hint=hint, code=code)
        case 429:
            return TooMany(message, hint=hint, code=code, retry_after_s=retry_after_s(answer) or 1)
    kind = _KINDS.get(answer.status, Unavailable)
    return kind(message, hint=hint, code=code)


def _unknown() -> Outdated:
    return Outdated("The server does not know how to do this.", hint="Ask whoever runs the server to update it.")


def _code(text: str) -> str:
    is_ours = text.startswith("E-") and text.isascii() and text.replace("-", "").isalnum()
    return text if is_ours and len(text) <= CODE_CHARACTERS else "E-SERVER-ANSWER"


def retry_after_s(answer: Answer) -> int:
    """How long the server asks to wait; 0 where it does not say."""
    text = answer.headers.get("retry-after", "")
    return min(int(text), LONGEST_WAIT_S) if text.isascii() and text.isdecimal() and len(text) < 10 else 0
