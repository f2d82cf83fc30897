"""Which commands there are: each is a use case that a person may ask for, under the words of its action."""

from __future__ import annotations

import difflib
import inspect
import re
import sys
from collections.abc import Iterable
from dataclasses import MISSING, dataclass, fields
from functools import cached_property

from machina_desktop.core.errors import InvalidInput
from machina_desktop.core.services import catalogue
from machina_desktop.core.services.use_case import REGISTRY, Request, UseCase

AREAS = {
    "machine": "machines",
    "deployment": "deployments",
    "provider_account": "providers",
    "provider": "providers",
    "ssh_key": "keys",
    "firewall_profile": "firewalls",
    "audit": "audit",
    "team": "teams",
    "member": "members",
    "grant": "grants",
    "invite": "invites",
    "user": "users",
    "vault": "vault",
    "engine": "engine",
    "setting": "settings",
    "session": "sessions",
    "storage": "storage",
    "secret": "secrets",
    "diagnostics": "diagnostics",
    "snippet": "snippets",
    "own_snippet": "snippets",
    "recording": "recordings",
    "recording_rule": "recordings",
}
"""The area of each noun; a noun without one is its own."""

VERBS = {
    "provider.list": "types",
    "deployment.read_log": "logs",
    "diagnostics.read_log": "log",
    "own_snippet.list": "own",
    "own_snippet.save": "save-own",
    "own_snippet.delete": "delete-own",
    "recording_rule.list": "rules",
    "recording_rule.add": "add-rule",
    "recording_rule.remove": "remove-rule",
}
"""Where the action's own verb is taken or not what people type."""

SUBJECTS = {
    "machine": "machine_id",
    "deployment": "deployment_id",
    "provider_account": "account_id",
    "ssh_key": "key_id",
    "firewall_profile": "profile_id",
    "audit": "audit_event_id",
    "setting": "key",
    "vault": "slot",
    "team": "team_id",
    "member": "member_id",
    "grant": "grant_id",
    "invite": "invite_id",
    "snippet": "snippet_id",
    "own_snippet": "own_snippet_id",
    "recording": "recording_id",
    "recording_rule": "rule_id",
}
"""The field that names what a command of the noun is about; it needs no ``--option``."""

# A command holds the vault's keys only for as long as it runs, so opening or locking it by itself does nothing; and a
# team is released by whoever moves it.
_WITHOUT_COMMAND = frozenset({"vault.unlock", "vault.lock", "team.release"})
_BETWEEN_HOMES = "/api/sync/"
"""Where homes and copies talk to each other; no person asks for that by itself."""

_ENDS_DATA = frozenset({"machine.destroy", "machine.rebuild"})
_GOES_ON_WITH_A_RUN = frozenset({"deployment.approve", "deployment.cancel"})


class UsageError(InvalidInput):
    """The command line cannot be understood; nothing was done."""

    default_code = "E-USAGE"


@dataclass(frozen=True, kw_only=True)
class ResumeDeployments(Request[object]):
    """Carry on what an interrupted or killed process left, and what waits in the queue, until nothing is left to do.

    Plans that wait for approval stay as they are.
    """


@dataclass(frozen=True, kw_only=True)
class OpenShell(Request[object]):
    """A login shell on a machine in this terminal, or with ``-- COMMAND`` that command; its exit status is answered.

    At the beginning of a line ``~.`` leaves the shell. 255 says that it is the connection that failed.
    """

    machine_id: str
    command: str = ""


@dataclass(frozen=True)
class Command:
    """What can be typed as ``machina AREA VERB``.

    Attributes:
        action: The use case's action, ``noun.verb``.
        request: The request class; its fields become the options.
        deletes: Something is gone afterwards.
    """

    area: str
    verb: str
    action: str
    request: type[Request[object]]
    deletes: bool = False

    @property
    def words(self) -> str:
        """As it is typed."""
        return f"machina {self.area} {self.verb}"

    @property
    def description(self) -> str:
        """What it does: the docstring of its request, without markup."""
        return (inspect.getdoc(self.request) or "").replace("``", "")

    @cached_property
    def field_names(self) -> frozenset[str]:
        """Names of the request's fields."""
        return frozenset(field.name for field in fields(self.request))

    @property
    def subject(self) -> str:
        """The field that names what it is about; empty where that is not needed."""
        name = SUBJECTS.get(self.action.partition(".")[0], "")
        is_required = any(field.name == name and field.default_factory is MISSING for field in fields(self.request))
        return name if is_required else ""

    @property
    def is_of_team(self) -> bool:
        """Whether it is about a team that is there already."""
        return any(field.name == "team_id" and field.default_factory is MISSING for field in fields(self.request))

    @property
    def queues_run(self) -> bool:
        """Whether it starts a run, under an id that we make."""
        made = (field for field in fields(self.request) if field.default_factory is not MISSING)
        return any(field.name == "deployment_id" for field in made)

    @property
    def carries_out(self) -> bool:
        """Whether it stays to see a run through."""
        return self.queues_run or self.action in _GOES_ON_WITH_A_RUN

    @property
    def takes_yes(self) -> bool:
        """Whether it may ask something that ``--yes`` answers."""
        return self.deletes or self.action == "deployment.cancel" or "auto_approve" in self.field_names


def commands() -> tuple[Command, ...]:
    """All of them, in the order of the areas, and within one in that of the catalogue."""
    offered = [_command(case) for case in REGISTRY.by_request.values() if _is_offered(case)]
    offered.append(Command("deployments", "resume", "deployment.resume", ResumeDeployments))
    offered.append(Command("machines", "ssh", "machine.ssh", OpenShell))
    areas = {area: place for place, area in enumerate(dict.fromkeys(AREAS.values()))}
    modules = {module.__name__: place for place, module in enumerate(catalogue.AREAS)}

    def place(command: Command) -> tuple[int, int]:
        module = command.request.__module__
        return areas.get(command.area, len(areas)), modules.get(module, len(modules))

    return tuple(sorted(offered, key=place))


def _is_offered(case: UseCase) -> bool:
    is_a_persons = not case.is_internal and not case.path.startswith(_BETWEEN_HOMES)
    return is_a_persons and not case.needs_accounts and case.action not in _WITHOUT_COMMAND


def _command(case: UseCase) -> Command:
    noun, _, verb = case.action.partition(".")
    deletes = case.method == "DELETE" or case.action in _ENDS_DATA
    typed = VERBS.get(case.action, verb).replace("_", "-")
    return Command(AREAS.get(noun, noun), typed, case.action, case.request, deletes)


def area_names() -> tuple[str, ...]:
    """The areas in order."""
    return tuple(dict.fromkeys(command.area for command in commands()))


def area_summary(area: str) -> str:
    """What an area is about: the first line of the module that holds most of its use cases."""
    modules = [command.request.__module__ for command in commands() if command.area == area]
    first = (inspect.getdoc(sys.modules[max(modules, key=modules.count)]) or "").partition("\n")[0]
    return re.sub(r" \(spec [^)]*\)", "", first)


def find_area(area: str) -> str:
    """``area``, if there is one of that name.

    Raises:
        UsageError: there is none; suggests the nearest.
    """
    known = area_names()
    if area not in known:
        raise UsageError(f"There is no area {area}.", hint=nearest(area, known) or f"There are: {', '.join(known)}.")
    return area


def find_command(area: str, verb: str) -> Command:
    """The command of these two words.

    Raises:
        UsageError: there is none; suggests the nearest.
    """
    of_area = {command.verb: command for command in commands() if command.area == find_area(area)}
    if verb not in of_area:
        hint = nearest(verb, of_area) or f"There are: {', '.join(of_area)}."
        raise UsageError(f"machina {area} has no command {verb}.", hint=hint)
    return of_area[verb]


def nearest(word: str, known: Iterable[str]) -> str:
    """A question that offers what ``word`` was probably meant to be; empty when nothing is near."""
    found = difflib.get_close_matches(word, list(known), n=1)
    return f"Did you mean {found[0]}?" if found else ""
