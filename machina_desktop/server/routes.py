"""Which use cases are served over HTTP, and with what status each answers; decided by rule, not one by one."""

from __future__ import annotations

import re
from dataclasses import MISSING, fields

from machina_desktop.core.domain.deployment import Deployment
from machina_desktop.core.services import catalogue  # noqa: F401 - fills the registry of use cases
from machina_desktop.core.services.authentication import SignedIn
from machina_desktop.core.services.use_case import REGISTRY, UseCase
from machina_desktop.server.answers import SessionGiven

_ID = re.compile(r"([a-z_]+)-0[0-9a-hjkmnp-tv-z]{25}")


def served() -> tuple[UseCase, ...]:
    """What is served, in the order of the areas. What concerns one computer, and what runners say, is not."""
    return tuple(
        case
        for case in REGISTRY.by_request.values()
        if not case.is_internal and not case.path.startswith("/api/device/")
    )


def served_to_devices() -> tuple[UseCase, ...]:
    """What is served beside that, to programs on people's computers; no part of the API that others build on."""
    return tuple(case for case in REGISTRY.by_request.values() if case.is_for_devices)


def success_of(case: UseCase) -> int:
    """The status of success.

    202 for a write that a run carries out later, 201 for one that makes what its asker has named, 204 where there is
    nothing to say, else 200.
    """
    if case.result is type(None):
        return 204
    if case.method == "POST" and case.result is Deployment:
        return 202
    if case.method == "POST" and made_ids(case):
        return 201
    return 200


def answer_of(case: UseCase) -> object:
    """The shape of the answer's body."""
    return SessionGiven if case.result is SignedIn else case.result


def made_ids(case: UseCase) -> dict[str, str]:
    """Fields that hold an id the asker makes, each with the kind that stands before its hyphen."""
    found = {}
    for field in fields(case.request):
        made = field.default_factory() if field.default_factory is not MISSING else None
        if isinstance(made, str) and (match := _ID.fullmatch(made)):
            found[field.name] = match[1]
    return found


def id_pattern(kind: str) -> str:
    """The form of an id of that kind, as a regular expression; ids name folders, so nothing else passes."""
    return rf"^{kind}-0[0-9a-hjkmnp-tv-z]{{25}}$"
