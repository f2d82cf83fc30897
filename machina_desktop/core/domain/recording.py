"""Recordings of terminals: what is recorded, by whose wish, and what is known of each recording."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class RecordingPolicy(StrEnum):
    """What a person wants for the terminals of one machine."""

    OFF = "off"
    ASK = "ask"
    ON = "on"


class RecordingState(StrEnum):
    """RECORDING leads to COMPLETE, or to INTERRUPTED when the program that recorded is gone."""

    RECORDING = "recording"
    COMPLETE = "complete"
    INTERRUPTED = "interrupted"


class RecordingForm(StrEnum):
    """What a recording is exported as: asciicast v2, or the text that could be read."""

    CAST = "cast"
    TEXT = "text"


class RecordingStep(StrEnum):
    """What the audit trail tells of a recording."""

    STARTED = "started"
    ENDED = "ended"
    EXPORTED = "exported"
    DELETED = "deleted"


@dataclass(frozen=True, kw_only=True)
class RecordingChoice:
    """What the person at this computer wants for one machine; known here only.

    Attributes:
        has_input: What is typed is kept, too, as far as the terminal showed it.
    """

    machine_id: str
    team_id: str
    policy: RecordingPolicy
    has_input: bool = False


@dataclass(frozen=True, kw_only=True)
class RecordingRule:
    """Terminals of a team's machines with that tag are always recorded; an empty tag stands for every machine.

    Attributes:
        tag: In whatever case, such as ``env:prod``.
        has_input: What is typed is kept, too, as far as the terminal showed it.
    """

    rule_id: str
    team_id: str
    tag: str
    has_input: bool = False
    created_by: str
    created_at: datetime

    def is_about(self, tags: tuple[str, ...]) -> bool:
        """Whether it holds for a machine with these tags."""
        return not self.tag or self.tag.casefold() in {tag.casefold() for tag in tags}


@dataclass(frozen=True, kw_only=True)
class RecordingDecision:
    """What holds for a terminal on one machine.

    Attributes:
        rule: The rule of the team that requires it; ``None`` where the person decides.
    """

    machine_id: str
    policy: RecordingPolicy
    has_input: bool
    rule: RecordingRule | None = None


def decided(
    machine_id: str, tags: tuple[str, ...], choice: RecordingChoice | None, rules: tuple[RecordingRule, ...]
) -> RecordingDecision:
    """Rules of the team come first; a person may record more than these ask for, never less."""
    own_policy = RecordingPolicy.OFF if choice is None else choice.policy
    wants_input = choice is not None and choice.has_input
    required = [rule for rule in rules if rule.is_about(tags)]
    if not required:
        return RecordingDecision(machine_id=machine_id, policy=own_policy, has_input=wants_input)
    rule = max(required, key=lambda each: (each.has_input, each.tag != "", each.created_at))
    return RecordingDecision(
        machine_id=machine_id, policy=RecordingPolicy.ON, has_input=wants_input or rule.has_input, rule=rule
    )


@dataclass(frozen=True, kw_only=True)
class Recording:
    """One terminal from its beginning to its end, as this computer has it.

    Attributes:
        number: Of its lines in the index; 0 while there are none.
        tag: The tag of the team's rule that required it, ``*`` for every machine; empty where a person wanted it.
        columns, rows: The size of the terminal at its beginning.
        size_bytes: Of both files.
        line_count: Lines of its text.
        left_out_bytes: What arrived faster than the disk took it, or after the recording had its full length.
        sha256: Of the asciicast file, hex; empty before the end.
        exit_status: Of the shell; ``None`` where it told none.
        holder: The process that records, as the system knows it.
        is_noted: The team's home knows that it began.
    """

    recording_id: str
    team_id: str
    machine_id: str
    machine_name: str
    terminal_id: str
    user_id: str
    user_name: str
    title: str
    tag: str = ""
    has_input: bool = False
    state: RecordingState
    began_at: datetime
    columns: int
    rows: int
    duration_ms: int = 0
    size_bytes: int = 0
    line_count: int = 0
    left_out_bytes: int = 0
    sha256: str = ""
    exit_status: int | None = None
    number: int = 0
    holder: str = ""
    is_noted: bool = True


@dataclass(frozen=True, kw_only=True)
class RecordedLine:
    """A line of a recording's text, and when its first part was on the screen, in ms from the beginning."""

    at_ms: int
    text: str


@dataclass(frozen=True, kw_only=True)
class FoundLine:
    """A line that was looked for.

    Attributes:
        line: Its number, 0 for the first.
        spans: Flat ``(start, end, …)`` of what was found in ``text``.
    """

    recording: Recording
    line: int
    at_ms: int
    text: str
    spans: tuple[int, ...] = ()


@dataclass(frozen=True, kw_only=True)
class RecordingFiles:
    """A recording and where its files lie.

    Attributes:
        text: Empty until it has ended.
    """

    recording: Recording
    cast: str
    text: str


LONGEST_TITLE = 200


def clean_title(text: str) -> str:
    """What a terminal calls itself, fit to be kept: any program on the machine may have written it."""
    return "".join(sign for sign in text if sign.isprintable())[:LONGEST_TITLE]


def superfluous(recordings: Sequence[Recording], *, since: datetime | None, room_bytes: int) -> list[Recording]:
    """Those that began before ``since``, and then the oldest for as long as the rest takes more than there is room.

    ``recordings`` come oldest first; no ``since`` and no room (0) mean no limit.
    """
    going = [each for each in recordings if since is not None and each.began_at < since]
    left = recordings[len(going) :]
    size = sum(each.size_bytes for each in left)
    for each in left:
        if not room_bytes or size <= room_bytes:
            break
        going.append(each)
        size -= each.size_bytes
    return going
