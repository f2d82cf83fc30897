"""What two people do at their desktops with one server between them, and what must be true afterwards."""

from __future__ import annotations

import contextlib
import json
import random
import statistics
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from machina_desktop.core.codec import to_json
from machina_desktop.core.domain.custody import Custody
from machina_desktop.core.domain.deployment import DeploymentState
from machina_desktop.core.domain.intent import IntentState
from machina_desktop.core.domain.provider import ProviderType
from machina_desktop.core.secret import Secret
from machina_desktop.core.services.audit import VerifyAudit
from machina_desktop.core.services.deployments import ApproveDeployment, GetDeployment, ReadLog
from machina_desktop.core.services.invites import CreateInvite
from machina_desktop.core.services.machines import CreateMachine, RefreshMachine, UpdateMachine
from machina_desktop.core.services.members import ListMembers, RemoveMember
from machina_desktop.core.services.moving import MoveTeam
from machina_desktop.core.services.providers import AddAccount
from machina_desktop.core.services.servers import ListIntents, ListServers, RegisterAtServer, SignInAtServer
from machina_desktop.core.services.teams import ListTeams
from tests.drills.desks import Desktop, Refused, Server
from tests.drills.namespaces import HERE, Wire
from tests.fakes import terraform_shim
from tests.fakes.ports import free_port

PASSWORD = Secret("correct horse battery staple")
CANARY = "canary-7f3a9c"
DEADLINE_S = 200.0
VISIBLE_S = 2.0
LOG_LINES = 200


@dataclass
class Scene:
    """Ada's and Ben's desktops, the server, and what was measured.

    Attributes:
        is_real: Ada's runs are carried out by the real Terraform, not by the stand-in.
        edits: How many edits were made to the team's machines.
        latencies: Seconds from an edit at one desktop to its being seen at the other.
    """

    folder: Path
    shim: Path
    server: Server
    ada: Desktop
    ben: Desktop
    is_real: bool = False
    team_id: str = ""
    device_id: str = ""
    shared_id: str = ""
    own_id: str = ""
    edits: Counter[str] = field(default_factory=Counter)
    latencies: list[float] = field(default_factory=list)
    findings: dict[str, Any] = field(default_factory=dict)

    # Getting together

    def meet(self) -> None:
        """Ada brings her team to the server, invites Ben, and Ben joins."""
        ada = self.ada
        [team] = ada.call(ListTeams())
        self.team_id = team.team_id
        account = ada.call(AddAccount(team_id=team.team_id, type=ProviderType.SANDBOX, label="own", fields=_TOKEN))
        self.own_id = account.provider_account_id
        server = ada.call(
            RegisterAtServer(url=self.server.url, email="ada@example.org", display_name="Ada", password=PASSWORD)
        )
        self.device_id = server.device_id
        moved = ada.call(MoveTeam(team_id=team.team_id, server_id=server.server_id, handle="drill"))
        assert moved.home == self.server.url
        assert ada.call(VerifyAudit(team_id=team.team_id)).broken_at is None
        shared = ada.call(
            AddAccount(
                team_id=team.team_id,
                type=ProviderType.SANDBOX,
                label="shared",
                fields=_TOKEN,
                custody=Custody.SERVER,
            )
        )
        self.shared_id = shared.provider_account_id
        code = ada.call(CreateInvite(team_id=team.team_id)).code
        self.ben.call(
            RegisterAtServer(
                url=self.server.url,
                email="ben@example.org",
                display_name="Ben",
                password=PASSWORD,
                code=Secret(code),
            )
        )
        assert [each.team_id for each in self.ben.call(ListTeams()) if each.home] == [team.team_id]
        names = {each.user.display_name for each in ada.call(ListMembers(team_id=team.team_id))}
        assert names == {"Ada", "Ben"}

    # Machines

    def deploy(self, name: str, *, here: bool = False, auto_approve: bool = False) -> CreateMachine:
        """Ada asks for a machine; she carries it out herself, or the server does."""
        ask = CreateMachine(
            team_id=self.team_id,
            account_id=self.own_id if here else self.shared_id,
            name=name,
            runs_on=self.device_id if here else "",
            auto_approve=auto_approve,
        )
        self.ada.call(ask)
        return ask

    def deploy_and_approve(self, name: str, *, here: bool = False) -> CreateMachine:
        """One asks, the other approves; afterwards both read one and the same log."""
        ask = self.deploy(name, here=here)
        self.until(lambda: self.state(self.ben, ask) is DeploymentState.AWAITING_APPROVAL, f"the plan of {name}")
        self.ben.call(ApproveDeployment(deployment_id=ask.deployment_id))
        self.until(lambda: self.state(self.ada, ask).is_final, f"the end of {name}")
        self.until(lambda: self.state(self.ben, ask).is_final, f"the end of {name} at Ben's")
        run = self.ada.call(GetDeployment(deployment_id=ask.deployment_id))
        assert run.state is DeploymentState.SUCCEEDED, run.error_message
        self.same_log(ask.deployment_id, is_counted=not (here and self.is_real))
        return ask

    def state(self, desk: Desktop, ask: CreateMachine | RefreshMachine) -> DeploymentState:
        """How far it has come; what the copy has not heard of yet is queued."""
        try:
            return desk.call(GetDeployment(deployment_id=ask.deployment_id)).state
        except Refused as refused:
            if refused.code != "E-NOT-FOUND":
                raise
            return DeploymentState.QUEUED

    def same_log(self, deployment_id: str, *, is_counted: bool = True) -> bytes:
        """The log, the same to the byte at both desktops and at the server; the stand-in counts its lines."""
        logs = [_log(desk, deployment_id) for desk in (self.ada, self.ben)]
        assert logs[0] == logs[1] == self.server.log_of(deployment_id)
        assert logs[0]
        texts = Counter(line["text"] for line in map(json.loads, logs[0].splitlines()))
        said = {f"line {number}": 1 for number in range(LOG_LINES)}
        found = {text: count for text, count in texts.items() if text in said}
        assert found == (said if is_counted else {}), "lines are lost or doubled"
        return logs[0]

    # Edits

    def edit(self, desk: Desktop, machine_id: str, **values: Any) -> None:
        """Change a machine at a desktop; counted."""
        desk.call(UpdateMachine(machine_id=machine_id, **values))
        self.edits[machine_id] += 1

    def edit_seen(self, by: Desktop, at: Desktop, machine_id: str, text: str) -> float:
        """Edit at one desktop; answers after how many seconds it was seen at the other."""
        seen = at.will_see("machine", machine_id, "notes", text)
        began = time.monotonic()
        self.edit(by, machine_id, notes=text)
        took = seen.result(DEADLINE_S) - began
        self.latencies.append(took)
        return took

    # What must be true

    def until(self, condition: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + DEADLINE_S
        while not condition():
            assert time.monotonic() < deadline, f"{what} did not come; {self.ada.problems()[-2000:]}"
            time.sleep(0.05)

    def converged(self) -> None:
        """Wait until both have all rows of the server under the same number, with nothing left to send."""
        deadline = time.monotonic() + DEADLINE_S
        while problem := self._difference():
            assert time.monotonic() < deadline, problem
            time.sleep(0.05)

    def _difference(self) -> str:
        """What keeps the two desktops and the server from being the same; empty for nothing."""
        for name, desk in (("Ada", self.ada), ("Ben", self.ben)):
            if waiting := desk.call(ListIntents(team_id=self.team_id, state=IntentState.WAITING)):
                return f"{len(waiting)} edits of {name} wait; the line is {desk.call(ListServers())[0].connection}"
        [there] = self.server.sql("SELECT change_seq, epoch FROM counter WHERE team_id = ?", self.team_id)
        found = [desk.rows(self.team_id) for desk in (self.ada, self.ben)]
        if (numbers := [(each["seq"], each["epoch"]) for each in found]) != [there, there]:
            return f"the desktops are at {numbers}, the server is at {there}"
        rows = [[each for each in one["rows"] if each[0] != "team_invite"] for one in found]
        if rows[0] != rows[1]:
            return f"rows differ: {[pair for pair in zip(*rows, strict=False) if pair[0] != pair[1]][:1]}"
        stored = dict(self.server.sql("SELECT machine_id, notes FROM machine WHERE team_id = ?", self.team_id))
        here = {key: row["notes"] for kind, key, row in rows[0] if kind == "machine"}
        return "" if here == stored else f"the server has {stored}, the desktops {here}"

    def nothing_doubled(self) -> None:
        """Each edit is in the trail once, each machine was made once, and the trail is whole."""
        trail = Counter(
            target
            for (target,) in self.server.sql(
                "SELECT target FROM audit_event WHERE team_id = ? AND action = 'machine.update' "
                "AND outcome = 'succeeded'",
                self.team_id,
            )
        )
        assert trail == Counter({f"machine:{key}": count for key, count in self.edits.items()})
        made = Counter(row[3] for row in terraform_shim.ledger(self.shim, "create"))
        assert set(made.values()) == {1}, made
        assert self.ada.call(VerifyAudit(team_id=self.team_id)).broken_at is None


@contextmanager
def scene(folder: Path, *, wire: Wire | None = None, window: bool = False, engine: str = "") -> Iterator[Scene]:
    """Two desktops and a server that have never heard of each other; with a wire, Ben sits at the other end of it."""
    shim = terraform_shim.install(folder / "shim")
    (shim.parent / "apply.lines").write_text(str(LOG_LINES))
    server = Server(
        folder / "server",
        free_port(),
        folder / "server.log",
        before=wire.here if wire else [],
        host=HERE if wire else "127.0.0.1",
        variables={"PATH": f"{shim.parent}:/usr/local/bin:/usr/bin:/bin", "MACHINA_RUNNER": "on"},
    )
    server.start()
    desks = []
    try:
        desks.append(Desktop(folder / "ada", engine=engine or shim, before=wire.here if wire else [], window=window))
        desks.append(Desktop(folder / "ben", engine=shim, before=wire.there if wire else []))
        yield Scene(folder, shim.parent, server, desks[0], desks[1], is_real=bool(engine))
    finally:
        for desk in desks:
            desk.end()
        if server.process is not None and server.process.poll() is None:
            server.kill()


_TOKEN = {"token": Secret("record-token-canary-71")}


def _log(desk: Desktop, deployment_id: str) -> bytes:
    lines: list[bytes] = []
    offset = 0
    while True:
        chunk = desk.call(ReadLog(deployment_id=deployment_id, offset=offset, limit=1 << 20))
        if chunk.end == offset:
            return b"".join(lines)
        lines += [to_json(line) + b"\n" for line in chunk.lines]
        offset = chunk.end


# The acts


def edits_of_both(it: Scene, machine_id: str, *, rounds: int) -> None:
    """Edits in turn, each seen at the other desktop soon."""
    for number in range(rounds):
        by, at = (it.ada, it.ben) if number % 2 else (it.ben, it.ada)
        it.edit_seen(by, at, machine_id, f"edit {number}")
    late = [took for took in it.latencies if took > VISIBLE_S]
    it.findings["edit to seen at the other desktop, s"] = {
        "count": len(it.latencies),
        "median": round(statistics.median(it.latencies), 3),
        "worst": round(max(it.latencies), 3),
    }
    assert not late, late


def apart(it: Scene, wire: Wire, first: str, second: str, *, seconds: float) -> None:
    """The wire is cut; both go on editing; afterwards fields that differ are merged, and one edit is refused."""
    offline, began = it.ben.will_be("offline"), time.monotonic()
    wire.cut()
    noticed = offline.result(DEADLINE_S) - began
    it.findings["cut to offline at Ben's, s"] = round(noticed, 1)
    it.edit(it.ada, first, tags=("from-ada",))
    it.edit(it.ada, second, notes="Ada says")
    it.edit(it.ben, first, notes="Ben says")
    it.ben.call(UpdateMachine(machine_id=second, notes=f"Ben says otherwise {CANARY}"))
    with pytest.raises(Refused) as refused:
        it.ben.call(RefreshMachine(machine_id=first))
    assert refused.value.code == "E-OFFLINE"
    time.sleep(max(0.0, seconds - (time.monotonic() - began)))
    live = it.ben.will_be("live")
    healed = time.monotonic()
    wire.heal()
    it.findings["healed to live at Ben's, s"] = round(live.result(DEADLINE_S) - healed, 1)
    it.converged()
    found = {key: row for kind, key, row in it.ben.rows(it.team_id)["rows"] if kind == "machine"}
    assert (found[first]["tags"], found[first]["notes"]) == (["from-ada"], "Ben says")
    assert found[second]["notes"] == "Ada says"
    [refused_edit] = it.ben.call(ListIntents(team_id=it.team_id, state=IntentState.REFUSED))
    assert refused_edit.ours == {"notes": f"Ben says otherwise {CANARY}"}
    assert refused_edit.theirs == {"notes": "Ada says"}


def killed_again_and_again(it: Scene, machine_ids: tuple[str, str], *, kills: int) -> None:
    """The server dies while both edit and a run of the server writes its log."""
    stop = threading.Event()
    failed: list[Exception] = []

    def work(desk: Desktop, machine_id: str, name: str) -> None:
        number = 0
        try:
            while not stop.is_set():
                number += 1
                it.edit(desk, machine_id, notes=f"{name} {number}")
                time.sleep(random.uniform(0.1, 0.5))
        except (Refused, RuntimeError, TimeoutError) as error:
            failed.append(error)

    workers = [
        threading.Thread(target=work, args=(desk, machine_id, name))
        for desk, machine_id, name in ((it.ada, machine_ids[0], "Ada"), (it.ben, machine_ids[1], "Ben"))
    ]
    for worker in workers:
        worker.start()
    runs: list[CreateMachine] = []
    try:
        for number in range(kills):
            if number % 4 == 0:
                runs.append(_asked_until_heard(it, f"storm-{number}"))
            time.sleep(random.uniform(0.2, 1.5))
            it.server.kill()
            it.server.start()
    finally:
        stop.set()
        for worker in workers:
            worker.join()
    assert not failed, failed
    for run in runs:
        it.until(lambda run=run: it.state(it.ada, run).is_final, "the end of a run")  # type: ignore[misc]
        assert it.state(it.ada, run) is DeploymentState.SUCCEEDED
    it.converged()
    for run in runs:
        it.same_log(run.deployment_id)
    it.nothing_doubled()
    it.findings["kills of the server"] = kills
    it.findings["edits made meanwhile and since the start"] = sum(it.edits.values())


def _asked_until_heard(it: Scene, name: str) -> CreateMachine:
    """A run of the server, asked for until it answers; the id makes that harmless."""
    ask = CreateMachine(team_id=it.team_id, account_id=it.shared_id, name=name, auto_approve=True)
    deadline = time.monotonic() + DEADLINE_S
    while True:
        try:
            it.ada.call(ask)
        except Refused as refused:
            if refused.code != "E-OFFLINE" or time.monotonic() > deadline:
                raise
            time.sleep(0.1)
        else:
            return ask


def restored(it: Scene, machine_id: str) -> None:
    """The server comes back from an older copy; what both did since is there again, and nobody lost anything."""
    copy = it.folder / "copy.db"
    it.converged()
    it.server.command("backup", str(copy))
    it.edit(it.ada, machine_id, notes="Ada, after the copy")
    it.edit(it.ben, machine_id, tags=("after-the-copy",))
    it.converged()
    it.server.end()
    it.server.command("restore", str(copy))
    # What the trail tells is that of the copy, and what is sent again.
    it.server.start()
    for desk, email in ((it.ada, "ada@example.org"), (it.ben, "ben@example.org")):
        desk.will_be("signed_out").result(DEADLINE_S)
        desk.call(SignInAtServer(url=it.server.url, email=email, password=PASSWORD))
    it.converged()
    found = {key: row for kind, key, row in it.ada.rows(it.team_id)["rows"] if kind == "machine"}
    assert found[machine_id]["notes"] == "Ada, after the copy"
    assert found[machine_id]["tags"] == ["after-the-copy"]
    it.nothing_doubled()


def put_out(it: Scene) -> None:
    """Ben is removed; with the next contact nothing of the team is on his computer."""
    names = [machine[0] for machine in it.server.sql("SELECT name FROM machine WHERE team_id = ?", it.team_id)]
    assert it.ben.holds(names[0].encode())
    assert it.ben.holds(CANARY.encode())
    [member] = [each for each in it.ada.call(ListMembers(team_id=it.team_id)) if each.user.display_name == "Ben"]
    began = time.monotonic()
    it.ada.call(RemoveMember(team_id=it.team_id, member_id=member.member.team_member_id))
    it.until(lambda: not [team for team in it.ben.call(ListTeams()) if team.home], "the end of Ben's copy")
    it.findings["removed to purged at Ben's, s"] = round(time.monotonic() - began, 1)
    canaries = (CANARY, *names, "Ada says", "from-ada", "record-token-canary-71")

    def traces() -> dict[str, list[str]]:
        found = {text: it.ben.holds(text.encode()) for text in canaries}
        return {text: [str(path.relative_to(it.ben.home)) for path in paths] for text, paths in found.items() if paths}

    with contextlib.suppress(AssertionError):
        it.until(lambda: not traces(), "the last trace of the team at Ben's")
    assert not (left := traces()), left
