"""What a cloud says no with, in words that name what happened, whose fault it is and what to do."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from machina_desktop.core.errors import Unavailable
from machina_desktop.core.log import REDACTOR
from machina_desktop.core.secret import Secret

DENIED = "E-CLOUD-DENIED"
NOT_FOUND = "E-CLOUD-NOT-FOUND"
CONFLICT = "E-CLOUD-CONFLICT"
QUOTA = "E-CLOUD-QUOTA"
SOLD_OUT = "E-CLOUD-SOLD-OUT"
NAME_TAKEN = "E-CLOUD-NAME-TAKEN"
REFUSED = "E-CLOUD-REFUSED"
BUSY = "E-CLOUD-BUSY"
FAULT = "E-CLOUD-FAULT"
ANSWER = "E-CLOUD-ANSWER"

WORDS = 300
"""Characters of a provider's own words that are passed on."""
UNSURE = "It may have been carried out all the same: look at the machine before you try again."

_STATUSES = {401: DENIED, 403: DENIED, 404: NOT_FOUND, 410: NOT_FOUND, 409: CONFLICT, 423: CONFLICT}
_UNKNOWN = (
    "{title} does not accept the account's credentials.",
    "They may be mistyped, revoked or of another place; new ones are made at {title}.",
)
"""Of a 401, which says nothing of what may be done with them."""

_SAYINGS = {
    DENIED: (
        "{title} does not allow this to the account's credentials.",
        "Give the account credentials that are in force and may do it; they are made at {title}.",
    ),
    NOT_FOUND: (
        "{title} has no such thing.",
        "It may have been removed there. Refresh the machine or the catalogue, then choose again.",
    ),
    CONFLICT: (
        "{title} is still busy with it, or it is protected there.",
        "Wait until what is under way there has ended, then try again.",
    ),
    QUOTA: (
        "The account's limit at {title} is reached.",
        "Remove what is no longer needed there, or ask {title} for a higher limit.",
    ),
    SOLD_OUT: (
        "{title} has none of that size left there.",
        "Choose another size or another region, or try again later.",
    ),
    NAME_TAKEN: ("{title} has something of that name already.", "Choose another name."),
    REFUSED: ("{title} refuses this.", "Change what it names, then try again."),
    FAULT: (
        "{title} has a fault of its own.",
        "Nothing is wrong here; try again in a few minutes, or look at the status page of {title}.",
    ),
}


@dataclass(frozen=True, kw_only=True)
class Complaint:
    """What an API said no with.

    Attributes:
        status: The HTTP status; 0 where there is none.
        code: The API's own name for it, such as ``uniqueness_error``.
        words: Its message, for people.
    """

    status: int
    code: str = ""
    words: str = ""


class CloudError(Unavailable):
    """A provider was asked and did not do it.

    Attributes:
        complaint: What it said itself; redacted and short.
    """

    def __init__(self, message: str, *, hint: str, code: str, complaint: Complaint | None = None) -> None:
        super().__init__(message, hint=hint, code=code)
        self.complaint = complaint or Complaint(status=0)


def _nothing(_complaint: Complaint) -> str:
    return ""


@dataclass(frozen=True, kw_only=True)
class Dialect:
    """How one API words its answers.

    Attributes:
        title: What the provider is called.
        read: The API's code and message in the body of an error; :class:`InvalidInput` where it is none of its errors.
        codes: Our code for each of the API's.
        judge: Our code for what only the words tell; empty for none. Asked first.
        page_parameter: By which name the next page is asked for.
    """

    title: str
    read: Callable[[bytes], tuple[str, str]]
    codes: Mapping[str, str] = field(default_factory=dict)
    judge: Callable[[Complaint], str] = _nothing
    page_parameter: str = "page"

    def code_of(self, complaint: Complaint) -> str:
        """Our code for it."""
        status = complaint.status
        if status == 429:
            return BUSY
        found = self.judge(complaint) or self.codes.get(complaint.code, "") or _STATUSES.get(status, "")
        return found or (FAULT if status >= 500 else REFUSED)

    def error(self, complaint: Complaint, secrets: tuple[Secret, ...] = (), *, may_be_done: bool = False) -> CloudError:
        """The error that a person reads; with ``may_be_done`` it was a write that may have been carried out."""
        code = self.code_of(complaint)
        said = clean(complaint.words or complaint.code, secrets)
        complaint = Complaint(status=complaint.status, code=clean(complaint.code, secrets), words=said)
        if code == BUSY:
            return busy(self.title, 0.0, complaint)
        is_unknown = code == DENIED and complaint.status == 401
        what, hint = (text.format(title=self.title) for text in (_UNKNOWN if is_unknown else _SAYINGS[code]))
        message = f"{what[:-1]}: {said.rstrip('.')}." if said else f"{what[:-1]} (HTTP {complaint.status})."
        if code == FAULT and may_be_done:
            hint = UNSURE
        return CloudError(message, hint=hint, code=code, complaint=complaint)

    def strange(self, host: str, how: str, *, may_be_done: bool = False) -> CloudError:
        """What answered is not the API."""
        hint = "Check the account's API endpoint, and whether something between here and there answers in its place."
        return CloudError(
            f"{host} answers {how}, which {self.title} never does.",
            hint=f"{hint} {UNSURE}" if may_be_done else hint,
            code=ANSWER,
        )


def busy(title: str, wait_s: float, complaint: Complaint) -> CloudError:
    """The provider takes no more requests until ``wait_s`` seconds from now; 0 for not told."""
    when = f" for {_span(wait_s)}" if wait_s > 0 else ""
    return CloudError(
        f"{title} takes no more requests of this account{when}.",
        hint="Everything that uses the account's credentials shares its limit of requests. Wait, then try again.",
        code=BUSY,
        complaint=complaint,
    )


def clean(text: str, secrets: tuple[Secret, ...] = ()) -> str:
    """Words of a stranger as they may be shown: one line, short, without secrets."""
    for secret in secrets:
        if secret:
            text = text.replace(secret.reveal(), repr(secret))
    line = re.sub(r"[\s\x00-\x1f\x7f-\x9f]+", " ", REDACTOR.redact(text)).strip()
    return line if len(line) <= WORDS else f"{line[: WORDS - 1]}…"


def _span(seconds: float) -> str:
    return f"{seconds:.0f} seconds" if seconds < 90 else f"{seconds / 60:.0f} minutes"
