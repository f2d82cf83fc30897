"""What was chosen so far: a draft that is kept on disk until it is deployed. It holds no secret."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypedDict

from machina_desktop.core.codec import from_json, to_json
from machina_desktop.core.domain.machine import Machine
from machina_desktop.core.domain.provider import WizardStep
from machina_desktop.core.errors import InvalidInput, MachinaError
from machina_desktop.core.ids import new_id
from machina_desktop.core.services.machines import CreateMachine


def _new_machine_id() -> str:
    return new_id("machine")


def _new_deployment_id() -> str:
    return new_id("deployment")


@dataclass(frozen=True, kw_only=True)
class Draft:
    """The wizard's choices.

    Attributes:
        given_key: A host key fingerprint the person pasted; it counts before the one that was fetched.
        found_key: The fingerprint the host presented.
        is_compared: The person says that ``found_key`` is the host's own.
        place: Where a shared team's run is carried out, a `Place`; empty until somebody chooses.
        is_on_one_page: All steps stand below each other.
        step: Where the person was.
        visited: Steps that were open at least once.
        fallbacks: What to take where the size is sold out by then, in order, as `Fallback` is written.
        copies: How many machines of these choices are made.
        machine_id: Made with the draft, so that deploying it twice makes one machine.
        more_machine_ids, more_deployment_ids: The same for each further copy.
    """

    account_id: str = ""
    region: str = ""
    zone: str = ""
    host: str = ""
    port: int = 22
    user: str = "root"
    given_key: str = ""
    found_key: str = ""
    found_type: str = ""
    is_compared: bool = False
    size: str = ""
    fallbacks: tuple[str, ...] = ()
    image: str = ""
    key_ids: tuple[str, ...] = ()
    firewall_profile_id: str = ""
    bootstrap_script: str = ""
    name: str = ""
    copies: int = 1
    tags: tuple[str, ...] = ()
    notes: str = ""
    is_protected: bool = False
    auto_approve: bool = False
    place: str = ""
    is_on_one_page: bool = False
    step: WizardStep = WizardStep.ACCOUNT
    visited: tuple[WizardStep, ...] = (WizardStep.ACCOUNT,)
    machine_id: str = field(default_factory=_new_machine_id)
    deployment_id: str = field(default_factory=_new_deployment_id)
    more_machine_ids: tuple[str, ...] = ()
    more_deployment_ids: tuple[str, ...] = ()

    @property
    def host_key(self) -> str:
        """The fingerprint to pin; empty until one was given, or fetched and compared."""
        return self.given_key or (self.found_key if self.is_compared else "")


def draft_like(machine: Machine) -> Draft:
    """A machine with the same choices, all of them to be looked at; only the name is still to be given."""
    return Draft(
        account_id=machine.provider_account_id,
        region=machine.region,
        zone=machine.zone or "",
        size=machine.size,
        image=machine.image,
        key_ids=machine.ssh_key_ids,
        firewall_profile_id=machine.firewall_profile_id or "",
        bootstrap_script=machine.bootstrap_script,
        tags=machine.tags,
        notes=machine.notes,
        is_protected=machine.is_protected,
        step=WizardStep.NAME,
        visited=tuple(WizardStep),
    )


class DraftFields(TypedDict, total=False):
    """The fields of a `Draft` a step may change."""

    account_id: str
    region: str
    zone: str
    host: str
    port: int
    user: str
    given_key: str
    found_key: str
    found_type: str
    is_compared: bool
    size: str
    fallbacks: tuple[str, ...]
    image: str
    key_ids: tuple[str, ...]
    firewall_profile_id: str
    bootstrap_script: str
    name: str
    tags: tuple[str, ...]
    notes: str
    is_protected: bool
    auto_approve: bool
    place: str
    is_on_one_page: bool
    step: WizardStep
    visited: tuple[WizardStep, ...]


# Fields of the requests, by the step that shows them.
_STEPS = {
    "account_id": WizardStep.ACCOUNT,
    "region": WizardStep.REGION,
    "zone": WizardStep.REGION,
    "host": WizardStep.REGION,
    "port": WizardStep.REGION,
    "user": WizardStep.REGION,
    "host_key": WizardStep.REGION,
    "size": WizardStep.SIZE,
    "fallbacks": WizardStep.REVIEW,
    "image": WizardStep.IMAGE,
    "key_ids": WizardStep.KEYS,
    "ssh_key_ids": WizardStep.KEYS,
    "bootstrap_script": WizardStep.BOOTSTRAP,
    "bootstrap_profile_id": WizardStep.BOOTSTRAP,
    "firewall_profile_id": WizardStep.FIREWALL,
    "name": WizardStep.NAME,
    "tags": WizardStep.NAME,
    "notes": WizardStep.NAME,
}


def place_of_error(error: MachinaError) -> tuple[WizardStep | None, str]:
    """The step and the field an answer complains about; no step when it is about none of them."""
    if error.code == "E-NAME-TAKEN":
        return WizardStep.NAME, "name"
    if isinstance(error, InvalidInput):
        return _STEPS.get(error.field), error.field
    return None, ""


def request_of(
    draft: Draft, team_id: str, *, asks_host: bool, skipped: frozenset[WizardStep], runs_on: str = ""
) -> CreateMachine:
    """What *Deploy* asks for. Choices of skipped steps, made for another provider before, are left out."""
    has_region = not asks_host and WizardStep.REGION not in skipped
    return CreateMachine(
        team_id=team_id,
        account_id=draft.account_id,
        name=draft.name,
        region=draft.region if has_region else "",
        zone=(draft.zone or None) if has_region else None,
        size="" if WizardStep.SIZE in skipped else draft.size,
        fallbacks=draft.fallbacks if has_region and WizardStep.SIZE not in skipped else (),
        image="" if WizardStep.IMAGE in skipped else draft.image,
        key_ids=draft.key_ids,
        firewall_profile_id=None if WizardStep.FIREWALL in skipped else draft.firewall_profile_id or None,
        bootstrap_script="" if WizardStep.BOOTSTRAP in skipped else draft.bootstrap_script,
        tags=draft.tags,
        notes=draft.notes,
        host=draft.host if asks_host else "",
        port=draft.port if asks_host else 22,
        user=draft.user if asks_host else "",
        host_key=draft.host_key if asks_host else "",
        is_protected=draft.is_protected,
        auto_approve=draft.auto_approve,
        runs_on=runs_on,
        machine_id=draft.machine_id,
        deployment_id=draft.deployment_id,
    )


def with_copies(draft: Draft, copies: int) -> Draft:
    """For so many machines; those there were keep their ids."""
    missing = range(copies - 1 - len(draft.more_machine_ids))
    return replace(
        draft,
        copies=copies,
        more_machine_ids=(*draft.more_machine_ids, *(_new_machine_id() for _ in missing)),
        more_deployment_ids=(*draft.more_deployment_ids, *(_new_deployment_id() for _ in missing)),
    )


def requests_of_copies(draft: Draft, first: CreateMachine, names: Sequence[str]) -> tuple[CreateMachine, ...]:
    """What is asked for in all, one request for each name; ``first`` is that of the first name."""
    ids = zip(names[1:], draft.more_machine_ids, draft.more_deployment_ids, strict=False)
    others = (replace(first, name=name, machine_id=machine, deployment_id=run) for name, machine, run in ids)
    return (first, *others)


def without(draft: Draft, made: int, names: Sequence[str]) -> Draft:
    """The draft of what is left once the first ``made`` of its machines are asked for."""
    if not 0 < made < draft.copies:
        return draft
    return replace(
        draft,
        name=names[made],
        copies=draft.copies - made,
        machine_id=draft.more_machine_ids[made - 1],
        deployment_id=draft.more_deployment_ids[made - 1],
        more_machine_ids=draft.more_machine_ids[made:],
        more_deployment_ids=draft.more_deployment_ids[made:],
    )


class DraftFile:
    """Where the draft lies while the application is closed."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def load(self) -> Draft:
        """The stored draft; a new one where none is stored, or none that this version can read."""
        try:
            return from_json(self._path.read_bytes(), Draft)
        except (OSError, InvalidInput):
            return Draft()

    def save(self, draft: Draft) -> None:
        """Store it, readable by its owner only. A draft that cannot be stored is lost on closing, no more."""
        new = self._path.with_suffix(".new")
        try:
            with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
                file.write(to_json(draft))
            new.replace(self._path)
        except OSError:
            return

    def remove(self) -> None:
        """Forget it."""
        self._path.unlink(missing_ok=True)
