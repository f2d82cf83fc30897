"""Believable recordings and snippets for the window's fake gateway."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from machina_desktop.core.domain.recording import (
    FoundLine,
    Recording,
    RecordingDecision,
    RecordingPolicy,
    RecordingRule,
    RecordingState,
)
from machina_desktop.core.domain.snippet import OwnSnippet, Snippet
from machina_desktop.core.ids import now
from machina_desktop.core.services import recordings, snippets
from tests.fakes.rows import ACTOR_ID, TEAM_ID

_MADE = (
    ("web-1", "systemctl restart app", 754, 0, RecordingState.COMPLETE),
    ("db-1", "pg_dump nightly", 3720, 0, RecordingState.COMPLETE),
    ("worker-2", "apt upgrade", 96, 100, RecordingState.INTERRUPTED),
)
_LINE = "[error] connect() failed (111: Connection refused) while connecting to upstream"


def recording_rows() -> tuple[Recording, ...]:
    """A recording of each kind, newest first."""
    return tuple(
        Recording(
            recording_id=f"recording-{number}",
            team_id=TEAM_ID,
            machine_id="machine-1",
            machine_name=machine,
            terminal_id="terminal-1",
            user_id=ACTOR_ID,
            user_name="Ada Lovelace",
            title=title,
            state=state,
            began_at=now() - timedelta(hours=7 * number + 1),
            columns=120,
            rows=30,
            duration_ms=seconds * 1000,
            size_bytes=seconds * 3100,
            sha256="0" * 64,
            exit_status=status,
        )
        for number, (machine, title, seconds, status, state) in enumerate(_MADE)
    )


def own_snippets() -> tuple[OwnSnippet, ...]:
    """Two of the person's own."""
    at = now()
    texts = (
        ("Disk usage", "du -xh {{path=/var}} | tail -n {{count=20}}"),
        ("Follow a unit", "journalctl -fu {{unit=nginx}}"),
    )
    return tuple(
        OwnSnippet(snippet_id=f"own-{number}", name=name, text=text, tags=("ops",), created_at=at, updated_at=at)
        for number, (name, text) in enumerate(texts)
    )


def team_snippets() -> tuple[Snippet, ...]:
    """One of the team's."""
    at = now()
    return (
        Snippet(
            snippet_id="snippet-1",
            team_id=TEAM_ID,
            name="Deploy release",
            text="git checkout {{release}}\nsystemctl restart app@{{env=staging|production}}",
            created_by=ACTOR_ID,
            created_at=at,
            updated_at=at,
        ),
    )


def recording_answers() -> dict[type[Any], Callable[[Any], object]]:
    """What the pages of recordings and snippets ask when they are shown."""
    rule = RecordingRule(rule_id="rule-1", team_id=TEAM_ID, tag="env:prod", created_by=ACTOR_ID, created_at=now())
    return {
        recordings.ListRecordings: lambda ask: tuple(
            row for row in recording_rows() if ask.search.casefold() in f"{row.machine_name} {row.title}"
        ),
        recordings.SearchRecordings: lambda ask: tuple(
            FoundLine(recording=row, line=3, at_ms=15_000, text=_LINE) for row in recording_rows() if ask.text
        ),
        recordings.TidyRecordings: lambda _ask: 0,
        recordings.ListRecordingRules: lambda _ask: (rule,),
        recordings.DecideRecording: lambda ask: RecordingDecision(
            machine_id=ask.machine_id, policy=RecordingPolicy.OFF, has_input=False
        ),
        snippets.ListOwnSnippets: lambda _ask: own_snippets(),
        snippets.ListSnippets: lambda _ask: team_snippets(),
    }
