"""Shells that tmux or GNU screen keep on a machine: they go on while nobody is connected."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from enum import StrEnum

from machina_desktop.core.errors import InvalidInput

LONGEST_NAME = 60
# tmux parts names of sessions, windows and panes with : and ., and reads what follows # as a format; screen takes a
# point for the end of a process number.
_PARTING = frozenset(":.#")
# What tmux reads as a format; before [ it leaves them as they are.
_HASHES = re.compile(r"#+(?![#\[])")
# Of a name alone, screen takes the beginning of another one too.
_SCREEN = (
    "name={}; export name; "
    """found=$(screen -ls | awk -F'\\t' '{{ at = index($2, "."); """
    """if (at && substr($2, at + 1) == ENVIRON["name"]) {{ print $2; exit }} }}'); """
    """if [ "$found" ]; then exec screen -U -x "$found"; else exec screen -U -S "$name"; fi"""
)


class Keeper(StrEnum):
    """The program that keeps a shell."""

    TMUX = "tmux"
    SCREEN = "screen"


@dataclass(frozen=True, kw_only=True)
class KeptShell:
    """A session of a keeper, by its name; the same one each time that somebody comes back to it."""

    keeper: Keeper
    name: str

    @property
    def command(self) -> str:
        """What brings one to it, for a login shell of any kind; a session that is not there is begun."""
        if self.keeper is Keeper.TMUX:
            name = _HASHES.sub(lambda found: found[0] * 2, self.name)
            attach = f"exec tmux -u new-session -A -s {shlex.quote(name)}"
        else:
            attach = _SCREEN.format(shlex.quote(self.name))
        # Where it lies is often told only to login shells.
        return f"exec sh -lc {shlex.quote(attach)}"


@dataclass(frozen=True, kw_only=True)
class KeptSession:
    """A session that a machine has.

    Attributes:
        kept: What brings one to it.
        windows: How many windows are in it; 0 where its keeper does not tell.
        is_attached: Somebody is connected to it.
    """

    kept: KeptShell
    windows: int = 0
    is_attached: bool = False


@dataclass(frozen=True, kw_only=True)
class KeptSessions:
    """What a machine keeps and can keep.

    Attributes:
        keepers: The programs it has for that, the better one first.
        sessions: By name.
    """

    keepers: tuple[Keeper, ...] = ()
    sessions: tuple[KeptSession, ...] = ()


def check_kept_name(name: str) -> str:
    """The name of a new session, without blanks around it.

    Raises:
        InvalidInput: its keeper would take it for something else.
    """
    name = name.strip()
    if not name:
        raise InvalidInput("Give the session a name.", field="name")
    if len(name) > LONGEST_NAME or not name.isprintable() or name[0] in "-=@$%" or _PARTING & set(name):
        raise InvalidInput(
            f"A name has up to {LONGEST_NAME} letters, digits, blanks, - and _, and begins with a letter or digit.",
            field="name",
        )
    return name
