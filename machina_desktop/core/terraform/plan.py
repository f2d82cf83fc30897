"""What ``show -json`` says of a plan or a state, in the form people approve and machines are updated from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from machina_desktop.core.codec import from_json, to_json
from machina_desktop.core.domain.plan import AttributeChange, PlanAction, PlanSummary, ResourceChange
from machina_desktop.core.errors import InvalidInput, Unavailable
from machina_desktop.core.log import MINIMUM_LENGTH

_ACTIONS = {
    ("no-op",): PlanAction.NOTHING,
    ("create",): PlanAction.CREATE,
    ("read",): PlanAction.READ,
    ("update",): PlanAction.UPDATE,
    ("delete",): PlanAction.DELETE,
    ("forget",): PlanAction.FORGET,
    ("delete", "create"): PlanAction.REPLACE,
    ("create", "delete"): PlanAction.REPLACE,
    ("create", "forget"): PlanAction.REPLACE,
    ("forget", "create"): PlanAction.REPLACE,
}

# https://developer.hashicorp.com/terraform/internals/json-format#plan-representation, action_reason
_REASONS = {
    "replace_because_tainted": "The last run left it half made, so it is made anew.",
    "replace_because_cannot_update": "The provider cannot change this in place.",
    "replace_by_request": "Its replacement was asked for.",
    "replace_by_triggers": "Something it depends on changed.",
    "delete_because_no_resource_config": "The module no longer describes it.",
    "delete_because_no_module": "The module no longer describes it.",
    "delete_because_wrong_repetition": "The module no longer describes it.",
    "delete_because_count_index": "The module asks for fewer of them.",
    "delete_because_each_key": "The module no longer lists it.",
    "delete_because_no_move_target": "What it was moved to does not exist.",
    "read_because_config_unknown": "What to read is known only after apply.",
    "read_because_dependency_pending": "Something it depends on changes first.",
    "read_because_check_nested": "A check reads it after apply.",
}

# Providers report noise as drift (ids of pending changes, times, order of sets); these say what a machine is.
# fmt: off
_DRIFT_THAT_MATTERS = frozenset({
    "status", "state", "power_state", "desired_status", "instance_state", "name", "size", "server_type",
    "instance_type", "machine_type", "type", "image", "ami", "region", "location", "zone", "ipv4_address",
    "ipv6_address", "ipv4_address_private", "public_ip", "private_ip", "public_ipv4", "network_interface", "tags",
    "labels", "tags_all", "droplet_ids", "server_id", "inbound_rule", "outbound_rule", "ingress", "egress", "rule",
    "allow", "deny", "source_ranges", "input", "output",
})
# fmt: on

# First-boot scripts carry one-time codes, and not every provider marks them.
_ALWAYS_SENSITIVE = frozenset({"user_data", "user_data_base64", "user-data"})

# The status of these only says whether the provider is done with the last change of them.
_OF_PASSING_STATUS = frozenset({"digitalocean_firewall"})
# Some providers answer an empty list where none was given.
_NOTHING = frozenset({None, '""', "[]", "{}"})

_Path = tuple[str, ...]


def summarise(plan_json: bytes) -> PlanSummary:
    """The plan as people approve it; sensitive values are withheld.

    Raises:
        Unavailable: it is no plan that we can read (E-TF-OUTPUT).
    """
    told = _read(plan_json)
    everything = [_resource(entry) for entry in _objects(told.get("resource_changes"))]
    listed = tuple(resource for resource in everything if resource.action is not PlanAction.NOTHING)
    drift = tuple(_resource(entry) for entry in _objects(told.get("resource_drift")))
    outputs = _object(told.get("output_changes"))
    imports = [_object(entry.get("change")).get("importing") for entry in _objects(told.get("resource_changes"))]
    return PlanSummary(
        add=_count(listed, PlanAction.CREATE, PlanAction.REPLACE),
        change=_count(listed, PlanAction.UPDATE),
        remove=_count(listed, PlanAction.DELETE, PlanAction.REPLACE),
        imports=sum(1 for imported in imports if imported),
        resources=listed,
        drift=tuple(narrowed for resource in drift if (narrowed := _that_matters(resource))),
        outputs=tuple(sorted(name for name, change in outputs.items() if _action(_object(change)) != ("no-op",))),
    )


def is_applicable(plan_json: bytes) -> bool:
    """Whether the plan came to its end without an error, so that it may be offered for approval.

    Raises:
        Unavailable: it is no plan that we can read (E-TF-OUTPUT).
    """
    told = _read(plan_json)
    # Versions before 1.8 do not say; there the exit code of the plan alone decides.
    return told.get("complete", True) is True and told.get("errored", False) is False


def outputs_of_state(show_json: bytes) -> dict[str, object]:
    """The module's output values by name, sensitive ones included.

    Raises:
        Unavailable: it is no state that we can read (E-TF-OUTPUT).
    """
    outputs = _object(_object(_read(show_json).get("values")).get("outputs"))
    return {name: _object(output).get("value") for name, output in outputs.items()}


def _read(text: bytes) -> Mapping[str, object]:
    try:
        told = from_json(text, dict[str, object])
    except (InvalidInput, RecursionError) as error:
        raise _unreadable("is not JSON") from error
    version = _text(told.get("format_version"))
    if not version.startswith("1."):
        raise _unreadable(f"has format version {version or 'none'}, not 1")
    return told


def _unreadable(reason: str) -> Unavailable:
    return Unavailable(
        f"Terraform's answer cannot be read: it {reason}.",
        hint="Look into the log for what Terraform said; choose a Terraform version below 2.",
        code="E-TF-OUTPUT",
    )


def _resource(entry: Mapping[str, object]) -> ResourceChange:
    change = _object(entry.get("change"))
    # A kind of change that we do not know yet must be seen, not hidden.
    action = _ACTIONS.get(_action(change), PlanAction.UPDATE)
    reason = _text(entry.get("action_reason"))
    if change.get("importing") and action is PlanAction.NOTHING:
        action = PlanAction.IMPORT
    return ResourceChange(
        address=_text(entry.get("address")),
        type=_text(entry.get("type")),
        name=_text(entry.get("name")),
        action=action,
        reason=_REASONS.get(reason, reason.replace("_", " ")),
        attributes=tuple(_attributes(change)),
    )


def _action(change: Mapping[str, object]) -> tuple[str, ...]:
    return tuple(_text(part) for part in _items(change.get("actions")))


def _count(resources: Sequence[ResourceChange], *actions: PlanAction) -> int:
    return sum(resource.action in actions for resource in resources)


def _that_matters(resource: ResourceChange) -> ResourceChange | None:
    """The drifted resource with what matters of it, ``None`` when nothing does."""
    if resource.action is PlanAction.DELETE:
        return resource
    kept = tuple(change for change in resource.attributes if _is_drift(resource.type, change))
    if not kept:
        return None
    return ResourceChange(
        address=resource.address, type=resource.type, name=resource.name, action=resource.action, attributes=kept
    )


def _is_drift(kind: str, change: AttributeChange) -> bool:
    name = change.path.partition(".")[0]
    if name not in _DRIFT_THAT_MATTERS or (name == "status" and kind in _OF_PASSING_STATUS):
        return False
    return change.sensitive or not {change.before, change.after} <= _NOTHING


def _attributes(change: Mapping[str, object]) -> Iterator[AttributeChange]:
    replaced_by = tuple(tuple(str(step) for step in _items(path)) for path in _items(change.get("replace_paths")))
    before_marks, after_marks = change.get("before_sensitive"), change.get("after_sensitive")
    secrets = {*_secrets(change.get("before"), before_marks), *_secrets(change.get("after"), after_marks)}
    values = change.get("before"), change.get("after"), change.get("after_unknown")
    for path, before, after, unknown, sensitive in _leaves((), *values, (before_marks, after_marks)):
        forces = any(path[: len(cause)] == cause or cause[: len(path)] == path for cause in replaced_by)
        old = None if before is None else to_json(before).decode()
        new = None if unknown or after is None else to_json(after).decode()
        # Terraform does not mark what a provider copies from a marked value, such as `terraform_data.output`.
        is_copy = any(secret in text for secret in secrets for text in (old, new) if text)
        withheld = sensitive or is_copy or path[-1] in _ALWAYS_SENSITIVE
        yield AttributeChange(
            path=".".join(path),
            before=None if withheld else old,
            after=None if withheld else new,
            unknown=unknown,
            sensitive=withheld,
            forces_replacement=forces,
        )


def _leaves(
    path: _Path, before: object, after: object, unknown: object, marks: tuple[object, object]
) -> Iterator[tuple[_Path, object, object, bool, bool]]:
    """Every place where the two values differ: path, both values, whether unknown, whether sensitive."""
    found: list[tuple[_Path, object, object, bool, bool]] = []
    if not path or (True not in marks and unknown is not True and _has_parts(before, after, unknown)):
        for step in _steps(before, after, unknown):
            deeper = _at(marks[0], step), _at(marks[1], step)
            parts = _at(before, step), _at(after, step), _at(unknown, step)
            found += _leaves((*path, str(step)), *parts, deeper)
    # Some changes have no differing part: from nothing to an empty list, or to a list of nothing.
    if path and not found and (_is_marked(unknown) or before != after):
        found.append((path, before, after, _is_marked(unknown), any(map(_is_marked, marks))))
    yield from found


def _is_marked(marks: object) -> bool:
    """Whether anything in it is marked."""
    return marks is True or any(_is_marked(_at(marks, step)) for step in _steps(marks))


def _secrets(value: object, marks: object) -> Iterator[str]:
    """The marked texts, as they stand in JSON, but for those so short that they turn up everywhere."""
    if isinstance(value, str) and marks is True and len(value) >= MINIMUM_LENGTH:
        yield to_json(value).decode()[1:-1]
    for step in _steps(value):
        yield from _secrets(_at(value, step), _at(marks, step))


def _has_parts(before: object, after: object, unknown: object) -> bool:
    """Whether the change is better told part by part than as one value."""
    kinds = {type(value) for value in (before, after) if value is not None}
    if not kinds:
        return isinstance(unknown, dict | list) and bool(unknown)
    return kinds in ({dict}, {list}) and bool(before or after)


def _steps(*values: object) -> list[str | int]:
    """Keys or positions that any of the values has, in order."""
    steps: dict[str | int, None] = {}
    for value in values:
        if isinstance(value, dict):
            steps.update(dict.fromkeys(value))
        elif isinstance(value, list):
            steps.update(dict.fromkeys(range(len(value))))
    return list(steps)


def _at(value: object, step: str | int) -> object:
    if isinstance(value, dict):
        return value.get(step)
    if isinstance(value, list) and isinstance(step, int) and step < len(value):
        return value[step]
    # A mark on the whole holds for each part.
    return True if value is True else None


def _object(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}


def _items(value: object) -> Sequence[object]:
    return value if isinstance(value, list) else ()


def _objects(value: object) -> Iterator[Mapping[str, object]]:
    return (_object(entry) for entry in _items(value))


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
