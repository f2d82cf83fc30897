"""The pinned host key of a machine: who vouched for it, and what runs of ours have done to the machine since."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from machina_desktop.core.domain.machine import PIN, RESCUE, Machine, ProvisioningMethod

REMADE = "remade"
"""The fact that tells when a run of ours put a machine there anew whose keys were known before: ``on 2026-…``."""

_ACCEPTED, _PRINTED = "accepted by ", "printed on its console at its first boot, read"


@dataclass(frozen=True, kw_only=True)
class PinOrigin:
    """Who vouched for a pinned key.

    Attributes:
        person: Who has accepted it; empty where nobody had to, for the machine printed it at its first boot.
        at: The moment, such as ``2026-11-23 at 01:10 UTC``.
    """

    person: str
    at: str


def accepted_story(fingerprint: str, person: str, at: datetime) -> str:
    """The fact :data:`PIN` of a key that a person has recognised."""
    return f"{fingerprint}, {_ACCEPTED}{person} on {moment(at)}"


def printed_story(fingerprint: str, at: datetime) -> str:
    """The fact :data:`PIN` of a key that the machine printed on its console."""
    return f"{fingerprint}, {_PRINTED} on {moment(at)}"


def pinned(machine: Machine, fingerprint: str, story: str, at: datetime) -> Machine:
    """The machine with that key, and the story of it; what was done to it before does not matter any more."""
    facts = {name: text for name, text in machine.facts.items() if name != REMADE}
    return replace(machine, host_key=fingerprint, facts=facts | {PIN: story}, updated_at=at)


def remade(machine: Machine, at: datetime) -> Machine:
    """The machine after a run of ours has put it there anew; a pin of it stays, for it alone proves nothing wrong."""
    facts = machine.facts | {REMADE: f"on {moment(at)}"}
    if not machine.host_key:
        facts.pop(PIN, None)
    return replace(machine, facts=facts)


def origin_of(machine: Machine) -> PinOrigin | None:
    """Who vouched for the pinned key; ``None`` where none is pinned, or that was not recorded."""
    fingerprint, _, story = machine.facts.get(PIN, "").partition(", ")
    if not machine.host_key or fingerprint != machine.host_key:
        return None
    before, _, at = story.rpartition(" on ")
    if before == _PRINTED:
        return PinOrigin(person="", at=at)
    return PinOrigin(person=before.removeprefix(_ACCEPTED), at=at) if before.startswith(_ACCEPTED) else None


def known(machine: Machine) -> str:
    """What is known of the machine's host key, in whole sentences."""
    name, anew = machine.name, machine.facts.get(REMADE, "")
    if machine.is_in_rescue and not machine.host_key:
        return f"{name} runs its provider's rescue system {machine.facts[RESCUE]}, which has a key of its own."
    is_registered = machine.provisioning_method is ProvisioningMethod.REGISTERED
    if not machine.host_key:
        if anew:
            return f"{name} was put there anew {anew}, and its host key is a new one since."
        made = "registered" if is_registered else "made"
        return f"{name} was {made} on {moment(machine.created_at)}; no host key of it was recorded then."
    since = f" {name} was put there anew by a run {anew}, so that another key is to be expected." if anew else ""
    fingerprint, _, story = machine.facts.get(PIN, "").partition(", ")
    if fingerprint == machine.host_key and story:
        return f"The pinned key was {story}.{since}"
    when = "given when {0} was registered" if is_registered else "recorded when {0} was made"
    return f"The pinned key was {when.format(name)} on {moment(machine.created_at)}.{since}"


def moment(at: datetime) -> str:
    """A moment as it stands in sentences, such as ``2026-11-23 at 01:10 UTC``."""
    return f"{at:%Y-%m-%d at %H:%M} UTC"
