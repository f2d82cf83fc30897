r"""Snippets: commands that are kept, with places in them that are filled in when they are used.

A place is written ``{{name}}``, ``{{name=default}}`` or ``{{name=first|second|third}}``; of choices the first is the
default. ``\{{`` stands for two braces as they are, and what only looks like a place, such as ``{{.Names}}``, stays.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from machina_desktop.core.errors import InvalidInput

NAME, HOST, ADDRESS, USER = "name", "host", "ip", "user"
OF_MACHINE = (NAME, HOST, ADDRESS, USER)
"""Places that are filled in from the machine."""
LONGEST_NAME, LONGEST_TEXT, MOST_TAGS, LONGEST_TAG = 100, 20_000, 20, 50

_PLACE = re.compile(r"\\\{\{|\{\{[ ]?([A-Za-z_][A-Za-z0-9_-]{0,63})[ ]?(?:=([^{}]{0,1000}))?\}\}")
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


@dataclass(frozen=True, kw_only=True)
class Variable:
    """A place to be filled in.

    Attributes:
        choices: All it may be; empty for any text.
    """

    name: str
    default: str = ""
    choices: tuple[str, ...] = ()

    @property
    def is_of_machine(self) -> bool:
        """Whether the machine tells what it is."""
        return self.name in OF_MACHINE


@dataclass(frozen=True, kw_only=True)
class Snippet:
    """A snippet of a team: its administrators write it, every member may use it."""

    snippet_id: str
    team_id: str
    name: str
    text: str
    description: str = ""
    tags: tuple[str, ...] = ()
    created_by: str
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, kw_only=True)
class OwnSnippet:
    """A snippet of the person at this computer; it is kept here only, and serves in every team."""

    snippet_id: str
    name: str
    text: str
    description: str = ""
    tags: tuple[str, ...] = ()
    created_at: datetime
    updated_at: datetime


AnySnippet = Snippet | OwnSnippet


def variables(text: str) -> tuple[Variable, ...]:
    """The places of a text in order, each name once; what its first place says of it holds."""
    found: dict[str, Variable] = {}
    for match in _PLACE.finditer(text):
        name, given = match[1], match[2] or ""
        if name is None:
            continue
        choices = tuple(dict.fromkeys(part.strip() for part in given.split("|"))) if "|" in given else ()
        known = Variable(name=name, default=choices[0] if choices else given.strip(), choices=choices)
        if name not in found or not (found[name].default or found[name].choices):
            found[name] = known
    return tuple(found.values())


def rendered(snippet: AnySnippet, values: Mapping[str, str]) -> str:
    """The text with every place filled in; what ``values`` do not name is its default.

    Values go in as they are, for they may be meant to hold blanks or quotes; but one with a line break or another
    control character would be a second command, and is refused.

    Raises:
        InvalidInput: E-SNIPPET-VALUE, a value is missing, is none of the choices or holds a control character; its
            ``field`` is the name of the place.
    """
    known = {each.name: _value(each, values) for each in variables(snippet.text)}
    return _PLACE.sub(lambda match: "{{" if match[1] is None else known[match[1]], snippet.text)


def _value(variable: Variable, values: Mapping[str, str]) -> str:
    value = values.get(variable.name, "") or variable.default
    if not value:
        raise _refused(variable, f"Say what {variable.name} is.")
    if variable.choices and value not in variable.choices:
        raise _refused(variable, f"{variable.name} is one of {', '.join(variable.choices)}.")
    if _CONTROLS.search(value):
        raise _refused(variable, f"{variable.name} holds a line break or another control character.")
    return value


def _refused(variable: Variable, message: str) -> InvalidInput:
    return InvalidInput(message, field=variable.name, code="E-SNIPPET-VALUE")


def of_machine(*, name: str, host: str, ip: str, user: str) -> dict[str, str]:
    """The values that a machine gives; what is empty has to be typed."""
    return {NAME: name, HOST: host, ADDRESS: ip, USER: user}


def reporting(text: str) -> str:
    r"""Commands that tell a terminal where their output begins, where it ends and with which status.

    They run in the same shell, which must be one of POSIX; the marks are those of OSC 133, and ``$?`` stays as it was.
    """
    begins = r"printf '\033]133;C\033\\'"
    ends = r"""(s=$?; printf '\033]133;D;%s\033\\' "$s"; exit "$s")"""
    return f"{{ {begins}\n{text.rstrip()}\n}}; {ends}"


def check_snippet(name: str, text: str, description: str, tags: tuple[str, ...]) -> None:
    """Whether a snippet can be kept so.

    Raises:
        InvalidInput: with the ``field`` that cannot.
    """
    if not name.strip():
        raise InvalidInput("Give the snippet a name.", field="name")
    if len(name.strip()) > LONGEST_NAME or not name.strip().isprintable():
        raise InvalidInput(f"The name has at most {LONGEST_NAME} printable characters.", field="name")
    if not text.strip():
        raise InvalidInput("Write the commands of the snippet.", field="text")
    if len(text) > LONGEST_TEXT:
        raise InvalidInput(f"A snippet has at most {LONGEST_TEXT} characters.", field="text")
    if any(_CONTROLS.match(sign) for sign in text if sign not in "\n\t"):
        raise InvalidInput("The text holds control characters.", field="text", hint="Paste it as plain text.")
    if len(description) > LONGEST_TEXT or not description.isprintable():
        raise InvalidInput("The description is one line of printable characters.", field="description")
    if len(tags) > MOST_TAGS or any(not tag.strip() or len(tag) > LONGEST_TAG or not tag.isprintable() for tag in tags):
        raise InvalidInput(f"A snippet has up to {MOST_TAGS} tags of {LONGEST_TAG} characters.", field="tags")
