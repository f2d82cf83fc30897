"""Which environment a machine belongs to: its tag ``env:NAME`` says so."""

from __future__ import annotations

from collections.abc import Iterable

from machina_desktop.core.domain.team import ENVIRONMENT

PRODUCTION = "production"
STAGING = "staging"
# What people write instead. Only of production a tag without the prefix counts too: there, caution costs little.
_SPELLINGS = {"prod": PRODUCTION, "stage": STAGING, "stg": STAGING}


def environment_of(tags: Iterable[str]) -> str:
    """The name of the environment, in lower case: ``production``, ``staging`` or as it was written; empty for none.

    Of several the one that wants most care: production, then staging, then the first by name.
    """
    found = {name for tag in tags if (name := _named_by(tag.strip().casefold()))}
    return min(found, key=lambda name: (name != PRODUCTION, name != STAGING, name), default="")


def is_production(tags: Iterable[str]) -> bool:
    """Whether tags put a machine into production."""
    return environment_of(tags) == PRODUCTION


def _named_by(tag: str) -> str:
    if not tag.startswith(ENVIRONMENT):
        return PRODUCTION if tag in {"prod", PRODUCTION} else ""
    name = tag.removeprefix(ENVIRONMENT).strip()
    return _SPELLINGS.get(name, name)
