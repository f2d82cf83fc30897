"""What Compute Engine says no with, in our words."""

from __future__ import annotations

import re
from dataclasses import dataclass

from machina_desktop.core.codec import from_json
from machina_desktop.core.providers.cloud_errors import (
    BUSY,
    CONFLICT,
    DENIED,
    FAULT,
    NAME_TAKEN,
    NOT_FOUND,
    QUOTA,
    REFUSED,
    SOLD_OUT,
    Complaint,
    Dialect,
)

TITLE = "Google Cloud"
_CODES = {
    "authError": DENIED,
    "forbidden": DENIED,
    "insufficientPermissions": DENIED,
    "accessNotConfigured": DENIED,
    "notFound": NOT_FOUND,
    "resourceNotReady": CONFLICT,
    "resourceInUseByAnotherResource": CONFLICT,
    "conditionNotMet": CONFLICT,
    "RESOURCE_NOT_READY": CONFLICT,
    "alreadyExists": NAME_TAKEN,
    "RESOURCE_ALREADY_EXISTS": NAME_TAKEN,
    "quotaExceeded": QUOTA,
    "QUOTA_EXCEEDED": QUOTA,
    "limitExceeded": QUOTA,
    "rateLimitExceeded": BUSY,
    "userRateLimitExceeded": BUSY,
    "RATE_LIMIT_EXCEEDED": BUSY,
    "stockout": SOLD_OUT,
    "ZONE_RESOURCE_POOL_EXHAUSTED": SOLD_OUT,
    "ZONE_RESOURCE_POOL_EXHAUSTED_WITH_DETAILS": SOLD_OUT,
    "invalid": REFUSED,
    "backendError": FAULT,
    "internalError": FAULT,
}
_SOLD_OUT = re.compile(r"does not have enough resources|resource pool exhausted|ZONE_RESOURCE_POOL_EXHAUSTED")


@dataclass(frozen=True, kw_only=True)
class Reason:
    """Why something was refused."""

    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class Problem:
    """What a request was refused with."""

    code: int = 0
    message: str = ""
    status: str = ""
    errors: tuple[Reason, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """The body of an error."""

    error: Problem


def _read(body: bytes) -> tuple[str, str]:
    problem = from_json(body, Refusal).error
    reason = problem.errors[0].reason if problem.errors else ""
    return reason or problem.status, problem.message


def _judge(complaint: Complaint) -> str:
    return SOLD_OUT if _SOLD_OUT.search(complaint.words) else ""


DIALECT = Dialect(title=TITLE, read=_read, codes=_CODES, judge=_judge, page_parameter="pageToken")
