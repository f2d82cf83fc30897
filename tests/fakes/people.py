"""More people than the one of this computer, each behind a door of their own."""

from __future__ import annotations

from machina_desktop.core.domain.team import Actor, TeamRole, User
from machina_desktop.core.ids import new_id, now
from machina_desktop.core.secret import Secret
from machina_desktop.core.services.invites import CreateInvite, JoinTeam
from machina_desktop.core.sync.gateway import LocalGateway
from machina_desktop.core.sync.person import Person
from machina_desktop.core.workers.deployer import RUNNER
from tests.fakes.hosts import Core


async def newcomer(made: Core, name: str) -> LocalGateway:
    """Somebody who is in no team yet."""
    user = User(user_id=new_id("user"), email=f"{name.lower()}@example.org", display_name=name, created_at=now())
    await made.host._database.write(RUNNER, lambda *_: None, lambda tx: tx.add(user))
    person = Person(Actor(user_id=user.user_id, display_name=name))
    made.host.bus.witness(person.learn)
    return LocalGateway(made.host._dispatcher.execute, person)


async def code_for(made: Core, role: TeamRole = TeamRole.MEMBER, **fields: int) -> Secret:
    """An invite code of the team."""
    return Secret((await made.call(CreateInvite(team_id=made.team_id, role=role, **fields))).code)


async def joined(made: Core, name: str, role: TeamRole = TeamRole.MEMBER) -> LocalGateway:
    """Somebody who has joined the team."""
    door = await newcomer(made, name)
    await door.call(JoinTeam(code=await code_for(made, role)))
    return door


def place_of(made: Core, door: LocalGateway) -> str:
    """The id of somebody's place in the team."""
    statement = "SELECT team_member_id FROM team_member WHERE team_id = ? AND user_id = ?"
    return str(made.sql(statement, made.team_id, door.actor.user_id)[0][0])
