"""A Terraform state as it lies on disk: what is told from it without asking Terraform."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from machina_desktop.core.codec import from_json
from machina_desktop.core.errors import InvalidInput, Unavailable


@dataclass(frozen=True, kw_only=True)
class StateFile:
    """A Terraform state, as it lay on disk.

    Attributes:
        raw: The file, in clear: seal it before it is stored anywhere.
        lineage: Stays the same for the life of a state.
        serial: Grows with each change of it.
        resources: Addresses, without an index, of what Terraform made and still has on record.
        instances: The same with their indexes, such as ``hcloud_firewall.machine[0]``.
        tainted: Addresses, without an index, of what is half made: the next apply destroys it and makes it anew.
    """

    raw: bytes
    lineage: str
    serial: int
    resources: frozenset[str] = frozenset()
    instances: frozenset[str] = frozenset()
    tainted: frozenset[str] = frozenset()

    @property
    def has_resources(self) -> bool:
        """Whether anything that Terraform made is still recorded."""
        return bool(self.resources)

    def continues(self, stored: StateFile | None) -> bool:
        """Whether it is a later version of ``stored``, or the first there is."""
        return stored is None or (self.lineage == stored.lineage and self.serial > stored.serial)


def read_state_file(raw: bytes) -> StateFile:
    """The state that ``raw`` holds; also for what :attr:`Decoded.state_dump` saved.

    Raises:
        Unavailable: it is no state (E-TF-STATE).
    """
    try:
        told = from_json(raw, dict[str, object])
    except (InvalidInput, RecursionError) as error:
        raise _no_state() from error
    lineage, serial = told.get("lineage"), told.get("serial")
    if not isinstance(lineage, str) or not isinstance(serial, int):
        raise _no_state()
    listed = told.get("resources")
    return StateFile(
        raw=raw,
        lineage=lineage,
        serial=serial,
        resources=_made(listed),
        instances=frozenset(f"{address}{_index(instance)}" for address, instance in _instances(listed)),
        tainted=frozenset(address for address, instance in _instances(listed) if instance.get("status") == "tainted"),
    )


def _made(resources: object) -> frozenset[str]:
    """What a create that failed leaves behind has no instance; what is not understood counts as there."""
    found = set()
    for each in resources if isinstance(resources, list) else ():
        if not isinstance(each, dict):
            found.add(str(each))
        elif each.get("instances") != []:
            found.add(f"{each.get('type')}.{each.get('name')}")
    return frozenset(found)


def _instances(resources: object) -> Iterator[tuple[str, Mapping[str, object]]]:
    """Each instance with the address of its resource."""
    for each in resources if isinstance(resources, list) else ():
        instances = each.get("instances") if isinstance(each, dict) else None
        for instance in instances if isinstance(instances, list) else ():
            if isinstance(instance, dict):
                yield f"{each.get('type')}.{each.get('name')}", instance


def _index(instance: Mapping[str, object]) -> str:
    key = instance.get("index_key")
    if key is None:
        return ""
    return f'["{key}"]' if isinstance(key, str) else f"[{key}]"


def _no_state() -> Unavailable:
    return Unavailable(
        "The Terraform state in the run folder cannot be read.",
        hint="Recover the machine from the last stored state.",
        code="E-TF-STATE",
    )
