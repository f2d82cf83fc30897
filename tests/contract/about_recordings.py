"""Scenarios of what a team's home hears of recordings, its rules for them, and snippets."""

from __future__ import annotations

from typing import Any

from machina_desktop.core.domain.recording import RecordingStep
from machina_desktop.core.errors import Conflict, Forbidden, InvalidInput, NotFound
from machina_desktop.core.ids import new_id
from machina_desktop.core.services import recording_policy, recordings, snippets
from machina_desktop.core.services.use_case import Request
from tests.contract.scenarios import scenario
from tests.contract.world import World

Ask = Request[Any]


async def snippet(w: World) -> str:
    ask = snippets.CreateSnippet(team_id=w.team_id, name=w.fresh("s"), text="systemctl restart {{service}}")
    return (await w.here("admin", ask)).snippet_id


async def rule(w: World) -> str:
    return (await w.here("admin", recording_policy.AddRecordingRule(team_id=w.team_id, tag=w.fresh("tag")))).rule_id


# Snippets


@scenario(snippets.ListSnippets, who="reader")
async def snippets_are_listed(w: World) -> Ask:
    await snippet(w)
    return snippets.ListSnippets(team_id=w.team_id)


@scenario(snippets.CreateSnippet)
async def a_snippet_is_written_for_the_team(w: World) -> Ask:
    return snippets.CreateSnippet(
        team_id=w.team_id, name=w.fresh("Neu "), text="echo {{name}} ☃\n", description="Says it", tags=("a", "ü")
    )


@scenario(snippets.CreateSnippet, who="member", fails=(Forbidden, "E-FORBIDDEN"))
async def a_member_writes_nothing_that_others_run(w: World) -> Ask:
    return snippets.CreateSnippet(team_id=w.team_id, name=w.fresh("s"), text="id")


@scenario(snippets.CreateSnippet, fails=(InvalidInput, "E-INPUT"))
async def a_snippet_has_a_text(w: World) -> Ask:
    return snippets.CreateSnippet(team_id=w.team_id, name=w.fresh("s"), text=" ")


@scenario(snippets.UpdateSnippet)
async def a_snippet_is_changed(w: World) -> Ask:
    return snippets.UpdateSnippet(snippet_id=await snippet(w), text="w", tags=())


@scenario(snippets.UpdateSnippet, fails=(Conflict, "E-NAME-TAKEN"))
async def two_snippets_have_two_names(w: World) -> Ask:
    await w.here("admin", snippets.CreateSnippet(team_id=w.team_id, name="Twin", text="id", snippet_id=w.fresh("x")))
    return snippets.UpdateSnippet(snippet_id=await snippet(w), name="Twin")


@scenario(snippets.DeleteSnippet)
async def a_snippet_is_removed(w: World) -> Ask:
    return snippets.DeleteSnippet(snippet_id=await snippet(w))


@scenario(snippets.DeleteSnippet, who="stranger", fails=(NotFound, "E-NOT-FOUND"))
async def a_foreign_snippet_is_not_found(w: World) -> Ask:
    return snippets.DeleteSnippet(snippet_id=await snippet(w))


@scenario(snippets.RecordSnippetRun, who="member")
async def a_snippet_was_run(w: World) -> Ask:
    return snippets.RecordSnippetRun(
        team_id=w.team_id, snippet_id=await snippet(w), machine_ids=(await w.machine(), await w.machine())
    )


@scenario(snippets.RecordSnippetRun, fails=(NotFound, "E-NOT-FOUND"))
async def a_snippet_that_is_none_was_not_run(w: World) -> Ask:
    return snippets.RecordSnippetRun(team_id=w.team_id, snippet_id=new_id("snippet"), machine_ids=())


# Recordings


@scenario(recordings.NoteRecording, who="member")
async def a_recording_has_begun(w: World) -> Ask:
    return recordings.NoteRecording(
        team_id=w.team_id,
        machine_id=await w.machine(),
        recording_id=new_id("recording"),
        step=RecordingStep.STARTED,
    )


@scenario(recordings.NoteRecording, who="reader", fails=(Forbidden, "E-FORBIDDEN"))
async def who_only_reads_records_nothing(w: World) -> Ask:
    return recordings.NoteRecording(
        team_id=w.team_id, machine_id=await w.machine(), recording_id=new_id("recording"), step=RecordingStep.ENDED
    )


@scenario(recording_policy.ListRecordingRules, who="reader")
async def rules_of_recordings_are_listed(w: World) -> Ask:
    await rule(w)
    return recording_policy.ListRecordingRules(team_id=w.team_id)


@scenario(recording_policy.AddRecordingRule)
async def recordings_are_required(w: World) -> Ask:
    return recording_policy.AddRecordingRule(team_id=w.team_id, tag=w.fresh("env:"), has_input=True)


@scenario(recording_policy.AddRecordingRule, who="member", fails=(Forbidden, "E-FORBIDDEN"))
async def a_member_requires_no_recordings(w: World) -> Ask:
    return recording_policy.AddRecordingRule(team_id=w.team_id, tag="env:prod")


@scenario(recording_policy.RemoveRecordingRule)
async def recordings_are_required_no_more(w: World) -> Ask:
    return recording_policy.RemoveRecordingRule(rule_id=await rule(w))
