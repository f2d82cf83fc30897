"""Which command lines are asked about before they run in production.

A list of patterns says so, separated by commas. A pattern is words: the first stands where the command does, the others
come after it in that order, with anything between. ``*`` stands for any characters in a word; case does not matter.
"""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Final

#: Of longer lines only the beginning is looked at.
LONGEST_LINE: Final = 4_000

_COMMANDS: Final = re.compile(r"&&|\|\|?|[;&\n]|\$\(|`")
# What may stand before the command itself.
_BEFORE: Final = frozenset(
    {"sudo", "doas", "env", "nohup", "time", "nice", "exec", "command", "then", "do", "else", "{"}
)
_OPTIONS_WITH_VALUE: Final = frozenset({"-u", "-g", "-n"})


def dangerous_part(line: str, patterns: str) -> str:
    """The command in a line that a pattern names, as it stands there; empty for none."""
    known = _parsed(patterns)
    for command in _COMMANDS.split(line[:LONGEST_LINE]):
        words = tuple(word.strip("\"'()") for word in command.casefold().split())
        words = _without_prefix(words)
        if words and any(_is_named(words, pattern) for pattern in known):
            return command.strip()
    return ""


@lru_cache(maxsize=8)
def _parsed(patterns: str) -> tuple[tuple[str, ...], ...]:
    return tuple(words for part in patterns.casefold().split(",") if (words := tuple(part.split())))


def _without_prefix(words: tuple[str, ...]) -> tuple[str, ...]:
    """Without ``sudo -u root``, ``NAME=value`` and the like before the command."""
    at, is_value = 0, False
    for at, word in enumerate(words):
        if is_value:
            is_value = False
        elif at and word in _OPTIONS_WITH_VALUE:
            is_value = True
        elif not (word in _BEFORE or re.match(r"[a-z_]\w*=", word) or (at and word.startswith("-"))):
            return (word.rpartition("/")[2] or word, *words[at + 1 :])
    return ()


def _is_named(words: tuple[str, ...], pattern: tuple[str, ...]) -> bool:
    if not fnmatchcase(words[0], pattern[0]):
        return False
    rest = iter(words[1:] if pattern[0] != "*" else words)
    return all(any(fnmatchcase(word, wanted) for word in rest) for wanted in pattern[1:])
