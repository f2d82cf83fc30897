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
    RecordingState,
)
from machina_desktop.core.domain.snippet import OwnSnippet, Snippet
from machina_desktop.core.ids import now
from machina_desktop.core.services import recording_policy, recordings, snippets
from tests.fakes.rows import ACTOR_ID, TEAM_ID

_MADE = (
    ("web-1", "systemctl restart app", 754, 0, RecordingState.COMPLETE),
    ("db-1", "pg_dump nightly", 3720, 0, RecordingState.COMPLETE),
    ("worker-2", "apt upgrade", 96, 100, RecordingState.INTERRUPTED),
)
_LINE = "[error] connect() failed (111: Connection refused) while connecting to upstream"


def recording_rows() -> tuple[object, ...]:
    """A recording of each kind, newest first, and some snippets."""
    return (*_recordings(), *_own_snippets(), *_team_snippets())


def _recordings() -> tuple[Recording, ...]:
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


def _own_snippets() -> tuple[OwnSnippet, ...]:
    at = now()
    texts = (
        ("Disk usage", "du -xh {{path=/var}} | tail -n {{count=20}}", "path, count"),
        ("Follow a unit", "journalctl -fu {{unit=nginx}}", "unit"),
    )
    return tuple(
        OwnSnippet(
            snippet_id=f"own-{number}",
            name=name,
            text=text,
            description=description,
            tags=("ops",),
            created_at=at,
            updated_at=at,
        )
        for number, (name, text, description) in enumerate(texts)
    )


def _team_snippets() -> tuple[Snippet, ...]:
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


def recording_answers(rows: Callable[[type[Any]], list[Any]]) -> dict[type[Any], Callable[[Any], object]]:
    """What the pages of recordings and snippets ask when they are shown; ``rows`` are all of a class."""

    def listed(ask: recordings.ListRecordings) -> tuple[Recording, ...]:
        found = (row for row in rows(Recording) if ask.search.casefold() in f"{row.machine_name} {row.title}")
        return tuple(sorted(found, key=lambda row: row.began_at, reverse=True))

    return {
        recordings.ListRecordings: listed,
        recordings.SearchRecordings: lambda ask: tuple(
            FoundLine(recording=row, line=3, at_ms=15_000, text=_LINE) for row in rows(Recording) if ask.text
        ),
        recordings.TidyRecordings: lambda _ask: 0,
        recording_policy.ListRecordingRules: lambda _ask: (),
        recording_policy.DecideRecording: lambda ask: RecordingDecision(
            machine_id=ask.machine_id, policy=RecordingPolicy.OFF, has_input=False
        ),
        snippets.ListOwnSnippets: lambda _ask: tuple(rows(OwnSnippet)),
        snippets.ListSnippets: lambda _ask: tuple(rows(Snippet)),
    }
