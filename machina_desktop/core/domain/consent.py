"""When the same input to several machines needs a person's word first: for production, and across environments."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from machina_desktop.core.domain.environment import PRODUCTION


def wants_consent(environments: Iterable[str], agreed: frozenset[str] = frozenset()) -> bool:
    """Whether input to machines of these environments, of which none is one too, has to be agreed to.

    ``agreed`` are those that the person has agreed to together.
    """
    asked = frozenset(environments)
    return (len(asked) > 1 or PRODUCTION in asked) and not asked <= agreed


def by_environment(machines: Mapping[str, str]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Names by environment, from each name's environment: production first, then by name, those without one last."""
    found: dict[str, list[str]] = {}
    for name, environment in machines.items():
        found.setdefault(environment, []).append(name)
    order = sorted(found, key=lambda each: (each != PRODUCTION, not each, each))
    return tuple((each, tuple(sorted(found[each]))) for each in order)
