"""What a feed tells the view, apart from what can be read of the screen."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Bell:
    """The program rang."""


@dataclass(frozen=True, kw_only=True)
class TitleChanged:
    """The program named its window. ``title``: at most 256 characters, none of them a control character."""

    title: str


@dataclass(frozen=True, kw_only=True)
class CwdChanged:
    """The shell says where it is (OSC 7). ``cwd``: a ``file:`` address, unchecked."""

    cwd: str


@dataclass(frozen=True, kw_only=True)
class ClipboardAsked:
    """The program would like to set the clipboard (OSC 52); nothing has been done, and it is never told the answer."""

    text: str


@dataclass(frozen=True, kw_only=True)
class CommandStarted:
    """The output of a command begins (OSC 133 C)."""


@dataclass(frozen=True, kw_only=True)
class CommandEnded:
    """A command has ended (OSC 133 D). ``exit_code``: None if the shell did not say."""

    exit_code: int | None


@dataclass(frozen=True, kw_only=True)
class Notified:
    """The program asks for attention (OSC 9). ``text``: at most 256 characters, none of them a control character."""

    text: str


Told = Bell | TitleChanged | CwdChanged | ClipboardAsked | CommandStarted | CommandEnded | Notified
