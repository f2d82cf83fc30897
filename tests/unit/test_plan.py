"""What people approve is what Terraform plans: actions, differences, reasons; secrets withheld."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from machina_desktop.core.domain.plan import AttributeChange, PlanAction, PlanSummary
from machina_desktop.core.errors import Unavailable
from machina_desktop.core.terraform.plan import is_applicable, outputs_of_state, summarise
from tests.fakes.engine import real_engine

MODULE = """
variable "user" { type = string }
variable "trigger" { type = string }
variable "token" {
  type      = string
  sensitive = true
}
variable "extra" {
  type    = bool
  default = false
}
resource "terraform_data" "machine" {
  input            = { user = var.user, port = 22, token = var.token, tags = ["a", var.user] }
  triggers_replace = var.trigger
}
resource "terraform_data" "follower" {
  count = var.extra ? 1 : 0
  input = terraform_data.machine.id
}
output "user" { value = terraform_data.machine.output.user }
output "token" {
  value     = var.token
  sensitive = true
}
"""


def terraform(folder: Path, *arguments: str, **variables: object) -> bytes:
    (folder / "main.tf").write_text(MODULE)
    if variables:
        (folder / "x.auto.tfvars.json").write_text(json.dumps(variables))
    environment = {**os.environ, "CHECKPOINT_DISABLE": "1", "TF_CLI_CONFIG_FILE": os.devnull}
    command = [*real_engine().argv, *arguments]
    done = subprocess.run(command, cwd=folder, env=environment, check=False, capture_output=True)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


def planned(folder: Path, *options: str, **variables: object) -> bytes:
    terraform(folder, "plan", "-out=p", *options, **variables)
    return terraform(folder, "show", "-json", "p")


FIRST = {"user": "alice", "trigger": "1", "token": "CANARY-1"}


@pytest.fixture
def applied(tmp_path: Path) -> Path:
    planned(tmp_path, **FIRST)
    terraform(tmp_path, "apply", "p")
    return tmp_path


def attributes(summary: PlanSummary, address: str = "terraform_data.machine") -> dict[str, AttributeChange]:
    (found,) = (resource for resource in summary.resources if resource.address == address)
    return {change.path: change for change in found.attributes}


def test_a_new_machine_lists_every_value(tmp_path: Path) -> None:
    summary = summarise(planned(tmp_path, **FIRST))
    found = attributes(summary)
    assert (summary.add, summary.change, summary.remove) == (1, 0, 0)
    assert [resource.action for resource in summary.resources] == [PlanAction.CREATE]
    assert found["input.user"] == AttributeChange(path="input.user", after='"alice"')
    assert found["input.port"].after == "22"
    assert found["input.tags.1"].after == '"alice"'
    assert found["id"] == AttributeChange(path="id", unknown=True)
    assert summary.outputs == ("token", "user")
    assert not summary.is_empty


def test_no_change_is_an_empty_plan(applied: Path) -> None:
    summary = summarise(planned(applied))
    assert summary.is_empty
    assert summary.resources == ()


def test_an_update_tells_old_and_new_value_and_nothing_else(applied: Path) -> None:
    summary = summarise(planned(applied, **{**FIRST, "user": "bob"}))
    found = attributes(summary)
    assert (summary.add, summary.change, summary.remove) == (0, 1, 0)
    assert found["input.user"] == AttributeChange(path="input.user", before='"alice"', after='"bob"')
    assert found["input.tags.1"].after == '"bob"'
    assert not {"input.port", "input.tags.0", "id"} & set(found)
    assert summary.outputs == ("user",)


def test_a_secret_is_withheld_before_and_after(applied: Path) -> None:
    shown = planned(applied, **{**FIRST, "token": "CANARY-2"})
    summary = summarise(shown)
    assert b"CANARY-2" in shown
    assert "CANARY" not in repr(summary)
    found = attributes(summary)
    assert found["input.token"] == AttributeChange(path="input.token", sensitive=True)
    # A copy that Terraform does not mark.
    assert found["output"] == AttributeChange(path="output", unknown=True, sensitive=True)


def test_a_replacement_says_which_change_forces_it(applied: Path) -> None:
    summary = summarise(planned(applied, **{**FIRST, "trigger": "2", "user": "bob"}))
    (resource,) = summary.resources
    found = attributes(summary)
    assert (summary.add, summary.change, summary.remove) == (1, 0, 1)
    assert resource.action is PlanAction.REPLACE
    assert resource.reason == "The provider cannot change this in place."
    assert found["triggers_replace"].forces_replacement
    assert not found["input.user"].forces_replacement


def test_a_destroy_removes_everything(applied: Path) -> None:
    summary = summarise(planned(applied, "-destroy"))
    assert (summary.add, summary.change, summary.remove) == (0, 0, 1)
    assert attributes(summary)["input.user"] == AttributeChange(path="input.user", before='"alice"')


def test_a_resource_that_is_no_longer_described_says_so(applied: Path) -> None:
    planned(applied, **FIRST, extra=True)
    terraform(applied, "apply", "p")
    summary = summarise(planned(applied, **FIRST, extra=False))
    (resource,) = summary.resources
    assert (resource.action, resource.address) == (PlanAction.DELETE, "terraform_data.follower[0]")
    assert resource.reason == "The module asks for fewer of them."


def test_state_tells_outputs(applied: Path) -> None:
    shown = terraform(applied, "show", "-json")
    assert outputs_of_state(shown) == {"user": "alice", "token": "CANARY-1"}


def test_an_empty_state_has_nothing(tmp_path: Path) -> None:
    shown = terraform(tmp_path, "show", "-json")
    assert outputs_of_state(shown) == {}


def plan(*changes: dict[str, object], drift: tuple[dict[str, object], ...] = (), **more: object) -> bytes:
    def entry(change: dict[str, object]) -> dict[str, object]:
        return {"address": "x.machine", "type": "x", "name": "machine", "change": change}

    told = {"resource_changes": [entry(one) for one in changes], "resource_drift": [entry(one) for one in drift]}
    return json.dumps({"format_version": "1.2", "complete": True, "errored": False, **told, **more}).encode()


@pytest.mark.parametrize(
    "actions, action",
    [
        (["create"], PlanAction.CREATE),
        (["read"], PlanAction.READ),
        (["update"], PlanAction.UPDATE),
        (["delete"], PlanAction.DELETE),
        (["forget"], PlanAction.FORGET),
        (["delete", "create"], PlanAction.REPLACE),
        (["create", "delete"], PlanAction.REPLACE),
        (["something", "new"], PlanAction.UPDATE),
    ],
)
def test_every_kind_of_action_is_listed(actions: list[str], action: PlanAction) -> None:
    assert [resource.action for resource in summarise(plan({"actions": actions})).resources] == [action]


def test_an_import_without_a_change_is_an_import() -> None:
    summary = summarise(plan({"actions": ["no-op"], "importing": {"id": "1"}}))
    assert [resource.action for resource in summary.resources] == [PlanAction.IMPORT]
    assert (summary.imports, summary.is_empty) == (1, False)


def test_an_import_with_a_change_counts_as_both() -> None:
    summary = summarise(plan({"actions": ["update"], "importing": {"id": "1"}}))
    assert (summary.imports, summary.change) == (1, 1)


def test_a_mark_on_the_whole_or_on_either_side_withholds_every_part() -> None:
    change = {"actions": ["update"], "before": {"a": {"b": "OLD"}}, "after": {"a": {"b": "NEW"}}}
    for marks in (
        {"before_sensitive": {"a": True}},
        {"after_sensitive": {"a": {"b": True}}},
        {"after_sensitive": True},
    ):
        summary = summarise(plan({**change, **marks}))
        assert all(one.sensitive and one.before is one.after is None for one in summary.resources[0].attributes)


def test_first_boot_scripts_are_withheld_though_the_provider_does_not_mark_them() -> None:
    change = {"actions": ["create"], "before": None, "after": {"user_data": "ENROL-CODE", "name": "m1"}}
    summary = summarise(plan(change))
    assert "ENROL-CODE" not in repr(summary)
    assert [one.path for one in summary.resources[0].attributes if one.sensitive] == ["user_data"]


def test_a_marked_part_of_a_value_that_becomes_unknown_is_withheld() -> None:
    change = {"actions": ["update"], "before": {"a": {"b": "S"}}, "after": {}, "after_unknown": {"a": True}}
    (found,) = summarise(plan({**change, "before_sensitive": {"a": {"b": True}}})).resources[0].attributes
    assert found == AttributeChange(path="a", unknown=True, sensitive=True)


def test_an_unknown_value_keeps_the_old_one() -> None:
    change = {"actions": ["update"], "before": {"ip": "10.0.0.1"}, "after": {}, "after_unknown": {"ip": True}}
    (found,) = summarise(plan(change)).resources[0].attributes
    assert found == AttributeChange(path="ip", before='"10.0.0.1"', unknown=True)


def test_a_change_inside_a_list_forces_replacement_by_its_path() -> None:
    change = {
        "actions": ["delete", "create"],
        "before": {"disk": [{"size": 1}]},
        "after": {"disk": [{"size": 2}]},
        "replace_paths": [["disk", 0, "size"]],
    }
    (found,) = summarise(plan(change)).resources[0].attributes
    assert found == AttributeChange(path="disk.0.size", before="1", after="2", forces_replacement=True)


def test_drift_that_says_nothing_of_the_machine_is_left_out() -> None:
    noise = {"actions": ["update"], "before": {"pending_changes": []}, "after": {"pending_changes": [1]}}
    real = {
        "actions": ["update"],
        "before": {"status": "active", "created_at": "1"},
        "after": {"status": "off", "created_at": "2"},
    }
    summary = summarise(plan(drift=(noise, real)))
    assert [[one.path for one in resource.attributes] for resource in summary.drift] == [["status"]]


def test_drift_from_nothing_to_nothing_is_left_out() -> None:
    """Providers of the older kind answer an empty list where none was given."""
    noise = {
        "actions": ["update"],
        "before": {"tags": None, "inbound_rule": [{"ports": "22", "source_tags": None}]},
        "after": {"tags": [], "inbound_rule": [{"ports": "22", "source_tags": []}]},
    }
    real = {"actions": ["update"], "before": {"tags": None}, "after": {"tags": ["web"]}}
    drift = summarise(plan(drift=(noise, real))).drift
    assert [[one.path for one in resource.attributes] for resource in drift] == [["tags.0"]]


def test_a_firewall_that_has_reached_its_machines_meanwhile_is_no_drift() -> None:
    change = {"actions": ["update"], "before": {"status": "waiting"}, "after": {"status": "succeeded"}}
    entry = {"address": "x.machine", "type": "digitalocean_firewall", "name": "machine", "change": change}
    assert summarise(plan(resource_drift=[entry])).drift == ()


def test_something_deleted_outside_is_always_drift() -> None:
    summary = summarise(plan(drift=({"actions": ["delete"], "before": {"x": 1}, "after": None},)))
    assert [resource.action for resource in summary.drift] == [PlanAction.DELETE]


@pytest.mark.parametrize(
    "told, answer",
    [({}, True), ({"complete": False}, False), ({"errored": True}, False), ({"complete": None}, False)],
)
def test_only_a_whole_plan_may_be_applied(told: dict[str, object], *, answer: bool) -> None:
    assert is_applicable(plan(**told)) is answer


def test_a_plan_of_a_version_that_does_not_say_is_applicable() -> None:
    assert is_applicable(b'{"format_version": "1.1"}')


@pytest.mark.parametrize("text", [b"", b"Error: no plan", b"[]", b'{"format_version": "2.0"}', b"{}", b'{"a":' * 9999])
def test_what_is_no_plan_is_an_error(text: bytes) -> None:
    for reads in (summarise, is_applicable, outputs_of_state):
        with pytest.raises(Unavailable) as caught:
            reads(text)
        assert caught.value.code == "E-TF-OUTPUT"


values = st.recursive(
    st.none() | st.booleans() | st.integers(0, 9) | st.sampled_from(["", "x", "SECRET"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=8,
)


@given(before=values, after=values, unknown=values, marks=values)
@example(before={"a": 4}, after={"a": 4}, unknown={"a": [True]}, marks=None)
def test_any_shape_is_summarised_and_a_marked_whole_shows_nothing(
    before: object, after: object, unknown: object, marks: object
) -> None:
    change = {"actions": ["update"], "before": {"v": before}, "after": {"v": after}, "after_unknown": {"v": unknown}}
    summarise(plan({**change, "after_sensitive": marks, "before_sensitive": {"v": marks}}))
    for sealed in ({"before_sensitive": {"v": True}}, {"after_sensitive": {"v": True}}):
        assert "SECRET" not in repr(summarise(plan({**change, **sealed})))
    (resource,) = summarise(plan(change)).resources
    assert bool(resource.attributes) == (before != after or True in _parts(unknown))


def _parts(value: object) -> list[object]:
    if isinstance(value, dict):
        return [part for inner in value.values() for part in _parts(inner)]
    if isinstance(value, list):
        return [part for inner in value for part in _parts(inner)]
    return [value is True]
