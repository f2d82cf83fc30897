"""What AWS and boto3 say no with, in our words."""

from __future__ import annotations

import contextlib
import re
import shlex
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from machina_desktop.core.errors import InvalidInput, Unavailable
from machina_desktop.core.http_terms import NoAnswer
from machina_desktop.core.providers.cloud_clock import clock_is_off
from machina_desktop.core.providers.cloud_errors import (
    BUSY,
    CONFLICT,
    DENIED,
    FAULT,
    NAME_TAKEN,
    NOT_FOUND,
    QUOTA,
    SOLD_OUT,
    UNSURE,
    CloudError,
    Complaint,
    Dialect,
)
from machina_desktop.core.secret import Secret

TITLE = "AWS"
_NETWORK = "Check the network; what is on this computer can still be read."
_CODES = {
    **dict.fromkeys(
        (
            "AuthFailure",
            "InvalidClientTokenId",
            "UnrecognizedClientException",
            "SignatureDoesNotMatch",
            "IncompleteSignature",
            "MissingAuthenticationToken",
            "UnauthorizedOperation",
            "AccessDenied",
            "AccessDeniedException",
            "ExpiredToken",
            "ExpiredTokenException",
            "OptInRequired",
            "Blocked",
            "PendingVerification",
        ),
        DENIED,
    ),
    **dict.fromkeys(("IncorrectInstanceState", "IncorrectState", "ConcurrentModification"), CONFLICT),
    **dict.fromkeys(
        (
            "Throttling",
            "ThrottlingException",
            "RequestLimitExceeded",
            "RequestThrottled",
            "EC2ThrottledException",
            "TooManyRequestsException",
            "SlowDown",
        ),
        BUSY,
    ),
    **dict.fromkeys(("InternalError", "InternalFailure", "ServiceUnavailable", "Unavailable"), FAULT),
    "Unsupported": SOLD_OUT,
}
_SHAPES = (
    (re.compile(r"\.(NotFound|Malformed)$"), NOT_FOUND),
    (re.compile(r"\.Duplicate$"), NAME_TAKEN),
    (re.compile(r"^Insufficient\w*Capacity$"), SOLD_OUT),
    (re.compile(r"LimitExceeded$|QuotaExceeded$"), QUOTA),
)
_CLOCK = re.compile(r"Signature expired|Signature not yet current|RequestExpired|RequestTimeTooSkewed")


_SIGN_ON = {
    "SSOTokenLoadError": "Nobody is signed in to the profile {}",
    "UnauthorizedSSOTokenError": "The sign-in to the profile {} has ended",
    "TokenRetrievalError": "The sign-in to the profile {} has ended",
    "SSOError": "The sign-in to the profile {} does not work any more",
}
"""What botocore calls the faults of single sign-on."""

_SEEN = threading.local()
"""The HTTP status of the answer that this thread reads."""


class _Named(Protocol):
    """Who asks, as far as errors name it."""

    @property
    def profile(self) -> str:
        """Of the files in ``~/.aws``."""


@dataclass(frozen=True, kw_only=True)
class Shown:
    """What a request that failed is told with.

    Attributes:
        where: Who was asked.
        secrets: What may stand in no error.
        is_write: It may have been carried out all the same.
    """

    where: str
    secrets: tuple[Secret, ...]
    is_write: bool
    login: _Named


def _judge(complaint: Complaint) -> str:
    if complaint.code in _CODES:
        return ""
    return next((code for shape, code in _SHAPES if shape.search(complaint.code)), "")


def _read(_body: bytes) -> tuple[str, str]:
    """Bodies are read by boto3."""
    return "", ""


DIALECT = Dialect(title=TITLE, read=_read, codes=_CODES, judge=_judge)


def note_status(response_dict: Mapping[str, object], **_rest: object) -> None:
    """Remember the status of an answer, which botocore forgets when it cannot read the body; called by it."""
    _SEEN.status = response_dict.get("status_code")


@contextlib.contextmanager
def told(shown: Shown) -> Iterator[None]:
    """Errors of boto3 and botocore leave it as ours; to be used once both are loaded or about to be."""
    # What is asked loads them; a window that asks nothing does not.
    try:
        from botocore import exceptions, parsers  # type: ignore[import-untyped]  # noqa: PLC0415 - heavy
    except ImportError as error:
        raise missing() from error

    _SEEN.status = 0
    try:
        yield
    except exceptions.ClientError as error:
        raise _refusal(shown, error.response) from error
    except (exceptions.ReadTimeoutError, exceptions.ConnectionClosedError) as error:
        is_late = isinstance(error, exceptions.ReadTimeoutError)
        raise no_answer(shown, is_late=is_late) from error
    except exceptions.ProxyConnectionError as error:
        raise _proxy(shown) from error
    except exceptions.SSLError as error:
        raise Unavailable(
            f"No safe line to {shown.where} can be made: its certificate cannot be trusted.",
            hint="If its authority is your own, name its certificate's file in SSL_CERT_FILE.",
            code="E-TLS",
        ) from error
    except exceptions.HTTPClientError as error:
        # Of what is left of these, names that are not known and lines that cannot be made.
        raise Unavailable(f"{shown.where} cannot be reached.", hint=_NETWORK, code="E-OFFLINE") from error
    except parsers.ResponseParserError as error:
        if _SEEN.status >= 500:
            complaint = Complaint(status=_SEEN.status)
            raise DIALECT.error(complaint, shown.secrets, may_be_done=shown.is_write) from error
        how = "with something that is no answer of its own"
        raise DIALECT.strange(shown.where, how, may_be_done=shown.is_write) from error
    except exceptions.BotoCoreError as error:
        raise _unusable(shown, error) from error


def _refusal(shown: Shown, response: dict[str, dict[str, object]]) -> CloudError:
    problem, meta = response.get("Error", {}), response.get("ResponseMetadata", {})
    status = meta.get("HTTPStatusCode")
    complaint = Complaint(
        status=status if isinstance(status, int) else 0,
        code=str(problem.get("Code", "")),
        words=str(problem.get("Message", "")),
    )
    if _CLOCK.search(f"{complaint.code} {complaint.words}"):
        return clock_is_off(TITLE)
    # A number instead of a name is botocore's, which found none.
    if complaint.code.isdigit() and complaint.status < 500:
        return DIALECT.strange(shown.where, f"with something of its own (HTTP {complaint.status})")
    return DIALECT.error(complaint, shown.secrets, may_be_done=shown.is_write)


def _unusable(shown: Shown, error: Exception) -> Unavailable | InvalidInput:
    kind, profile = type(error).__name__, shown.login.profile
    if kind == "EndpointConnectionError":
        return Unavailable(f"{shown.where} cannot be reached.", hint=_NETWORK, code="E-OFFLINE")
    if kind in {"InvalidProxiesConfigError", "ProxyConnectionError"}:
        return _proxy(shown)
    if kind == "ProfileNotFound":
        return InvalidInput(
            f"There is no profile {profile[:80]} in ~/.aws on this computer.",
            field="profile",
            hint="Write its name as in ~/.aws/config, or give keys instead.",
            code="E-CLOUD-TOKEN",
        )
    if profile:
        is_sign_on = kind in _SIGN_ON
        return CloudError(
            f"{_SIGN_ON[kind].format(profile[:80])}." if is_sign_on else f"The profile {profile[:80]} fails ({kind}).",
            hint=sign_on(profile)
            if is_sign_on
            else "Look at what ~/.aws/config says of it, and try it with the aws program.",
            code=DENIED,
        )
    return CloudError(
        f"What was to be asked of {shown.where} cannot be put to it ({kind}).",
        hint="Look at the account's fields.",
        code="E-CLOUD-REFUSED",
    )


def sign_on(profile: str) -> str:
    """How somebody signs in to a profile with single sign-on."""
    return f"Sign in on this computer with: aws sso login --profile {shlex.quote(profile[:80])}"


def _proxy(shown: Shown) -> Unavailable:
    return Unavailable(
        f"The proxy does not let this computer through to {shown.where}.",
        hint="Check the proxy in the settings.",
        code="E-PROXY",
    )


def no_answer(shown: Shown, *, is_late: bool) -> NoAnswer:
    """It was asked, and nothing came."""
    how = "does not answer" if is_late else "broke the line before it had answered"
    return NoAnswer(f"{shown.where} {how}.", hint=UNSURE if shown.is_write else _NETWORK, is_late=is_late)


def missing() -> Unavailable:
    """The library is not there."""
    return Unavailable(
        "The library boto3, which speaks to AWS, is not installed.",
        hint="Install Machina with its part for clouds: machina-desktop[clouds].",
        code="E-CLOUD-LIBRARY",
    )
