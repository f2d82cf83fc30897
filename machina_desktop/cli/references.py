"""From what a person calls a thing to its id."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from machina_desktop.cli.commands import nearest
from machina_desktop.core.domain.deployment import Deployment
from machina_desktop.core.errors import InvalidInput, NotFound
from machina_desktop.core.services.audit import ListAuditEvents
from machina_desktop.core.services.deployments import ListDeployments
from machina_desktop.core.services.firewalls import ListFirewalls
from machina_desktop.core.services.invites import ListInvites
from machina_desktop.core.services.keys import ListKeys
from machina_desktop.core.services.machines import ListMachines
from machina_desktop.core.services.members import ListMembers
from machina_desktop.core.services.providers import ListAccounts
from machina_desktop.core.services.teams import ListTeams
from machina_desktop.core.sync.gateway import Gateway

SHORT_ID = 8
"""So many last characters of a deployment's id are shown; they are random."""

_AREAS = {"account": "providers", "event": "audit", "person": "members", "grant": "members"}
"""Where things are listed, where that is not under their own noun."""

_ID = re.compile(r"[a-z_]+-[0-9a-z]{26}")
_SHORTEST_ID = 4
_SHOWN = 5


@dataclass(frozen=True)
class Named:
    """A thing, what people call it, and how it is told from others of that name."""

    id: str
    name: str
    about: str = ""


class References:
    """Looks names up in one team."""

    def __init__(self, gateway: Gateway, team_id: str) -> None:
        self._gateway = gateway
        self._team_id = team_id
        self._listers: dict[str, Callable[[], Awaitable[tuple[Named, ...]]]] = {
            "account": self._accounts,
            "key": self._keys,
            "firewall": self._firewalls,
            "event": self._events,
            "team": self._teams,
            "member": self._members,
            "person": self._people,
            "grant": self._grants,
            "invite": self._invites,
        }

    async def resolve(self, noun: str, text: str) -> str:
        """The id of what ``text`` names: an id, a name, or of a deployment its machine or the end of its id.

        Raises:
            NotFound: nothing is called so; suggests the nearest.
            InvalidInput: E-AMBIGUOUS, several are; lists them.
        """
        if not text or _ID.fullmatch(text):
            return text
        if noun == "machine":
            return await self._machine(text)
        if noun == "deployment":
            return await self._deployment(text)
        return pick(noun, text, await self._listers[noun]())

    async def _machine(self, text: str) -> str:
        machines = await self._gateway.call(ListMachines(team_id=self._team_id, include_gone=True))
        living = tuple(Named(each.machine_id, each.name) for each in machines if not each.is_gone)
        gone = [each for each in machines if each.is_gone and each.name == text]
        if gone and text not in {each.name for each in living}:
            return max(gone, key=lambda each: each.created_at).machine_id
        return pick("machine", text, living)

    async def _deployment(self, text: str) -> str:
        """Of a machine's runs the newest is meant."""
        deployments = await self._gateway.call(ListDeployments(team_id=self._team_id))
        if of_machine := [each for each in deployments if each.machine_name == text]:
            return of_machine[0].deployment_id
        ending = [each for each in deployments if each.deployment_id.endswith(text) and len(text) >= _SHORTEST_ID]
        if len(ending) == 1:
            return ending[0].deployment_id
        if ending:
            raise _ambiguous("deployment", text, [_described(each) for each in ending])
        names = {each.machine_name for each in deployments}
        raise _unknown("deployment", text, names)

    async def _accounts(self) -> tuple[Named, ...]:
        accounts = await self._gateway.call(ListAccounts(team_id=self._team_id))
        return tuple(Named(each.provider_account_id, each.label, each.provider_type.value) for each in accounts)

    async def _keys(self) -> tuple[Named, ...]:
        keys = await self._gateway.call(ListKeys(team_id=self._team_id))
        return tuple(Named(each.ssh_key_id, each.name, each.fingerprint) for each in keys)

    async def _firewalls(self) -> tuple[Named, ...]:
        profiles = await self._gateway.call(ListFirewalls(team_id=self._team_id))
        return tuple(Named(each.profile_id, each.name) for each in profiles)

    async def _teams(self) -> tuple[Named, ...]:
        """A team is called by its handle, or by its name where that is no other team's."""
        teams = await self._gateway.call(ListTeams())
        handles = {each.handle for each in teams}
        return (
            *(Named(each.team_id, each.handle, each.name) for each in teams),
            *(Named(each.team_id, each.name, each.handle) for each in teams if each.name.casefold() not in handles),
        )

    async def _members(self) -> tuple[Named, ...]:
        members = await self._gateway.call(ListMembers(team_id=self._team_id))
        return tuple(Named(each.member.team_member_id, each.user.display_name, each.user.email) for each in members)

    async def _people(self) -> tuple[Named, ...]:
        members = await self._gateway.call(ListMembers(team_id=self._team_id))
        return tuple(Named(each.user.user_id, each.user.display_name, each.user.email) for each in members)

    async def _grants(self) -> tuple[Named, ...]:
        """A grant is called by the end of its id."""
        members = await self._gateway.call(ListMembers(team_id=self._team_id))
        return tuple(Named(each.grant_id, each.grant_id[-SHORT_ID:]) for member in members for each in member.grants)

    async def _invites(self) -> tuple[Named, ...]:
        """An invite is called by the end of its id."""
        invites = await self._gateway.call(ListInvites(team_id=self._team_id))
        return tuple(Named(each.invite_id, each.invite_id[-SHORT_ID:], each.role) for each in invites)

    async def _events(self) -> tuple[Named, ...]:
        """An audit event is called by its number."""
        events = await self._gateway.call(ListAuditEvents(team_id=self._team_id, limit=1_000_000))
        return tuple(Named(each.audit_event_id, str(each.seq)) for each in events)


def pick(noun: str, text: str, known: Sequence[Named]) -> str:
    """The id of the one that is called ``text``; upper and lower case count only where they must.

    Raises:
        NotFound: none is called so.
        InvalidInput: E-AMBIGUOUS, several are.
    """
    exact = [each for each in known if each.name == text]
    found = exact or [each for each in known if each.name.casefold() == text.casefold()]
    if len(found) == 1:
        return found[0].id
    if found:
        raise _ambiguous(noun, text, [f"{each.name} {each.about} {each.id}" for each in found])
    raise _unknown(noun, text, {each.name for each in known})


def short(deployment: Deployment) -> str:
    """The end of its id, by which commands know it."""
    return deployment.deployment_id[-SHORT_ID:]


def _described(deployment: Deployment) -> str:
    return f"{deployment.machine_name} {deployment.type.value} {deployment.deployment_id}"


def _ambiguous(noun: str, text: str, candidates: Sequence[str]) -> InvalidInput:
    listed = "; ".join(candidates[:_SHOWN]) + ("; …" if len(candidates) > _SHOWN else "")
    return InvalidInput(f"{text} may mean more than one {noun}.", hint=f"Give the id: {listed}.", code="E-AMBIGUOUS")


def _unknown(noun: str, text: str, names: set[str]) -> NotFound:
    area = _AREAS.get(noun, f"{noun}s")
    hint = nearest(text, names) or f"machina {area} list shows them all."
    return NotFound(f"There is no {noun} called {text}.", hint=hint)
