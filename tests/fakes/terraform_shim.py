"""A stand-in for the ``terraform`` program whose behaviour is scripted through files.

Make one with ``install(folder)``: it writes an executable ``folder/terraform`` and answers its path; put that into the
setting "engine" or ``folder`` first on PATH. Standard library only, starts in about 15 ms.

It knows ``version -json``, ``init``, ``plan [-destroy|-refresh-only] -out=FILE``, ``show -json [FILE]``,
``apply FILE``, ``validate`` and ``destroy``-by-plan as Terraform 1.11 does: same exit codes (with
``-detailed-exitcode``), same JSON events, a real version-4 state file in the working directory (lineage, serial),
"Saved plan is stale" when the state moved since the plan, "Cannot apply incomplete plan". The one resource is
``terraform_data.machine`` with the values of ``machina.auto.tfvars.json``; outputs are those of the modules' contract.

Knobs: files in the folder that ``install`` was given. A knob for one command is named ``COMMAND.KNOB``
(``apply.hang``, ``plan.exit``); without ``COMMAND.`` it is for all of plan, apply and init. Content in brackets.

    version          [1.11.4] what ``version -json`` answers; an empty file: no JSON at all
    version.exit     [0] exit code of ``version``
    exit             [1] end with this code after an error diagnostic, before anything is done
    exit-after       [1] do the work, write the state, then end with this code
    stderr           [text] said on standard error first
    lines            [N] print N JSON log lines ("line 0" …) before the work
    line-delay-ms    [ms] wait so long after each of them
    raw              [text] printed as it is before the work: broken JSON, invalid UTF-8, a 50 MB line
    hang             (exists) wait before the work until the file is removed or an interrupt comes
    seconds          [s] the work takes so long; an interrupt during it taints the resource
    ignore-interrupts [N] the first N interrupts are only mentioned
    hold             (exists) after the work, wait until the file is removed, interrupts ignored
    child            (exists) leave a ``sleep 600`` behind in the process group; its pid goes to ``child.pid``
    no-state         (exists) the state cannot be written: emergency dump on stdout, empty ``errored.tfstate``, exit 1
    errored-state    (exists) the state goes to ``errored.tfstate`` only, exit 1
    incomplete       (exists, plan) the plan file is written but says ``complete: false``

Records, in the same folder:

    ledger           one line per event of an apply, ``EVENT UNIX-TIME PID RUN-FOLDER SERIAL``, where EVENT is begin,
                     create, update, delete, interrupt or end; written with O_APPEND, so that concurrent ones do not
                     mix: the oracle for "applied once"
    calls            one JSON line per call: pid, time, argv, cwd and the names of all environment variables
"""

from __future__ import annotations

import json
import os
import signal
import stat
import sys
import time
from pathlib import Path

ADDRESS = "terraform_data.machine"
RESOURCE = {
    "addr": ADDRESS,
    "module": "",
    "resource": ADDRESS,
    "implied_provider": "terraform",
    "resource_type": "terraform_data",
    "resource_name": "machine",
    "resource_key": None,
}
STATE = Path("terraform.tfstate")
TICK_S = 0.01


def install(folder: Path) -> Path:
    """Write the executable ``folder/terraform``; its knobs and records lie in ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    program = folder / "terraform"
    # The interpreter's path may be too long for a #! line.
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -I -S "{Path(__file__).resolve()}" "{folder}" "$@"\n')
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return program


def ledger(folder: Path, event: str = "") -> list[list[str]]:
    """The words of each line of the ledger, of one event only if named."""
    path = folder / "ledger"
    rows = [line.split() for line in path.read_text().splitlines()] if path.exists() else []
    return [row for row in rows if not event or row[0] == event]


class Shim:
    """One call of the stand-in."""

    def __init__(self, folder: Path, arguments: list[str]) -> None:
        self.folder = folder
        self.command = arguments[0] if arguments else ""
        self.options = arguments[1:]
        self.interrupts = 0
        self.ignored = int(self.knob("ignore-interrupts") or 0)

    def run(self) -> int:
        self.record_call()
        if self.command == "version":
            return self.version()
        signal.signal(signal.SIGINT, self.on_interrupt)
        if self.command == "show":
            return self.show()
        if self.command not in {"init", "plan", "apply", "validate"}:
            print(f'Terraform has no command named "{self.command}".', file=sys.stderr)
            return 1
        self.say("version", "Terraform 1.11.4", terraform="1.11.4", ui="1.2")
        code = self.prelude()
        if code is None:
            code = {"init": self.init, "plan": self.plan, "apply": self.apply, "validate": self.init}[self.command]()
        self.hold()
        after = self.knob("exit-after")
        return code if after is None else int(after or 1)

    def knob(self, name: str) -> str | None:
        """A knob's content, ``None`` where it is not set."""
        for path in (self.folder / f"{self.command}.{name}", self.folder / name):
            if path.exists():
                return path.read_text(errors="surrogateescape").strip()
        return None

    def on_interrupt(self, _number: int, _frame: object) -> None:
        self.interrupts += 1
        self.enter("interrupt")
        text = (
            "Interrupt received. Please wait for Terraform to exit or data loss may occur. Gracefully shutting down..."
        )
        self.say("log", text)

    @property
    def is_stopped(self) -> bool:
        return self.interrupts > self.ignored

    def say(self, kind: str, message: str, level: str = "info", **more: object) -> None:
        event = {"@level": level, "@message": message, "@module": "terraform.ui", "@timestamp": timestamp(), **more}
        os.write(1, json.dumps({**event, "type": kind}, separators=(",", ":")).encode() + b"\n")

    def fail(self, summary: str, detail: str = "") -> int:
        told = {"severity": "error", "summary": summary, "detail": detail}
        self.say("diagnostic", f"Error: {summary}", "error", diagnostic=told)
        return 1

    def enter(self, event: str, serial: int = 0) -> None:
        if self.command == "apply":
            line = f"{event} {time.time():.6f} {os.getpid()} {Path.cwd()} {serial}\n"
            append(self.folder / "ledger", line)

    def record_call(self) -> None:
        call = {"pid": os.getpid(), "at": time.time(), "argv": [self.command, *self.options], "cwd": str(Path.cwd())}
        append(self.folder / "calls", json.dumps({**call, "environment": sorted(os.environ)}) + "\n")

    def prelude(self) -> int | None:
        """What the knobs ask for before the work; an exit code ends the call."""
        if text := self.knob("stderr"):
            print(text, file=sys.stderr, flush=True)
        if self.knob("child") is not None:
            import subprocess  # rarely needed, slow to import

            left = subprocess.Popen(["sleep", "600"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            (self.folder / "child.pid").write_text(str(left.pid))
        delay_s = int(self.knob("line-delay-ms") or 0) / 1000
        for number in range(int(self.knob("lines") or 0)):
            self.say("log", f"line {number}")
            if delay_s:
                time.sleep(delay_s)
        if (raw := self.knob("raw")) is not None:
            os.write(1, raw.encode(errors="surrogateescape") + b"\n")
        while self.knob("hang") is not None and not self.is_stopped:
            time.sleep(TICK_S)
        if (code := self.knob("exit")) is not None:
            self.fail("The stand-in was told to fail")
            return int(code or 1)
        if self.is_stopped:
            return self.fail("operation canceled")
        return None

    def hold(self) -> None:
        while self.knob("hold") is not None:
            time.sleep(TICK_S)

    def work(self) -> bool:
        """Let the work take its time; false when it was interrupted."""
        until = time.monotonic() + float(self.knob("seconds") or 0)
        while time.monotonic() < until and not self.is_stopped:
            time.sleep(TICK_S)
        return not self.is_stopped

    def version(self) -> int:
        version = self.knob("version")
        if version != "":
            print(json.dumps({"terraform_version": version or "1.11.4", "platform": "linux_amd64"}))
        return int(self.knob("exit") or 0)

    def init(self) -> int:
        if not self.work():
            return self.fail("operation canceled")
        Path(".terraform").mkdir(exist_ok=True)
        self.say("init_output", "Terraform has been successfully initialized!", message_code="output_init_success")
        return 0

    def plan(self) -> int:
        state = read_state()
        wanted = None if "-destroy" in self.options else read_json(Path("machina.auto.tfvars.json")) or {}
        if "-refresh-only" in self.options:
            wanted = state["input"]
        is_complete = self.work() and self.knob("incomplete") is None
        actions = planned_actions(state, wanted)
        saved = {
            "lineage": state["lineage"],
            "serial": state["serial"],
            "actions": actions,
            "wanted": wanted,
            "before": state["input"],
            "complete": is_complete,
        }
        if out := next((option[5:] for option in self.options if option.startswith("-out=")), ""):
            write_privately(Path(out), json.dumps(saved))
        if not is_complete:
            return self.fail("operation canceled")
        counts = {"add": actions.count("create"), "change": actions.count("update"), "remove": actions.count("delete")}
        if actions != ["no-op"]:
            action = "replace" if len(actions) == 2 else actions[0]
            self.say("planned_change", f"{ADDRESS}: Plan to {action}", change={"resource": RESOURCE, "action": action})
        text = "Plan: {add} to add, {change} to change, {remove} to destroy.".format(**counts)
        self.say("change_summary", text, changes={**counts, "import": 0, "operation": "plan"})
        return 0 if actions == ["no-op"] or "-detailed-exitcode" not in self.options else 2

    def apply(self) -> int:
        saved = read_json(Path(self.options[-1]))
        if saved is None:
            return self.fail(f'Failed to load "{self.options[-1]}" as a plan file')
        if not saved["complete"]:
            return self.fail(
                "Cannot apply incomplete plan", "Terraform encountered an error when generating this plan."
            )
        state = read_state()
        if (saved["lineage"] and saved["lineage"] != state["lineage"]) or saved["serial"] != state["serial"]:
            return self.fail("Saved plan is stale", "The given plan file can no longer be applied.")
        self.enter("begin", state["serial"])
        is_whole, code = True, 0
        for action in saved["actions"]:
            if action != "no-op" and is_whole and not code:
                is_whole = self.carry_out(action, saved["wanted"], state)
                # As the real one: what is finished is on disk before the next thing begins, and once more at the end.
                code = self.write_state(state)
        if saved["actions"] != ["no-op"] and not code:
            code = self.write_state(state)
        self.enter("end", state["serial"])
        if code or not is_whole:
            return code or self.fail("operation canceled")
        self.say("outputs", f"Outputs: {len(outputs(state))}", outputs=outputs(state))
        return 0

    def carry_out(self, action: str, wanted: dict[str, object] | None, state: dict[str, object]) -> bool:
        hook = {"resource": RESOURCE, "action": action}
        self.say("apply_start", f"{ADDRESS}: {action}...", hook=hook)
        self.enter(action, int(str(state["serial"])))
        is_whole = self.work()
        if not is_whole and action == "delete":
            self.say("apply_errored", f"{ADDRESS}: {action} errored", hook=hook)
            return False
        state["input"] = None if action == "delete" else wanted
        if action == "create":
            state["id"] = new_uuid()
        state["tainted"] = not is_whole and action == "create"
        done = {**hook, "id_key": "id", "id_value": state["id"], "elapsed_seconds": 0}
        kind, verb = ("apply_complete", "complete") if is_whole else ("apply_errored", "errored")
        self.say(kind, f"{ADDRESS}: {action} {verb} after 0s [id={state['id']}]", hook=done)
        return is_whole

    def write_state(self, state: dict[str, object]) -> int:
        state["serial"] = int(str(state["serial"])) + 1
        state["lineage"] = state["lineage"] or new_uuid()
        text = json.dumps(state_file(state), indent=2)
        if self.knob("no-state") is not None:
            write_privately(Path("errored.tfstate"), "")
            self.say("log", "Emergency state dump", state=json.loads(text))
            return self.fail("Failed to persist state to backend")
        if self.knob("errored-state") is not None:
            write_privately(Path("errored.tfstate"), text)
            return self.fail("Failed to persist state to backend")
        write_privately(STATE, text)
        return 0

    def show(self) -> int:
        head = {"format_version": "1.2", "terraform_version": "1.11.4"}
        files = [option for option in self.options if not option.startswith("-")]
        if files:
            saved = read_json(Path(files[0]))
            if saved is None:
                print(f'Error: Failed to load "{files[0]}" as a plan file', file=sys.stderr)
                return 1
            print(json.dumps({**head, **plan_json(saved)}))
            return 0
        state = read_state()
        if state["lineage"]:
            head["values"] = {"outputs": outputs(state), "root_module": {"resources": shown_resources(state)}}  # type: ignore[assignment]
        print(json.dumps(head))
        return 0


def planned_actions(state: dict[str, object], wanted: dict[str, object] | None) -> list[str]:
    before = state["input"]
    if state["tainted"]:
        return ["delete", "create"] if wanted is not None else ["delete"]
    if before == wanted:
        return ["no-op"]
    if before is None:
        return ["create"]
    return ["delete"] if wanted is None else ["update"]


def plan_json(saved: dict[str, object]) -> dict[str, object]:
    def values(given: object) -> dict[str, object] | None:
        return None if given is None else {"input": given, "output": given}

    change = {
        "actions": saved["actions"],
        "before": values(saved["before"]),
        "after": values(saved["wanted"]),
        "after_unknown": {"id": True} if saved["before"] is None else {},
        "before_sensitive": {},
        "after_sensitive": {},
    }
    entry = {"address": ADDRESS, "mode": "managed", "type": "terraform_data", "name": "machine", "change": change}
    is_gone = saved["before"] is None and saved["wanted"] is None
    return {"resource_changes": [] if is_gone else [entry], "complete": saved["complete"], "errored": False}


def read_state() -> dict[str, object]:
    told = read_json(STATE)
    empty: dict[str, object] = {"lineage": "", "serial": 0, "input": None, "id": "", "tainted": False}
    if told is None:
        return empty
    empty |= {"lineage": told["lineage"], "serial": told["serial"]}
    for resource in told["resources"]:
        instance = resource["instances"][0]
        attributes = instance["attributes"]
        given = attributes["input"]["value"] if isinstance(attributes["input"], dict) else None
        empty |= {"input": given, "id": attributes["id"], "tainted": instance.get("status") == "tainted"}
    return empty


def state_file(state: dict[str, object]) -> dict[str, object]:
    resources = []
    if state["input"] is not None:
        given = {"value": state["input"], "type": "dynamic"}
        instance: dict[str, object] = {"schema_version": 0}
        instance["attributes"] = {"id": state["id"], "input": given, "output": given, "triggers_replace": None}
        if state["tainted"]:
            instance["status"] = "tainted"
        provider = 'provider["terraform.io/builtin/terraform"]'
        names = {"mode": "managed", "type": "terraform_data", "name": "machine", "provider": provider}
        resources = [{**names, "instances": [instance]}]
    told = {"version": 4, "terraform_version": "1.11.4", "serial": state["serial"], "lineage": state["lineage"]}
    return {**told, "outputs": outputs(state), "resources": resources, "check_results": None}


def shown_resources(state: dict[str, object]) -> list[dict[str, object]]:
    if state["input"] is None:
        return []
    values = {"id": state["id"], "input": state["input"], "output": state["input"], "triggers_replace": None}
    entry: dict[str, object] = {"address": ADDRESS, "mode": "managed", "type": "terraform_data", "name": "machine"}
    return [{**entry, "values": values, "tainted": True} if state["tainted"] else {**entry, "values": values}]


def outputs(state: dict[str, object]) -> dict[str, object]:
    given = state["input"]
    if not isinstance(given, dict):
        return {}
    values = {"provider_resource_id": state["id"], "public_ip": given.get("host", "127.0.0.1"), "status": "recorded"}
    return {name: {"sensitive": False, "type": "string", "value": value} for name, value in values.items()}


def read_json(path: Path) -> dict[str, object] | None:  # values are looked into freely
    try:
        return json.loads(path.read_bytes())  # type: ignore[no-any-return]
    except (FileNotFoundError, ValueError):
        return None


def new_uuid() -> str:
    digits = os.urandom(16).hex()
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def write_privately(path: Path, text: str) -> None:
    temporary = path.with_name(f"{path.name}.{os.getpid()}")
    temporary.write_text(text)
    temporary.replace(path)


def append(path: Path, text: str) -> None:
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.write(file, text.encode())
    os.close(file)


def timestamp() -> str:
    moment = time.time()
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(moment)) + f".{int(moment % 1 * 1e6):06d}Z"


if __name__ == "__main__":
    sys.exit(Shim(Path(sys.argv[1]), sys.argv[2:]).run())
