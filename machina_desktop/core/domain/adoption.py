"""What taking a machine over may change of it: its name and its tags, and whatever else only a person decides."""

from __future__ import annotations

from machina_desktop.core.domain.plan import AttributeChange, PlanAction, PlanSummary, ResourceChange
from machina_desktop.core.errors import Conflict

_NOTHING = frozenset({None, "null", '""', "[]", "{}"})
_OURS = frozenset({"name", "tags", "tags_all", "labels", "terraform_labels", "effective_labels"})
"""What a person gives a machine when it is taken over, with our marks."""

_MARKS = frozenset({"tags", "labels"})
"""A firewall may go by one of those, so none goes unseen."""

_SETTINGS = frozenset({"resize_disk", "graceful_shutdown", "keep_disk", "allow_stopping_for_update", "force_destroy"})
"""They say how Terraform goes about it, and nothing of the machine."""


def check_takeover(plan: PlanSummary, main_resource: str, name: str, *, is_seen: bool) -> None:
    """Refuse a plan that would cost the machine, or change it without anybody having seen that.

    ``main_resource`` is its address; ``is_seen`` says that a person looks at the plan before it is applied.

    Raises:
        Conflict: E-ADOPT-CHANGES.
    """
    for resource in plan.resources:
        is_machine = resource.address == main_resource
        if resource.action in {PlanAction.REPLACE, PlanAction.DELETE} or (
            is_machine and resource.action is PlanAction.CREATE
        ):
            raise _would(f"{name} would be lost by taking it over: {_why(resource)}.", _LOST)
        changed = tuple(each for each in resource.attributes if _is_of_machine(each))
        if is_machine and resource.action is PlanAction.UPDATE and changed and not is_seen:
            raise _would(f"Taking {name} over would change it: {_told(changed)}.", _UNSEEN)


_LOST = "Nothing was changed. Change this at the provider first, or leave the machine out of Machina's care."
_UNSEEN = "Nothing was changed. Import it without approving beforehand, and look at its plan."


def _is_of_machine(change: AttributeChange) -> bool:
    """Whether a person has to see it; what is withheld may be anything."""
    attribute, _, mark = change.path.partition(".")
    if attribute in _MARKS and mark and change.before is not None and change.after is None and not change.unknown:
        return True
    is_ours = attribute in _OURS | _SETTINGS
    return not is_ours and not change.unknown and (change.sensitive or change.before not in _NOTHING)


def _why(resource: ResourceChange) -> str:
    forced = tuple(each for each in resource.attributes if each.forces_replacement)
    return _told(forced) if forced else f"{resource.address} would be removed or made anew"


def _told(changes: tuple[AttributeChange, ...]) -> str:
    return ", ".join(
        f"{each.path} hidden" if each.sensitive else f"{each.path} from {each.before} to {each.after}"
        for each in changes[:5]
    )


def _would(what: str, hint: str) -> Conflict:
    return Conflict(what, hint=hint, code="E-ADOPT-CHANGES")
