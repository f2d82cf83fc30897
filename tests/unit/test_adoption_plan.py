"""A plan by which a machine that is taken over would be lost, or changed unseen, is refused."""

from __future__ import annotations

import pytest

from machina_desktop.core.domain.adoption import check_takeover
from machina_desktop.core.domain.plan import AttributeChange, PlanAction, PlanSummary, ResourceChange
from machina_desktop.core.errors import Conflict

MAIN = "digitalocean_droplet.machine"


def plan(action: PlanAction, *changes: AttributeChange, address: str = MAIN) -> PlanSummary:
    kind, _, name = address.partition(".")
    resource = ResourceChange(address=address, type=kind, name=name, action=action, attributes=changes)
    return PlanSummary(imports=1, resources=(resource,))


NAMED = AttributeChange(path="name", before='"other"', after='"web-1"')
MARKED = AttributeChange(path="tags.0", before='"web"', after='"machina-machine-1"')
FLAG = AttributeChange(path="resize_disk", before="true", after="false")
UNTOLD = AttributeChange(path="graceful", before=None, after="false")
COMPUTED = AttributeChange(path="status", before='"active"', unknown=True)
SMALLER = AttributeChange(path="size", before='"s-2"', after='"s-1"')
FORCED = AttributeChange(path="monitoring", before="true", after="false", forces_replacement=True)


@pytest.mark.parametrize("is_seen", [True, False])
def test_what_its_name_its_tags_and_marks_make_of_it_is_no_change(is_seen: bool) -> None:  # noqa: FBT001
    found = plan(PlanAction.UPDATE, NAMED, MARKED, FLAG, UNTOLD, COMPUTED)
    check_takeover(found, MAIN, "web-1", is_seen=is_seen)


def test_what_else_would_change_is_for_a_person_to_see() -> None:
    found = plan(PlanAction.UPDATE, NAMED, SMALLER)
    check_takeover(found, MAIN, "web-1", is_seen=True)
    with pytest.raises(Conflict, match='size from "s-2" to "s-1"') as caught:
        check_takeover(found, MAIN, "web-1", is_seen=False)
    assert caught.value.code == "E-ADOPT-CHANGES"


@pytest.mark.parametrize(
    "removed",
    [
        AttributeChange(path="labels.example.com/role", before='"web"'),
        AttributeChange(path="tags.cost:center", before='"42"'),
        AttributeChange(path="labels.public", before='""'),
    ],
)
def test_a_mark_that_would_be_taken_off_it_is_for_a_person_to_see(removed: AttributeChange) -> None:
    found = plan(PlanAction.UPDATE, NAMED, removed)
    check_takeover(found, MAIN, "web-1", is_seen=True)
    with pytest.raises(Conflict, match=removed.path) as caught:
        check_takeover(found, MAIN, "web-1", is_seen=False)
    assert caught.value.code == "E-ADOPT-CHANGES"


def test_what_is_withheld_is_for_a_person_to_see() -> None:
    found = plan(PlanAction.UPDATE, AttributeChange(path="user_data", sensitive=True))
    check_takeover(found, MAIN, "web-1", is_seen=True)
    with pytest.raises(Conflict, match="user_data hidden"):
        check_takeover(found, MAIN, "web-1", is_seen=False)


@pytest.mark.parametrize(
    "found",
    [
        plan(PlanAction.REPLACE, NAMED, FORCED),
        plan(PlanAction.DELETE),
        plan(PlanAction.CREATE, NAMED),
        plan(PlanAction.DELETE, address="digitalocean_firewall.machine[0]"),
    ],
)
def test_nothing_is_lost_or_made_twice_whoever_has_looked(found: PlanSummary) -> None:
    with pytest.raises(Conflict, match="would be lost") as caught:
        check_takeover(found, MAIN, "web-1", is_seen=True)
    assert caught.value.code == "E-ADOPT-CHANGES"


def test_why_it_would_be_made_anew_is_told() -> None:
    with pytest.raises(Conflict, match="monitoring from true to false"):
        check_takeover(plan(PlanAction.REPLACE, NAMED, FORCED), MAIN, "web-1", is_seen=True)


def test_a_firewall_beside_it_may_be_made() -> None:
    check_takeover(plan(PlanAction.CREATE, address="hcloud_firewall.machine[0]"), MAIN, "web-1", is_seen=False)
