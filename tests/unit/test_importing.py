"""What a server takes of a team that is brought to it, and what it refuses whole."""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar, cast

import pytest

from machina_desktop.core.codec import to_plain
from machina_desktop.core.domain.audit import AuditEvent, chain_digest
from machina_desktop.core.domain.team import Team, TeamMember, TeamRole
from machina_desktop.core.errors import Conflict, InvalidInput, MachinaError
from machina_desktop.core.ids import new_id, now
from machina_desktop.core.secret import Secret
from machina_desktop.core.services.audit import VerifyAudit
from machina_desktop.core.services.importing import (
    MOST_PARTS,
    AbandonImport,
    ExportTeamPart,
    FinishImport,
    GetArrival,
    ImportTeamPart,
)
from machina_desktop.core.services.teams import UpdateTeam
from machina_desktop.core.services.use_case import Request
from machina_desktop.core.store.moves import CopiedRow, LogPiece, TeamNumbers, TeamPart
from machina_desktop.core.sync.server_client import ServerClient
from tests.fakes.hosts import Core, core
from tests.fakes.road import Road, lived, road

R = TypeVar("R")


@pytest.fixture
async def on_road(tmp_path: Path) -> AsyncIterator[Road]:
    async with road(tmp_path) as made:
        await lived(made)
        yield made


@dataclass
class Sender:
    """Somebody who sends a team by hand."""

    home: ServerClient
    user_id: str
    team_id: str
    device_id: str = field(default_factory=lambda: new_id("device"))
    events: list[AuditEvent] = field(default_factory=list)

    def event(self, **fields: Any) -> AuditEvent:
        """The next event of the chain."""
        made = AuditEvent(
            audit_event_id=new_id("audit"),
            team_id=self.team_id,
            seq=len(self.events) + 1,
            at=now(),
            actor_id="whoever",
            actor_name="Whoever",
            action="team.create",
            target="",
            outcome="succeeded",  # type: ignore[arg-type]
            previous=self.events[-1].digest if self.events else "",
        )
        made = replace(made, **fields)
        made = replace(made, digest=chain_digest(made))
        self.events.append(made)
        return made

    def row(self, value: object, entity: str, key: str) -> CopiedRow:
        return CopiedRow(entity=entity, entity_id=getattr(value, key), row=to_plain(value))

    def team(self, **fields: Any) -> CopiedRow:
        made = Team(
            team_id=self.team_id, name="New", handle="new-team", created_by="x", created_at=now(), updated_at=now()
        )
        return self.row(replace(made, **fields), "team", "team_id")

    def member(self, **fields: Any) -> CopiedRow:
        made = TeamMember(
            team_member_id=new_id("member"),
            team_id=self.team_id,
            user_id=self.user_id,
            role=TeamRole.ADMIN,
            joined_at=now(),
        )
        return self.row(replace(made, **fields), "team_member", "team_member_id")

    async def send(self, *parts: TeamPart) -> None:
        digests = []
        for number, part in enumerate(parts):
            digests.append(await self.home.call(ImportTeamPart(team_id=self.team_id, number=number, part=part)))
        head = self.events[-1] if self.events else None
        await self.home.call(
            FinishImport(
                team_id=self.team_id,
                parts=len(parts),
                digest=hashlib.sha256("".join(digests).encode()).hexdigest(),
                numbers=TeamNumbers(
                    epoch="",
                    change_seq=10,
                    audit_seq=head.seq if head else 0,
                    audit_digest=head.digest if head else "",
                ),
                device_id=self.device_id,
            )
        )


@pytest.fixture
async def sender(on_road: Road) -> Sender:
    return Sender(on_road.home, on_road.server.user_id, new_id("team"))


def machine_of(made: Road, team_id: str, **fields: Any) -> CopiedRow:
    """The machine there is, as another team's would tell of it."""
    [names] = [[row[1] for row in made.here.sql("PRAGMA table_info(machine)")]]
    [values] = made.here.sql("SELECT * FROM machine")
    row: dict[str, Any] = dict(zip(cast("list[str]", names), values, strict=True))
    for name in ("ssh_key_ids", "tags", "facts"):
        row[name] = json.loads(cast("str", row[name]))
    row |= {"team_id": team_id, "machine_id": new_id("machine"), "is_protected": False, **fields}
    row["provider_account_id"] = fields.get("provider_account_id", new_id("account"))
    return CopiedRow(entity="machine", entity_id=str(row["machine_id"]), row=row)


async def test_a_team_sent_by_hand_arrives(on_road: Road, sender: Sender) -> None:
    event = sender.event()
    await sender.send(
        TeamPart(rows=(sender.team(), sender.member(), machine_of(on_road, sender.team_id))), TeamPart(events=(event,))
    )
    assert on_road.site.sql("SELECT count(*) FROM machine WHERE team_id = ?", sender.team_id) == [(1,)]


Spoil = Callable[[Road, Sender], TeamPart]


def rows(*made: CopiedRow) -> TeamPart:
    return TeamPart(rows=made)


SPOILED: dict[str, Spoil] = {
    "a row of another team": lambda m, s: rows(s.team(), s.member(), machine_of(m, m.site.team_id)),
    "a machine on another team's account": lambda m, s: rows(
        s.team(),
        s.member(),
        machine_of(
            m, s.team_id, provider_account_id=m.site.sql("SELECT provider_account_id FROM provider_account")[0][0]
        ),
    ),
    "an id that is none of ours": lambda m, s: rows(s.team(), s.member(), machine_of(m, s.team_id, machine_id="../x")),
    "a name no machine can have": lambda m, s: rows(s.team(), s.member(), machine_of(m, s.team_id, name="$(reboot)")),
    "a field nobody knows": lambda m, s: rows(s.team(), s.member(), machine_of(m, s.team_id, extra=1)),
    "a state kept by somebody else": lambda m, s: rows(
        s.team(), s.member(), machine_of(m, s.team_id, state_keeper=new_id("device"))
    ),
    "somebody else's place": lambda _m, s: rows(s.team(), s.member(), s.member(user_id="user-other")),
    "no place of one's own": lambda _m, s: rows(s.team()),
    "no team": lambda _m, s: rows(s.member()),
    "another team": lambda m, s: rows(s.team(team_id=m.site.team_id), s.member()),
    "two teams": lambda _m, s: rows(s.team(), s.team(), s.member()),
    "a person": lambda m, s: rows(
        s.team(), s.member(), CopiedRow(entity="user", entity_id=m.server.user_id, row={"user_id": m.server.user_id})
    ),
    "an invite": lambda _m, s: rows(s.team(), s.member(), CopiedRow(entity="team_invite", entity_id="x", row={})),
    "a chain with a gap": lambda _m, s: TeamPart(events=(s.event(seq=2),)),
    "an event of another team": lambda m, s: TeamPart(events=(s.event(team_id=m.site.team_id),)),
    "an event that was altered": lambda _m, s: TeamPart(events=(replace(s.event(), target="other"),)),
}


@pytest.mark.parametrize("how", SPOILED)
async def test_what_cannot_be_right_is_refused_whole(on_road: Road, sender: Sender, how: str) -> None:
    made = on_road
    await made.site.account()
    before = made.site.sql("SELECT count(*) FROM machine")
    with pytest.raises(InvalidInput):
        await sender.send(SPOILED[how](made, sender))
    assert made.site.sql("SELECT 1 FROM team WHERE team_id = ?", sender.team_id) == []
    assert made.site.sql("SELECT count(*) FROM machine") == before
    assert made.site.sql("SELECT 1 FROM audit_event WHERE team_id = ?", sender.team_id) == []


async def test_a_log_without_its_run_or_with_half_a_line_is_refused(on_road: Road, sender: Sender) -> None:
    event = sender.event()
    piece = LogPiece(deployment_id=on_road.deployment_id, start=0, end=4, text="abc\n")
    with pytest.raises(InvalidInput):
        await sender.send(TeamPart(rows=(sender.team(), sender.member()), events=(event,), logs=(piece,)))


async def test_a_team_that_lives_there_cannot_be_replaced(on_road: Road) -> None:
    made = on_road
    other, _foreign = await made.site.outsider("Olaf")
    client = ServerClient(made.site.url, Secret(other.token), settings=made.here.host.settings)
    thief = Sender(client, other.user_id, made.site.team_id)
    event = thief.event()
    with pytest.raises(Conflict) as refused:
        await thief.send(TeamPart(rows=(thief.team(handle="stolen"), thief.member()), events=(event,)))
    assert refused.value.code == "E-TEAM-TAKEN"
    await client.close()


async def test_nobody_sees_or_drops_what_another_has_put_aside(on_road: Road, sender: Sender) -> None:
    made = on_road
    await sender.home.call(ImportTeamPart(team_id=sender.team_id, number=0, part=rows(sender.team())))
    other, _foreign = await made.site.outsider("Olaf")
    client = ServerClient(made.site.url, Secret(other.token), settings=made.here.host.settings)
    assert (await client.call(GetArrival(team_id=sender.team_id))).parts == ()
    await client.call(AbandonImport(team_id=sender.team_id))
    assert len((await sender.home.call(GetArrival(team_id=sender.team_id))).parts) == 1
    assert [team["team_id"] for team in await other.get("/api/teams")] == [_foreign]
    await client.close()


async def test_parts_come_in_order_replace_each_other_and_are_not_endless(on_road: Road, sender: Sender) -> None:
    made = on_road
    with pytest.raises(InvalidInput) as refused:
        await sender.home.call(ImportTeamPart(team_id=sender.team_id, number=1, part=TeamPart()))
    assert refused.value.code == "E-IMPORT-GAP"
    for _ in range(2):
        await sender.home.call(ImportTeamPart(team_id=sender.team_id, number=0, part=TeamPart()))
    assert len((await sender.home.call(GetArrival(team_id=sender.team_id))).parts) == 1
    made.site.sql(
        f"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {MOST_PARTS}) "
        "INSERT INTO import_part SELECT user_id, coming_team_id, i, content, digest, at FROM import_part, n",
    )
    with pytest.raises(Conflict) as full:
        await sender.home.call(ImportTeamPart(team_id=sender.team_id, number=MOST_PARTS + 1, part=TeamPart()))
    assert full.value.code == "E-IMPORT-SIZE"


async def test_a_part_of_more_than_a_mebibyte_is_refused(sender: Sender) -> None:
    piece = LogPiece(deployment_id="deployment-x", start=0, end=2 << 20, text="x" * (2 << 20))
    with pytest.raises(MachinaError):
        await sender.home.call(ImportTeamPart(team_id=sender.team_id, number=0, part=TeamPart(logs=(piece,))))


@dataclass
class Door:
    """The door of a host, in a home's place."""

    made: Core

    async def call(self, ask: Request[R], *, op_id: str = "", expects: str = "") -> R:
        del op_id, expects
        return await self.made.call(ask)


async def test_a_team_arrives_whole_or_not_at_all_on_each_database(tmp_path: Path, each_store: str) -> None:
    del each_store
    async with core(tmp_path / "home") as made:
        home = cast("ServerClient", Door(made))
        right, wrong = (Sender(home, made.host.actor.user_id, new_id("team")) for _ in range(2))
        event = right.event()
        await right.send(TeamPart(rows=(right.team(), right.member())), TeamPart(events=(event,)))
        await made.call(UpdateTeam(team_id=right.team_id, name="It goes on"))
        assert (await made.call(VerifyAudit(team_id=right.team_id))).events == 3
        with pytest.raises(InvalidInput):
            await wrong.send(TeamPart(rows=(wrong.team(handle="other"),)))
        assert made.sql("SELECT count(*) FROM import_part WHERE coming_team_id = ?", right.team_id) == [(0,)]
        assert made.sql("SELECT count(*) FROM counter WHERE team_id = ?", wrong.team_id) == [(0,)]
        page = await made.call(ExportTeamPart(team_id=right.team_id))
        assert [each.action for each in page.part.events] == ["team.create", "team.import", "team.update"]
