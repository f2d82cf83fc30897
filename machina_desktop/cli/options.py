"""The options of a command, made from the fields of its request, and what was typed, read by them."""

from __future__ import annotations

import types
import typing
from collections.abc import Callable, Iterator, Mapping
from dataclasses import MISSING, Field, dataclass, field, fields
from datetime import datetime
from enum import Enum, StrEnum, auto

from machina_desktop.cli import terminal
from machina_desktop.cli.commands import Command, UsageError, nearest
from machina_desktop.core.domain.firewall import FirewallRule, rule_of
from machina_desktop.core.domain.provider import AccountField, ProviderType
from machina_desktop.core.providers.registry import available_types, provider_for
from machina_desktop.core.secret import Secret
from machina_desktop.core.services.account_credentials import CheckCredentials, ReplaceCredentials
from machina_desktop.core.services.providers import AddAccount

REFERENCES = {
    "machine_id": "machine",
    "account_id": "account",
    "account_ids": "account",
    "key_id": "key",
    "key_ids": "key",
    "profile_id": "firewall",
    "firewall_profile_id": "firewall",
    "deployment_id": "deployment",
    "audit_event_id": "event",
    "member_id": "member",
    "actor_id": "person",
    "grant_id": "grant",
    "invite_id": "invite",
}
"""Fields that hold ids, and what they refer to; on the command line a name serves as well."""

_OF_OTHERS = frozenset({"resource_id"})
"""Ids that somebody else has given, and that are typed as they are."""

_TYPED = {"tags": "tag", "rules": "rule", "fallbacks": "fallback", "firewall_profile_id": "firewall"}
"""What is typed for a field where that is not its name."""

WITH_ACCOUNT_FIELDS = frozenset({AddAccount, CheckCredentials, ReplaceCredentials})
"""They have the fields of an account's form as options."""

_LONG_TEXTS = frozenset({"bootstrap_script", "public_key"})


class Kind(Enum):
    """How what was typed becomes the value of a field."""

    TEXT = auto()
    TEXT_FILE = auto()
    SECRET_FILE = auto()
    NUMBER = auto()
    MOMENT = auto()
    RULE = auto()
    CHOICE = auto()
    FLAG = auto()
    REFERENCE = auto()
    ENTRY = auto()
    SECRET_ENTRY = auto()


@dataclass(frozen=True, kw_only=True)
class Option:
    """One ``--option``.

    Attributes:
        field: The request's field it fills; of the command line's own switches the name without dashes.
        entry: Key under which the value goes into a field that is a mapping; empty for the others.
        is_switch: It belongs to the command line, not to the request.
        default: What holds without it, as text; empty when that is nothing.
    """

    name: str
    field: str
    kind: Kind
    entry: str = ""
    noun: str = ""
    choices: type[StrEnum] | None = None
    is_repeatable: bool = False
    is_required: bool = False
    is_switch: bool = False
    default: str = ""
    about: str = ""

    @property
    def takes_value(self) -> bool:
        """Whether a value follows it."""
        return self.kind is not Kind.FLAG


@dataclass(frozen=True, kw_only=True)
class Order:
    """What was typed: values by field of the request, references still as they were written.

    Attributes:
        switches: Of ``json``, ``wait``, ``yes`` and ``follow`` those that were given.
    """

    command: Command
    values: Mapping[str, object] = field(default_factory=dict)
    switches: frozenset[str] = frozenset()


_SWITCHES = {
    "json": "Print JSON.",
    "wait": "Follow the run to its end; the exit code is 0 when it succeeded, else 1.",
    "yes": "Answer every question with yes, the plan's approval included.",
    "follow": "Go on until the run has ended.",
}


def options_of(command: Command) -> tuple[Option, ...]:
    """The options that every call of ``command`` may have."""
    hints = typing.get_type_hints(command.request)
    own = [option for entry in fields(command.request) for option in _options_of_field(entry, hints[entry.name])]
    if command.request in WITH_ACCOUNT_FIELDS:
        own += [
            Option(name="--field", field="fields", kind=Kind.ENTRY, about="NAME=VALUE, a field of the account."),
            Option(name="--secret-file", field="fields", kind=Kind.SECRET_ENTRY, about="NAME=FILE, a secret one."),
        ]
    if command.is_of_team or command.field_names & REFERENCES.keys():
        own.append(_team_option(command))
    return (*own, *_switches_of(command))


def _team_option(command: Command) -> Option:
    """Whoever is in several teams may say which; a command about a team has to."""
    is_subject = command.subject == "team_id"
    about = "" if is_subject else "The team; without it your first one."
    return Option(name="--team", field="team_id", kind=Kind.REFERENCE, noun="team", is_required=is_subject, about=about)


def _switches_of(command: Command) -> Iterator[Option]:
    offered = {
        "json": True,
        "wait": command.carries_out,
        "yes": command.takes_yes,
        "follow": command.action == "deployment.read_log",
    }
    for name in (name for name, is_offered in offered.items() if is_offered):
        yield Option(name=f"--{name}", field=name, kind=Kind.FLAG, is_switch=True, about=_SWITCHES[name])


def _options_of_field(entry: Field[object], hint: object) -> Iterator[Option]:
    is_made_here = entry.default_factory is not MISSING and entry.name.endswith("_id")
    is_unknown_reference = entry.name.endswith("_id") and entry.name not in {*REFERENCES, *_OF_OTHERS}
    if entry.name == "team_id" or is_made_here or is_unknown_reference:
        return
    plain = _without_none(hint)
    kind = _kind(entry.name, plain)
    if kind is None:
        return
    typed = _typed_name(entry.name)
    option = Option(
        name=f"--{typed}-file" if kind is Kind.SECRET_FILE else f"--{typed}",
        field=entry.name,
        kind=kind,
        noun=REFERENCES.get(entry.name, ""),
        choices=plain if isinstance(plain, type) and issubclass(plain, StrEnum) else None,
        is_repeatable=typing.get_origin(plain) is tuple,
        is_required=entry.default is MISSING and entry.default_factory is MISSING,
        default="" if entry.default in {MISSING, None, "", ()} else str(entry.default),
    )
    yield option
    if entry.name in _LONG_TEXTS:
        yield Option(name=f"--{typed}-file", field=entry.name, kind=Kind.TEXT_FILE, about="Its text from a file.")


def _without_none(hint: object) -> object:
    if isinstance(hint, types.UnionType):
        return next(part for part in typing.get_args(hint) if part is not types.NoneType)
    return hint


def _kind(name: str, plain: object) -> Kind | None:
    if name in REFERENCES:
        return Kind.REFERENCE
    if isinstance(plain, type) and issubclass(plain, StrEnum):
        return Kind.CHOICE
    known: dict[object, Kind] = {
        str: Kind.TEXT,
        tuple[str, ...]: Kind.TEXT,
        int: Kind.NUMBER,
        bool: Kind.FLAG,
        datetime: Kind.MOMENT,
        tuple[FirewallRule, ...]: Kind.RULE,
        Secret: Kind.SECRET_FILE,
    }
    return known.get(plain)


def _typed_name(field_name: str) -> str:
    name = _TYPED.get(field_name) or field_name.removeprefix("is_").removesuffix("_ids").removesuffix("_id")
    return name.replace("_", "-")


def parse(command: Command, words: tuple[str, ...]) -> Order:
    """What ``words`` ask of the command.

    Raises:
        UsageError: an option is unknown, lacks its value or cannot be read; or a required one is missing.
        Unavailable: a file that was named cannot be read.
    """
    known = {option.name: option for option in (*options_of(command), *_account_options(command, words))}
    values: dict[str, object] = {}
    switches: set[str] = set()
    for option, typed in _given(command, words, known):
        if option.is_switch:
            switches.add(option.field)
        elif option.is_repeatable:
            values[option.field] = (*_tuple(values.get(option.field)), _value(option, typed))
        elif option.kind in {Kind.ENTRY, Kind.SECRET_ENTRY} or option.entry:
            values[option.field] = {**_mapping(values.get(option.field)), **_entry(option, typed)}
        else:
            values[option.field] = _value(option, typed)
    for option in known.values():
        if option.is_required and option.field not in values:
            raise UsageError(
                f"{option.name} is needed.", field=option.field, hint=f"{command.words} --help shows all options."
            )
    return Order(command=command, values=values, switches=frozenset(switches))


def _given(command: Command, words: tuple[str, ...], known: dict[str, Option]) -> Iterator[tuple[Option, str]]:
    """Each option that was typed, with its value; of a flag ``yes`` or ``no``."""
    subject = next((option for option in known.values() if option.field == command.subject), None)
    waiting = list(words)
    while waiting:
        word = waiting.pop(0)
        if not word.startswith("--"):
            if subject is None:
                raise UsageError(
                    f"{command.words} takes no {word!r}.", hint=f"{command.words} --help shows all options."
                )
            yield subject, word
            subject = None
            continue
        name, has_value, value = word.partition("=")
        option, says_no = _find(command, name, known)
        if not option.takes_value:
            if has_value:
                raise UsageError(f"{name} takes no value.", field=option.field)
            value = "no" if says_no else "yes"
        elif not has_value:
            if not waiting or waiting[0].partition("=")[0] in known:
                raise UsageError(f"{name} needs a value.", field=option.field, hint=f"Write {name}=VALUE.")
            value = waiting.pop(0)
        yield option, value


def _find(command: Command, name: str, known: dict[str, Option]) -> tuple[Option, bool]:
    if name in known:
        return known[name], False
    opposite = known.get(f"--{name.removeprefix('--no-')}")
    if name.startswith("--no-") and opposite is not None and not opposite.takes_value and not opposite.is_switch:
        return opposite, True
    hint = nearest(name, known) or f"{command.words} --help shows all options."
    raise UsageError(f"{command.words} has no option {name}.", hint=hint)


def _value(option: Option, typed: str) -> object:
    if option.choices is not None:
        return _choice(option, option.choices, typed)
    readers: dict[Kind, Callable[[str], object]] = {
        Kind.FLAG: lambda text: text == "yes",
        Kind.NUMBER: int,
        Kind.RULE: rule_of,
        Kind.MOMENT: lambda text: datetime.fromisoformat(text).astimezone(),
        Kind.TEXT_FILE: lambda file: terminal.read_secret(file, option.name).reveal(),
        Kind.SECRET_FILE: lambda file: terminal.read_secret(file, option.name),
    }
    try:
        return readers.get(option.kind, str)(typed)
    except (ValueError, OverflowError):
        what = "a whole number" if option.kind is Kind.NUMBER else "a time, such as 2026-01-31T18:30"
        raise UsageError(f"{option.name} is {what}, not {typed!r}.", field=option.field) from None


def _choice(option: Option, choices: type[StrEnum], typed: str) -> StrEnum:
    allowed = [choice.value for choice in choices]
    if typed not in allowed:
        hint = nearest(typed, allowed) or f"It is one of {', '.join(allowed)}."
        raise UsageError(f"{option.name} cannot be {typed}.", field=option.field, hint=hint)
    return choices(typed)


# The fields of a provider's account


def account_options(kind: ProviderType) -> tuple[Option, ...]:
    """One option per field of the provider's account form; secret ones take a file."""
    return tuple(_account_option(entry) for entry in provider_for(kind).info.account_fields)


def _account_option(entry: AccountField) -> Option:
    typed = entry.name.replace("_", "-")
    return Option(
        name=f"--{typed}-file" if entry.is_secret else f"--{typed}",
        field="fields",
        entry=entry.name,
        kind=Kind.SECRET_FILE if entry.is_secret else Kind.TEXT,
        about=f"{entry.title}. {entry.help}".strip(),
    )


def _account_options(command: Command, words: tuple[str, ...]) -> tuple[Option, ...]:
    if command.request is ReplaceCredentials:
        # Which provider's account it is turns out later; what is not among its fields is refused then.
        every = (option for kind in available_types() for option in account_options(kind))
        return tuple({option.name: option for option in every}.values())
    if command.request not in WITH_ACCOUNT_FIELDS:
        return ()
    typed = [value for word, value in zip(words, (*words[1:], ""), strict=True) if word == "--type"]
    typed += [word.removeprefix("--type=") for word in words if word.startswith("--type=")]
    if not typed or typed[0] not in {kind.value for kind in ProviderType}:
        return ()
    return account_options(ProviderType(typed[0]))


def _entry(option: Option, typed: str) -> dict[str, Secret]:
    if option.entry:
        is_file = option.kind is Kind.SECRET_FILE
        return {option.entry: terminal.read_secret(typed, option.name) if is_file else Secret(typed)}
    name, separator, value = typed.partition("=")
    if not separator:
        raise UsageError(f"{option.name} needs NAME=VALUE.", field=option.field)
    return {name: terminal.read_secret(value, name) if option.kind is Kind.SECRET_ENTRY else Secret(value)}


def _tuple(value: object) -> tuple[object, ...]:
    return value if isinstance(value, tuple) else ()


def _mapping(value: object) -> dict[str, object]:
    return value if isinstance(value, dict) else {}
