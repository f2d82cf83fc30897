"""Terraform's command lines and environment, and what its stream of JSON events means for people."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from machina_desktop.core.codec import from_json, to_json
from machina_desktop.core.domain.log_line import LogLevel, LogLine
from machina_desktop.core.errors import InvalidInput
from machina_desktop.core.log import REDACTOR
from machina_desktop.core.process import Command, clean_environment
from machina_desktop.core.proxy import PROXY_NAMES
from machina_desktop.core.terraform.engine import Engine

PLAN_FILE = "tfplan"
"""The saved plan, in the run folder."""

INIT_OUTPUT, PLAN_OUTPUT, APPLY_OUTPUT = "init.jsonl", "plan.jsonl", "apply.jsonl"
PLAN_JSON, STATE_JSON = "plan.json", "state.json"

NO_CHANGES, CHANGES = 0, 2
"""Exit codes of a plan that went well."""

TEXT_LIMIT = 8192
"""Longest text of a log line, in characters."""


class PlanMode(StrEnum):
    """What a plan is for."""

    NORMAL = "normal"
    DESTROY = "destroy"
    REFRESH_ONLY = "refresh-only"


def init(engine: Engine, *, is_lock_fixed: bool = False) -> Command:
    """Install the module's plugins; ``is_lock_fixed`` refuses any that the lock file does not name."""
    fixed = ("-lockfile=readonly",) if is_lock_fixed else ()
    return Command((*engine.argv, "init", "-input=false", "-json", *fixed), INIT_OUTPUT)


def plan(engine: Engine, mode: PlanMode = PlanMode.NORMAL) -> Command:
    """Save a plan as :data:`PLAN_FILE`; exit code 0 is nothing to do, 2 is changes, 1 is an error."""
    chosen = () if mode is PlanMode.NORMAL else (f"-{mode.value}",)
    options = ("-input=false", "-json", "-detailed-exitcode", "-lock-timeout=30s", f"-out={PLAN_FILE}")
    return Command((*engine.argv, "plan", *options, *chosen), PLAN_OUTPUT, ok_codes=(NO_CHANGES, CHANGES))


def show_plan(engine: Engine) -> Command:
    """Print the saved plan as JSON: what people approve."""
    return Command((*engine.argv, "show", "-json", PLAN_FILE), PLAN_JSON)


def apply(engine: Engine) -> Command:
    """Carry out exactly the saved plan. Terraform refuses one that is stale or incomplete."""
    options = ("-input=false", "-json", "-lock-timeout=30s", PLAN_FILE)
    # Whatever way it ended, what it left behind is read next.
    return Command((*engine.argv, "apply", *options), APPLY_OUTPUT, ok_codes=(0, 1))


def show_state(engine: Engine) -> Command:
    """Print the state as JSON: outputs, resource values and tainted marks."""
    return Command((*engine.argv, "show", "-json"), STATE_JSON)


def terraform_environment(
    *,
    config_file: Path,
    plugin_cache: Path | None,
    credentials: Mapping[str, str],
    proxy: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """The whole environment of a Terraform command.

    Args:
        config_file: Ours, from :func:`write_config`; the user's own is not read.
        plugin_cache: Existing folder of shared plugins; ``None`` for modules that need no plugin.
        credentials: The provider's own variables, in clear.
        proxy: Instead of the proxy that our own environment names; ``None`` lets it stand.
    """
    ours = {
        "TF_IN_AUTOMATION": "1",
        "TF_INPUT": "0",
        "CHECKPOINT_DISABLE": "1",
        "TF_CLI_CONFIG_FILE": str(config_file),
    }
    if plugin_cache is not None:
        ours["TF_PLUGIN_CACHE_DIR"] = str(plugin_cache)
    environment = clean_environment({**credentials, **ours})
    if proxy is None:
        return environment
    return {name: value for name, value in environment.items() if name.lower() not in PROXY_NAMES} | dict(proxy)


def write_config(path: Path, *, mirror: Path | None = None) -> None:
    """Write our CLI configuration: empty, or taking plugins from the folder ``mirror`` instead of the network.

    A configuration that stays the same keeps its file untouched.
    """
    text = "# Written by Machina Desktop; the user's own configuration is not used in its runs.\n"
    if mirror is not None:
        # JSON strings are HCL strings but for the template signs.
        quoted = to_json(str(mirror)).decode().replace("${", "$${").replace("%{", "%%{")
        text += f"provider_installation {{\n  filesystem_mirror {{\n    path = {quoted}\n  }}\n}}\n"
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")


@dataclass(frozen=True, kw_only=True)
class Decoded:
    """What one line of Terraform's output says.

    Attributes:
        lines: Its text for the log; several for a diagnostic, none for an empty line.
        outputs: Non-sensitive values by name, where the line tells them.
        address: The resource it speaks of.
        resource_id: That resource's id at the provider, as soon as Terraform knows it.
        planned: How many resource operations it announces.
        done: How many resource operations it reports as ended, well or not.
        problem: Summary and detail of an error, for :attr:`Deployment.error_message`.
        asks_init: The error says that ``init`` has to be run (again); nothing was changed.
        state_dump: The whole state in clear, which could not be written anywhere else: seal it at once. It is cut
            short only where the line was. Never part of ``lines``.
    """

    lines: tuple[LogLine, ...] = ()
    outputs: Mapping[str, object] | None = None
    address: str = ""
    resource_id: str = ""
    planned: int = 0
    done: int = 0
    problem: str = ""
    asks_init: bool = False
    state_dump: bytes | None = None


_LEVELS = {
    "trace": LogLevel.DEBUG,
    "debug": LogLevel.DEBUG,
    "warn": LogLevel.WARNING,
    "error": LogLevel.ERROR,
}
_ASKS_INIT = re.compile(
    r"Required plugins are not installed|Inconsistent dependency lock file|Missing required provider"
    r"|Backend initialization required|Module not installed|there is no package for .* cached"
)
_ENDED = frozenset({"apply_complete", "apply_errored"})
_OPERATIONS = {"noop": 0, "no-op": 0, "read": 0, "replace": 2}

# ECMA-48 control sequences, operating-system commands up to their end, and two-character escapes.
_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)?|[ -/]*[0-~])")
# Control characters, line separators, and the marks that turn the direction of text around.
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]+")


def decode(line: bytes, phase: str, at: datetime) -> Decoded:
    """What ``line`` of Terraform's standard output says; unknown and broken lines are kept as text. Never raises.

    Args:
        line: Without its line end; any bytes.
        phase: ``LogLine.phase`` of the result.
        at: ``LogLine.at`` of the result.

    Source: Terraform, "Machine-Readable UI", versions 1.x.
    """
    try:
        message = from_json(line, dict[str, object])
    except (InvalidInput, RecursionError):
        if b'"lineage"' in line or b"Emergency state dump" in line:
            return _state_dump(line, phase, at)
        text = line.decode(errors="replace")
        return Decoded(lines=tuple(_lines(text, LogLevel.INFO, phase=phase, at=at)))
    if "lineage" in _object(message.get("state")):
        return _state_dump(to_json(message["state"]), phase, at)
    if message.get("type") == "diagnostic":
        return _diagnostic(message, phase, at)
    return _event(message, line, phase, at)


def _event(message: Mapping[str, object], line: bytes, phase: str, at: datetime) -> Decoded:
    kind = _text(message.get("type"))
    about = _object(message.get("hook")) or _object(message.get("change"))
    resource = _object(about.get("resource"))
    address = _text(resource.get("addr"))
    level = _LEVELS.get(_text(message.get("@level")), LogLevel.INFO)
    text = _text(message.get("@message")) or line.decode(errors="replace")
    operations = _OPERATIONS.get(_text(about.get("action")), 1)
    return Decoded(
        lines=tuple(_lines(text, level, phase=phase, at=at, address=address)),
        outputs=_outputs(message) if kind == "outputs" else None,
        address=address,
        resource_id=_text(about.get("id_value")) if about.get("id_key") == "id" else "",
        planned=operations if kind == "planned_change" else 0,
        done=min(operations, 1) if kind in _ENDED else 0,
    )


def _diagnostic(message: Mapping[str, object], phase: str, at: datetime) -> Decoded:
    told = _object(message.get("diagnostic"))
    is_error = told.get("severity") != "warning"
    level = LogLevel.ERROR if is_error else LogLevel.WARNING
    address = _text(told.get("address"))
    summary = _text(told.get("summary")) or _text(message.get("@message"))
    detail = _text(told.get("detail"))
    texts = [f"{'Error' if is_error else 'Warning'}: {summary}"]
    texts += [f"  {row}" for row in detail.splitlines() if row.strip()]
    texts += _place(told)
    lines = [made for text in texts for made in _lines(text, level, phase=phase, at=at, address=address)]
    said = " ".join(f"{summary}: {detail}".split()) if detail else summary
    return Decoded(
        lines=tuple(lines),
        address=address,
        problem=REDACTOR.redact(cleaned(said))[:TEXT_LIMIT] if is_error else "",
        asks_init=is_error and _ASKS_INIT.search(said) is not None,
    )


def _place(told: Mapping[str, object]) -> Iterator[str]:
    """Where in the module it happened. The values Terraform adds are left out: they may be secrets."""
    where = _object(told.get("range"))
    snippet = _object(told.get("snippet"))
    if where:
        line = _object(where.get("start")).get("line", 0)
        context = _text(snippet.get("context"))
        yield f"  on {_text(where.get('filename'))} line {line}" + (f", in {context}:" if context else ":")
    if code := _text(snippet.get("code")).strip():
        yield f"    {code}"


def _state_dump(state: bytes, phase: str, at: datetime) -> Decoded:
    text = "Terraform could not write its state; it was saved for recovery."
    return Decoded(lines=(LogLine(at=at, phase=phase, level=LogLevel.ERROR, text=text),), state_dump=state)


def _outputs(message: Mapping[str, object]) -> dict[str, object] | None:
    """Values by name; ``None`` for a plan's message, which has none to tell."""
    told = {name: _object(output) for name, output in _object(message.get("outputs")).items()}
    known = {name: output["value"] for name, output in told.items() if "value" in output}
    return None if told and not known else known


def _lines(text: str, level: LogLevel, *, phase: str, at: datetime, address: str = "") -> Iterator[LogLine]:
    for row in text.splitlines():
        # Before it is cut: half a secret would not be known any more.
        plain = REDACTOR.redact(cleaned(row))
        if plain.strip():
            short = plain if len(plain) <= TEXT_LIMIT else f"{plain[: TEXT_LIMIT - 1]}…"
            yield LogLine(at=at, phase=phase, level=level, text=short, address=address)


def cleaned(text: str) -> str:
    """``text`` without control sequences, control characters and marks that turn the direction of text around."""
    return _CONTROLS.sub(" ", _ESCAPES.sub("", text)).rstrip()


def _object(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
