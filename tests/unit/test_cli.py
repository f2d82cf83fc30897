"""Command lines carry nothing of users, the environment nothing of ours, and every line is decoded."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from machina_desktop.core.domain.log_line import LogLevel
from machina_desktop.core.process import run_briefly
from machina_desktop.core.terraform import cli
from machina_desktop.core.terraform.cli import Decoded, decode
from machina_desktop.core.terraform.engine import Engine
from tests.fakes.engine import real_engine

AT = datetime(2026, 1, 1, tzinfo=UTC)
ENGINE = Engine(name="terraform", version="1.11.4", argv=("/bin/terraform",), path="/bin/terraform")
RESOURCE = {"addr": "terraform_data.machine", "resource_type": "terraform_data", "resource_name": "machine"}


def read(message: object) -> Decoded:
    return decode(json.dumps(message).encode(), "apply", AT)


def event(kind: str, text: str, **more: object) -> dict[str, object]:
    return {"@level": "info", "@message": text, "@module": "terraform.ui", "type": kind, **more}


def texts(decoded: Decoded) -> list[str]:
    return [line.text for line in decoded.lines]


def test_a_plan_is_saved_and_answers_by_its_exit_code() -> None:
    command = cli.plan(ENGINE)
    assert command.argv[:2] == ("/bin/terraform", "plan")
    assert {"-json", "-detailed-exitcode", "-input=false", "-lock-timeout=30s", "-out=tfplan"} == set(command.argv[2:])
    assert command.ok_codes == (0, 2)
    assert "-destroy" in cli.plan(ENGINE, cli.PlanMode.DESTROY).argv
    assert "-refresh-only" in cli.plan(ENGINE, cli.PlanMode.REFRESH_ONLY).argv


def test_only_the_saved_plan_is_applied() -> None:
    argv = cli.apply(ENGINE).argv
    assert argv[-1] == cli.PLAN_FILE
    assert not any("auto-approve" in part or part.startswith("-var") for part in argv)


def test_the_state_is_shown_even_after_a_failed_apply() -> None:
    assert 1 in cli.apply(ENGINE).ok_codes


def test_the_environment_is_ours_and_the_credentials_are_in_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TF_VAR_name", "hostile")
    monkeypatch.setenv("TF_CLI_CONFIG_FILE", "hostile")
    environment = cli.terraform_environment(
        config_file=tmp_path / "rc", plugin_cache=tmp_path / "cache", credentials={"HCLOUD_TOKEN": "token"}
    )
    ours = {name: value for name, value in environment.items() if name.startswith(("TF_", "CHECKPOINT", "HCLOUD"))}
    assert ours == {
        "TF_IN_AUTOMATION": "1",
        "TF_INPUT": "0",
        "CHECKPOINT_DISABLE": "1",
        "TF_CLI_CONFIG_FILE": str(tmp_path / "rc"),
        "TF_PLUGIN_CACHE_DIR": str(tmp_path / "cache"),
        "HCLOUD_TOKEN": "token",
    }


def test_a_module_without_plugins_needs_no_cache(tmp_path: Path) -> None:
    environment = cli.terraform_environment(config_file=tmp_path / "rc", plugin_cache=None, credentials={})
    assert "TF_PLUGIN_CACHE_DIR" not in environment


@pytest.mark.parametrize("mirror", [None, "mirror", 'mirror with " and ${path} and \\'])
def test_the_configuration_is_read_by_the_real_terraform_without_complaint(tmp_path: Path, mirror: str | None) -> None:
    config = tmp_path / "rc"
    cli.write_config(config, mirror=None if mirror is None else tmp_path / mirror)
    environment = cli.terraform_environment(config_file=config, plugin_cache=None, credentials={})
    code, _, err = run_briefly((*real_engine().argv, "version", "-json"), timeout_s=30, environment=environment)
    assert (code, err) == (0, b"")


def test_an_unchanged_configuration_keeps_its_file(tmp_path: Path) -> None:
    config = tmp_path / "rc"
    cli.write_config(config)
    before = config.stat().st_mtime_ns
    cli.write_config(config)
    assert config.stat().st_mtime_ns == before


def test_a_finished_resource_tells_address_id_and_progress() -> None:
    hook = {"resource": RESOURCE, "action": "create", "id_key": "id", "id_value": "abc", "elapsed_seconds": 2}
    text = "terraform_data.machine: Creation complete after 2s [id=abc]"
    decoded = read(event("apply_complete", text, hook=hook))
    assert texts(decoded) == [text]
    assert decoded.lines[0].address == decoded.address == "terraform_data.machine"
    assert (decoded.lines[0].phase, decoded.lines[0].at) == ("apply", AT)
    assert (decoded.resource_id, decoded.done, decoded.planned) == ("abc", 1, 0)


@pytest.mark.parametrize(
    "action, planned", [("create", 1), ("update", 1), ("delete", 1), ("replace", 2), ("read", 0), ("noop", 0)]
)
def test_planned_changes_count_the_operations_to_come(action: str, planned: int) -> None:
    change = {"resource": RESOURCE, "action": action}
    assert read(event("planned_change", "Plan to …", change=change)).planned == planned


def test_an_errored_resource_counts_as_ended() -> None:
    assert read(event("apply_errored", "errored", hook={"resource": RESOURCE, "action": "create"})).done == 1


def test_outputs_are_told_without_the_sensitive_ones() -> None:
    told = {"ip": {"sensitive": False, "type": "string", "value": "10.0.0.1"}, "secret": {"sensitive": True}}
    assert read(event("outputs", "Outputs: 2", outputs=told)).outputs == {"ip": "10.0.0.1"}
    assert read(event("outputs", "Outputs: 0", outputs={})).outputs == {}


def test_a_plans_outputs_have_no_values_to_tell() -> None:
    assert (
        read(event("outputs", "Outputs: 1", outputs={"ip": {"sensitive": False, "action": "create"}})).outputs is None
    )


def test_a_diagnostic_becomes_several_lines_and_one_problem() -> None:
    told = {
        "severity": "error",
        "summary": "Invalid value",
        "detail": "The port lies between\n1 and 65535.\n",
        "address": "terraform_data.machine",
        "range": {"filename": "variables.tf", "start": {"line": 7}},
        "snippet": {"context": 'variable "port"', "code": "  type = number", "values": [{"statement": "is SECRET"}]},
    }
    decoded = read(event("diagnostic", "Error: Invalid value", diagnostic=told))
    assert texts(decoded) == [
        "Error: Invalid value",
        "  The port lies between",
        "  1 and 65535.",
        '  on variables.tf line 7, in variable "port":',
        "    type = number",
    ]
    assert {line.level for line in decoded.lines} == {LogLevel.ERROR}
    assert decoded.problem == "Invalid value: The port lies between 1 and 65535."
    assert not decoded.asks_init


def test_a_warning_is_no_problem() -> None:
    told = {"severity": "warning", "summary": "Deprecated", "detail": ""}
    decoded = read({**event("diagnostic", "Warning: Deprecated", diagnostic=told), "@level": "warn"})
    assert (texts(decoded), decoded.problem, decoded.lines[0].level) == (["Warning: Deprecated"], "", LogLevel.WARNING)


@pytest.mark.parametrize("summary", ["Required plugins are not installed", "Inconsistent dependency lock file"])
def test_an_error_that_asks_for_init_is_known(summary: str) -> None:
    told = {"severity": "error", "summary": summary, "detail": "details"}
    assert read(event("diagnostic", summary, diagnostic=told)).asks_init


def test_tofu_is_understood() -> None:
    line = {**event("version", "OpenTofu 1.9.0", tofu="1.9.0", ui="1.2"), "@module": "tofu.ui"}
    assert texts(read(line)) == ["OpenTofu 1.9.0"]


def test_an_unknown_type_keeps_its_text() -> None:
    assert texts(read(event("something_new", "a new thing"))) == ["a new thing"]
    assert texts(read({"type": "no_message", "x": 1})) == ['{"type": "no_message", "x": 1}']


@pytest.mark.parametrize(
    "line, text",
    [
        (b"panic: not json", "panic: not json"),
        (b'{"type": "log", "@mess', '{"type": "log", "@mess'),
        (b"caf\xe9", "caf\ufffd"),
        (b"\x1b[31mred\x1b[0m and \x1b]0;title\x07plain", "red and plain"),
        (b"a\x00b\x08c\td", "a b c d"),
        ("left \u202eright".encode(), "left  right"),
        (b"[1, 2]", "[1, 2]"),
    ],
)
def test_other_lines_are_kept_as_clean_text(line: bytes, text: str) -> None:
    assert texts(decode(line, "plan", AT)) == [text]


def test_an_empty_line_says_nothing() -> None:
    assert decode(b"", "plan", AT) == Decoded()


def test_a_long_text_is_cut() -> None:
    (text,) = texts(decode(b"x" * 100_000, "plan", AT))
    assert len(text) == cli.TEXT_LIMIT
    assert text.endswith("…")


# As Terraform 1.11.4 printed it when the disk was full.
DUMP = (
    b'{"@level":"info","@message":"Emergency state dump","@module":"terraform.ui","@timestamp":"t","state":{'
    b'"version":4,"terraform_version":"1.11.4","serial":1,"lineage":"5ebec22e","outputs":{"s":{"value":"CANARY",'
    b'"type":"string","sensitive":true}},"resources":[],"check_results":null},"type":"log"}'
)


def test_an_emergency_state_dump_is_handed_over_and_not_shown() -> None:
    decoded = decode(DUMP, "apply", AT)
    assert decoded.state_dump is not None
    assert json.loads(decoded.state_dump) == json.loads(DUMP)["state"]
    assert texts(decoded) == ["Terraform could not write its state; it was saved for recovery."]


@pytest.mark.parametrize("cut", [*range(60, 240, 20), len(DUMP) - 1])
def test_a_dump_cut_short_is_not_shown_either(cut: int) -> None:
    decoded = decode(DUMP[:cut] + b" [line cut at 1 MiB]", "apply", AT)
    assert decoded.state_dump is not None
    assert "CANARY" not in "".join(texts(decoded))


@given(st.binary(max_size=300) | st.text().map(str.encode))
@example(b'{"a":' * 100_000)
@example(b'{"type":"log","@message":"\\ud800"}')
@example(b'{"diagnostic":7,"type":"diagnostic"}')
def test_no_bytes_make_it_raise(line: bytes) -> None:
    for one in decode(line, "apply", AT).lines:
        assert one.text
        assert len(one.text) <= cli.TEXT_LIMIT
        assert one.text.isprintable() or not any(ord(letter) < 32 or ord(letter) == 127 for letter in one.text)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
fields = ("@level", "@message", "hook", "change", "changes", "outputs", "diagnostic", "state")
kinds = st.sampled_from(("version", "apply_complete", "planned_change", "diagnostic", "outputs", "log", "new"))


@given(kinds, st.dictionaries(st.sampled_from(fields), json_values))
def test_no_shape_of_a_message_makes_it_raise(kind: str, message: dict[str, object]) -> None:
    read({**message, "type": kind})


@given(json_values)
def test_no_shape_of_a_diagnostic_makes_it_raise(part: object) -> None:
    for field in ("severity", "summary", "detail", "address", "range", "snippet"):
        read({"type": "diagnostic", "diagnostic": {"severity": "error", field: part}})
