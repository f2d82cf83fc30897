"""Whatever a line does and whoever is killed: copies converge, no edit happens twice or gets lost (F21, F22, F23)."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Awaitable, Coroutine
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from machina_desktop.core.codec import from_json
from machina_desktop.core.domain.machine import Machine
from machina_desktop.core.domain.team import Access, TeamMember, User
from machina_desktop.core.errors import Conflict, Forbidden, MachinaError, NotFound, Unavailable
from machina_desktop.core.ids import new_id
from machina_desktop.core.services.machines import UpdateMachine
from machina_desktop.core.services.members import AddGrant
from tests.fakes.homes import machine_row
from tests.model.world import (
    MACHINES,
    NAMES,
    SYNCED,
    Desktop,
    HomeServer,
    Killed,
    member_row,
    rows_of,
    template,
    user_of,
)

T = TypeVar("T")
pytestmark = pytest.mark.timeout(7200)
RUNS = int(os.environ.get("MACHINA_MODEL_RUNS", "300"))
ROUNDS = 6
REFUSALS = (Conflict, NotFound, Forbidden)
FATES = ("lose", "answer", "twice", "copy", "kill", "die", "", "")

desks = st.sampled_from(NAMES)
machines = st.sampled_from(tuple(f"machine-{name}" for name in MACHINES))
fields = st.sampled_from(("notes", "tags"))


class Replicas(RuleBasedStateMachine):
    """Three desktops, people who edit on them, and everything that can happen on the way to the home."""

    @initialize()
    def begin(self) -> None:
        self.loop = asyncio.new_event_loop()
        made = template()
        self.team_id = made.team_id
        self.home = HomeServer(made.fresh("home"))
        self.delayed: list[Awaitable[object]] = []
        self.desks = {name: Desktop(made.fresh(name), name, self.home, self.delayed) for name in NAMES}
        self.edits: dict[str, set[str]] = {name: set() for name in NAMES}
        self.granted: dict[str, bool] = {}
        self.ever_out: set[str] = set()
        self.reached: dict[str, tuple[str, int]] = {}
        self.count = 0
        for desk in self.desks.values():
            self.run(desk.start())

    @property
    def member_id(self) -> str:
        """The place of somebody who stays all the time."""
        query = "SELECT team_member_id FROM team_member WHERE user_id = ?"
        return str(self.home.database.sql(query, user_of("dora"))[0][0])

    def intents(self, name: str) -> set[str]:
        """The edits that a desktop knows of."""
        return {row[0] for row in self.desks[name].sql("SELECT op_id FROM intent WHERE name <> ''")}

    def run(self, work: Coroutine[Any, Any, T] | Awaitable[T]) -> T:
        return self.loop.run_until_complete(work)

    def on(self, name: str, work: Coroutine[Any, Any, T]) -> T | None:
        """Do something at a desktop; whatever it dies of, it is started again from its file."""
        desk = self.desks[name]
        try:
            return self.run(work)
        except Killed:
            desk.faults.fates.clear()
            self.run(desk.start())
        except Unavailable as error:
            if error.code != "E-OFFLINE":
                raise
        return None

    # People

    @rule(name=desks, machine=machines, field=fields)
    def edit(self, name: str, machine: str, field: str) -> None:
        """Somebody edits a machine; offline the edit waits."""
        self.count += 1
        value = f"{name} {self.count}"
        ask = UpdateMachine(machine_id=machine, **{field: value if field == "notes" else (value,)})  # type: ignore[arg-type]
        before = self.intents(name)
        with contextlib.suppress(*REFUSALS):
            self.on(name, self.desks[name].gateway.call(ask))
        self.edits[name] |= self.intents(name) - before

    @rule(name=desks)
    def command(self, name: str) -> None:
        """Somebody does what needs the home; only a clear answer counts as done."""
        self.count += 1
        tag = f"tag-{self.count}"
        ask = AddGrant(team_id=self.team_id, member_id=self.member_id, access=Access.VIEWER, tag=tag)
        try:
            answer = self.on(name, self.desks[name].gateway.call(ask))
        except REFUSALS:
            answer = None
        self.granted[tag] = answer is not None

    @rule(machine=machines, field=fields)
    def edit_at_home(self, machine: str, field: str) -> None:
        """Somebody else edits a machine in a browser."""
        self.count += 1
        value: Any = f"root {self.count}"
        ask = UpdateMachine(machine_id=machine, **{field: value if field == "notes" else (value,)})
        with contextlib.suppress(NotFound):
            self.run(self.home.execute(user_of("root"), ask, new_id("op")))

    @rule(machine=machines)
    def delete_at_home(self, machine: str) -> None:
        """A machine goes."""

        def work(tx: Any) -> None:
            if found := tx.find(Machine, machine_id=machine):
                tx.delete(found)

        self.run(self.home.write(work))

    @rule(machine=machines)
    def make_at_home(self, machine: str) -> None:
        """A machine comes, or is still there."""

        def work(tx: Any) -> None:
            if tx.find(Machine, machine_id=machine) is None:
                tx.add(machine_row(self.team_id, machine, machine_id=machine))

        self.run(self.home.write(work))

    @rule(name=st.sampled_from(("ben", "cy")), is_in=st.booleans())
    def remove_or_add_member(self, name: str, *, is_in: bool) -> None:
        """Somebody loses their place, or gets it back."""

        def work(tx: Any) -> None:
            found = tx.find(TeamMember, team_id=self.team_id, user_id=user_of(name))
            if is_in and found is None:
                tx.add(member_row(self.team_id, name))
                tx.share(tx.get(User, user_of(name)), self.team_id)
            if not is_in and found is not None:
                tx.delete(found)
                self.ever_out.add(name)

        self.run(self.home.write(work))

    # What happens on the way

    @rule(name=desks)
    def sync(self, name: str) -> None:
        """The follower of a desktop gets a turn."""
        self.on(name, self.desks[name].sync())

    @rule(name=desks)
    def pull(self, name: str) -> None:
        """A copy is brought up to date, and nothing is sent: what waits stays on top."""
        desk = self.desks[name]
        if desk.person.home_of(self.team_id):
            self.on(name, desk.follower.catch_up(self.team_id))

    @rule(name=desks)
    def partition(self, name: str) -> None:
        self.desks[name].faults.is_cut = True

    @rule(name=desks)
    def heal(self, name: str) -> None:
        self.desks[name].faults.is_cut = False

    @rule(name=desks, fates=st.lists(st.sampled_from(FATES), min_size=1, max_size=4))
    def trouble(self, name: str, fates: list[str]) -> None:
        self.desks[name].faults.fates = fates

    @rule(name=desks)
    def restart(self, name: str) -> None:
        self.run(self.desks[name].start())

    @precondition(lambda self: self.delayed)
    @rule(data=st.data())
    def deliver_late(self, data: st.DataObject) -> None:
        """A copy of a request arrives long after the request itself, out of order."""
        self.arrive(self.delayed.pop(data.draw(st.integers(0, len(self.delayed) - 1))))

    def arrive(self, late: Awaitable[object]) -> None:
        with contextlib.suppress(MachinaError):
            self.run(late)

    @precondition(lambda self: len(self.home.backups) < 2)
    @rule()
    def back_up(self) -> None:
        self.home.back_up()

    @precondition(lambda self: self.home.backups)
    @rule(data=st.data())
    def restore(self, data: st.DataObject) -> None:
        """The home begins a new epoch with what it had when that copy was made."""
        self.home.restore(data.draw(st.integers(0, len(self.home.backups) - 1)))
        for tag in self.granted:
            # What was done since then is undone, in the audit trail as well.
            self.granted[tag] = False

    @rule(name=desks)
    def look_at_refused(self, name: str) -> None:
        """Somebody decides on the first edit that was refused: once more, or not at all."""
        found = self.desks[name].sql("SELECT op_id, number FROM intent WHERE state = 'refused' ORDER BY number LIMIT 1")
        if not found:
            return
        op_id, number = found[0]
        before = self.intents(name)
        servers = self.desks[name].servers
        with contextlib.suppress(*REFUSALS):
            self.on(name, servers.retry(op_id) if number % 2 else servers.dismiss(op_id))
        self.edits[name] -= {op_id}
        self.edits[name] |= self.intents(name) - before

    # What always holds

    @invariant()
    def numbers_never_go_back(self) -> None:
        """I6: within an epoch a copy only ever goes on."""
        if not hasattr(self, "desks"):
            return
        for name, desk in self.desks.items():
            query = "SELECT epoch, change_seq FROM counter WHERE team_id = ?"
            for epoch, seq in desk.sql(query, self.team_id):
                before = self.reached.get(name)
                assert before is None or before[0] != epoch or before[1] <= seq or epoch == "purged"
                self.reached[name] = (epoch, seq)

    @invariant()
    def what_waits_is_seen(self) -> None:
        """Whoever edits sees their edit, whatever comes from the home meanwhile."""
        if not hasattr(self, "desks"):
            return
        for desk in self.desks.values():
            newest: dict[tuple[str, str], object] = {}
            query = "SELECT entity_id, ours FROM intent WHERE state = 'waiting' ORDER BY number"
            for machine, ours in desk.sql(query):
                newest |= {(machine, name): value for name, value in from_json(ours, dict[str, object]).items()}
            for (machine, name), value in newest.items():
                for row in desk.sql("SELECT notes, tags FROM machine WHERE machine_id = ?", machine):
                    assert value == (row[0] if name == "notes" else from_json(row[1], list[str]))

    def teardown(self) -> None:
        """Everything is heard, and then everything is true."""
        if not hasattr(self, "desks"):
            return
        try:
            self.settle()
            self.judge()
        finally:
            for late in self.delayed:
                late.close()  # type: ignore[attr-defined]
            self.loop.close()

    def settle(self) -> None:
        for late in self.delayed:
            self.arrive(late)
        self.delayed.clear()
        for name, desk in self.desks.items():
            desk.faults.is_cut = False
            desk.faults.fates.clear()
            self.run(desk.start())
            self.on(name, desk.sync())
        for _round in range(ROUNDS):
            heads = [desk.sql("SELECT change_seq FROM counter") for desk in self.desks.values()]
            for name, desk in self.desks.items():
                self.on(name, desk.sync())
            if heads == [desk.sql("SELECT change_seq FROM counter") for desk in self.desks.values()]:
                return

    def judge(self) -> None:
        home = self.run(rows_of(self.home.database, self.team_id))
        members = {
            row[0] for row in self.home.database.sql("SELECT user_id FROM team_member WHERE team_id = ?", self.team_id)
        }
        applied = {row[0] for row in self.home.database.sql("SELECT op_id FROM applied_op WHERE answer IS NOT NULL")}
        for name, desk in self.desks.items():
            if user_of(name) in members:
                self.has_converged(desk, home)
                self.has_lost_nothing(name, desk, applied)
            else:
                self.has_nothing_left(desk)
        self.nothing_was_done_twice()

    def has_converged(self, desk: Desktop, home: dict[tuple[str, str], dict[str, Any]]) -> None:
        """I1 and I7: the copy is the home's team, and nothing waits."""
        here = self.run(rows_of(desk.database, self.team_id))
        assert here == home
        assert desk.sql("SELECT * FROM intent WHERE state = 'waiting'") == []
        assert desk.sql("SELECT * FROM base_row") == []

    def has_lost_nothing(self, name: str, desk: Desktop, applied: set[str]) -> None:
        """I2 and I3: an accepted edit is at the home, and every other one is where its owner can see it."""
        states = dict(desk.sql("SELECT op_id, state FROM intent"))
        for op_id, state in states.items():
            assert state in {"accepted", "refused", "lost"}
            assert state != "accepted" or op_id in applied, "an accepted edit is gone from the home"
        for op_id in self.edits[name] & states.keys():
            assert states[op_id] in {"accepted", "refused"}
        # With a place in the team goes the copy, and everything that waited in it.
        assert self.edits[name] <= states.keys() or name in self.ever_out, "an edit has vanished"

    def has_nothing_left(self, desk: Desktop) -> None:
        """I4: whoever is no member has not a row of the team."""
        for entity in SYNCED:
            if entity.shape is not User:
                query = f'SELECT * FROM "{entity.name}" WHERE team_id = ?'
                assert desk.sql(query, self.team_id) == [], entity.name
        for table in ("intent", "base_row", "replica"):
            assert desk.sql(f"SELECT * FROM {table} WHERE team_id = ?", self.team_id) == []

    def nothing_was_done_twice(self) -> None:
        """I2 and I5: each write stands once in the audit trail, under however many names it came."""
        [(edits,)] = self.home.database.sql(
            "SELECT COUNT(*) FROM audit_event WHERE action = 'machine.update' AND outcome = 'succeeded'"
        )
        [(ops,)] = self.home.database.sql(
            "SELECT COUNT(*) FROM applied_op WHERE name = 'UpdateMachine' AND answer IS NOT NULL"
        )
        assert edits == ops
        grants = self.home.database.sql('SELECT tag, COUNT(*) FROM "grant" GROUP BY tag')
        [(events,)] = self.home.database.sql(
            "SELECT COUNT(*) FROM audit_event WHERE action = 'grant.add' AND outcome = 'succeeded'"
        )
        assert events >= len(grants)
        there = {tag for tag, _number in grants}
        assert all(tag in there for tag, is_done in self.granted.items() if is_done)


TestReplicas = Replicas.TestCase
TestReplicas.settings = settings(
    max_examples=RUNS,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
