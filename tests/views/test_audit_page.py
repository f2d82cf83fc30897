"""The Audit page: telling, finding, paging back, following live, verifying and exporting the trail."""

from __future__ import annotations

import asyncio
import stat
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QComboBox, QFileDialog, QTableView
from pytestqt.qtbot import QtBot

from machina_desktop.core.domain.audit import AuditEvent, AuditOutcome, ChainReport
from machina_desktop.core.domain.key import SSHKey
from machina_desktop.core.domain.machine import Machine
from machina_desktop.core.errors import Unavailable
from machina_desktop.core.services.audit import AuditExport, ExportAudit, ListAuditEvents, VerifyAudit
from machina_desktop.core.services.machines import RebootMachine
from machina_desktop.views import remembered
from machina_desktop.views.apps.audit import AuditPage
from machina_desktop.views.apps.audit_detail import AuditDetail
from machina_desktop.views.apps.audit_export import ExportAuditDialog
from machina_desktop.views.apps.audit_list import PAGE
from machina_desktop.views.callout import Callout
from tests.fakes.people_rows import events, people_rows
from tests.fakes.rows import ACTOR_ID, TEAM_ID, team_rows
from tests.fakes.stage import Stage, stage_with, turn, until

MACHINE = "machine-" + "0" * 26


@pytest.fixture
async def stage(qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stage]:
    monkeypatch.setenv("MACHINA_HOME", str(tmp_path / "home"))
    async with stage_with((*team_rows(machines=6, runs=6), *people_rows())) as made:
        made.gateway.put(replace(made.gateway.all(Machine)[0], machine_id=MACHINE, name="db-main"))
        yield made


@pytest.fixture
async def page(stage: Stage) -> AuditPage:
    made = stage.show(AuditPage(stage.bridge, stage.window))
    await until(lambda: made.list.model.rowCount() == 30 and made.list.filters.state() == {})
    return made


def cell(page: AuditPage, row: int, column: str) -> str:
    model = page.list.model
    return next(each for each in model.columns if each.key == column).words(model.record(row))


def choose(stage: Stage, name: str, value: str) -> None:
    combo = stage.find(QComboBox, name)
    assert combo.findData(value) >= 0, f"{name} does not offer {value}"
    combo.setCurrentIndex(combo.findData(value))


def event(number: int, **fields: object) -> AuditEvent:
    made = replace(events(1)[0], audit_event_id=f"audit-{number:04}", seq=number)
    return replace(made, **fields)  # type: ignore[arg-type]


async def test_events_are_told_in_words_the_newest_first(page: AuditPage) -> None:
    assert [page.list.model.record(row).seq for row in range(3)] == [30, 29, 28]
    refused = next(row for row in range(30) if page.list.model.record(row).outcome is AuditOutcome.REFUSED)
    assert cell(page, refused, "deed") == "Destroy a machine"
    assert cell(page, refused, "outcome") == "refused"
    assert cell(page, refused, "detail") == "E-FORBIDDEN"
    assert cell(page, refused, "who") == page.list.model.record(refused).actor_name


async def test_things_are_called_by_their_names(stage: Stage, page: AuditPage) -> None:
    row = next(row for row in range(30) if page.list.model.record(row).action == "ssh_key.generate")
    await until(lambda: cell(page, row, "target") == "laptop")
    row = next(row for row in range(30) if page.list.model.record(row).action == "member.update")
    assert cell(page, row, "target") == "Linus Pauling"


async def test_the_header_counts_them_all(page: AuditPage) -> None:
    assert page.list.header._count.text() == "30"


async def test_person_action_and_outcome_are_asked_of_the_core(stage: Stage, page: AuditPage) -> None:
    choose(stage, "audit.filter.actor", "user-02grace")
    choose(stage, "audit.filter.action", "machine")
    choose(stage, "audit.filter.outcome", "refused")
    choose(stage, "audit.filter.period", "week")
    await turn()
    ask = stage.gateway.asked_of(ListAuditEvents)[-1]
    assert (ask.actor_id, ask.action, ask.outcome) == ("user-02grace", "machine", AuditOutcome.REFUSED)
    assert ask.since is not None
    assert remembered.recall("audit") == {
        "actor": "user-02grace",
        "action": "machine",
        "outcome": "refused",
        "period": "week",
    }


async def test_a_remembered_person_is_filtered_by_once_the_people_are_known(stage: Stage) -> None:
    remembered.remember("audit", {"actor": "user-02grace"})
    page = stage.show(AuditPage(stage.bridge, stage.window))
    await until(lambda: page.list.filters.state() == {"actor": "user-02grace"})
    await until(lambda: page.list.model.rowCount() == 6)
    assert {each.actor_id for each in page.list.model.records()} == {"user-02grace"}


async def test_two_days_can_be_named(stage: Stage, page: AuditPage) -> None:
    assert not stage.has("audit.from")
    choose(stage, "audit.filter.period", "range")
    await until(lambda: stage.gateway.asked_of(ListAuditEvents)[-1].since is not None)
    assert stage.has("audit.from")
    ask = stage.gateway.asked_of(ListAuditEvents)[-1]
    assert (ask.since, ask.until) == page.days.bounds()


async def test_a_thing_is_found_by_its_name_though_the_trail_knows_only_ids(stage: Stage, page: AuditPage) -> None:
    stage.type_into("audit.search", "DB-main")
    await until(lambda: stage.gateway.asked_of(ListAuditEvents)[-1].entity == f"machine:{MACHINE}")
    assert stage.gateway.asked_of(ListAuditEvents)[-1].search == ""


async def test_other_words_are_searched_in_the_trail_and_nothing_found_offers_a_way_back(
    stage: Stage, page: AuditPage
) -> None:
    stage.type_into("audit.search", "zzz")
    await until(lambda: stage.has("audit.unmatched"))
    assert stage.gateway.asked_of(ListAuditEvents)[-1].search == "zzz"
    page.list.unmatched.activated.emit()
    await until(lambda: page.list.model.rowCount() == 30)


async def test_older_pages_follow_as_one_scrolls(stage: Stage) -> None:
    for row in events(5200):
        stage.gateway.rows[AuditEvent][row.audit_event_id] = row
    page = stage.show(AuditPage(stage.bridge, stage.window))
    await until(lambda: page.list.model.rowCount() == PAGE)
    assert page.list.header._count.text() == "5200"
    bar = page.list.table.verticalScrollBar()
    while page.list.has_older():
        bar.setValue(bar.maximum())
        await turn(2)
    assert [each.seq for each in page.list.model.records()] == list(range(5200, 0, -1))
    assert page.list.model.row_of("audit-0001") == 5199


async def test_a_new_event_comes_on_top_and_what_is_looked_at_stays(stage: Stage, page: AuditPage) -> None:
    stage.window.inspect("audit_event", "audit-0030")
    page.list.table.select_key("audit-0010")
    bar = page.list.table.verticalScrollBar()
    bar.setValue(200)
    stage.gateway.rows[AuditEvent]["audit-0031"] = event(31)
    stage.gateway.put(stage.gateway.all(SSHKey)[0])
    await until(lambda: page.list.model.rowCount() == 31)
    assert page.list.model.record(0).seq == 31
    assert page.list.table.selected_keys() == ("audit-0010",)
    assert bar.value() == 240


async def test_selecting_a_row_opens_the_sidekick(stage: Stage, page: AuditPage) -> None:
    page.list.table.setFocus(Qt.FocusReason.TabFocusReason)
    QTest.keyClick(page.list.table, Qt.Key.Key_Down)
    assert stage.window.inspected[-1] == ("audit_event", page.list.table.selection.current_key())


async def test_a_place_shows_what_one_person_did(stage: Stage, page: AuditPage) -> None:
    page.go_to("user-03linus")
    await until(lambda: page.list.model.rowCount() == 6)
    assert page.list.filters.state() == {"actor": "user-03linus"}
    page.go_to("nowhere")
    assert page.list.filters.state() == {"actor": "user-03linus"}


async def test_a_whole_chain_is_told_with_its_length(stage: Stage, page: AuditPage) -> None:
    stage.press("audit.verify")
    await until(lambda: stage.has("audit.sound"))
    assert stage.find(Callout, "audit.sound").title() == "The chain is whole: 30 events verified."
    stage.press("audit.sound.dismiss")
    assert not stage.has("audit.sound")


async def test_the_first_broken_event_is_named_and_can_be_shown(stage: Stage, page: AuditPage) -> None:
    stage.gateway.answers[VerifyAudit] = lambda _ask: ChainReport(events=30, broken_at=12, problem="…")
    stage.press("audit.verify")
    await until(lambda: stage.has("audit.broken"))
    remark = stage.find(Callout, "audit.broken")
    assert remark.title() == "Event 12 was altered."
    assert "The 11 events before it are sound." in remark.accessibleDescription()
    stage.press("audit.show_broken")
    assert stage.window.inspected == [("audit_event", "audit-0012")]


async def test_a_missing_event_is_told_and_cannot_be_shown(stage: Stage, page: AuditPage) -> None:
    stage.gateway.remove(AuditEvent, "audit-0012")
    stage.gateway.answers[VerifyAudit] = lambda _ask: ChainReport(events=29, broken_at=12, problem="…")
    stage.press("audit.verify")
    await until(lambda: stage.has("audit.broken"))
    assert stage.find(Callout, "audit.broken").title() == "Event 12 is missing."
    assert not stage.has("audit.show_broken")


async def test_a_verification_that_fails_says_so(stage: Stage, page: AuditPage) -> None:
    def refuse(_ask: VerifyAudit) -> ChainReport:
        raise Unavailable("The database is busy.")

    stage.gateway.answers[VerifyAudit] = refuse
    stage.press("audit.verify")
    await until(lambda: stage.has("audit.broken"))
    assert stage.find(Callout, "audit.broken").title() == "The database is busy."


async def begin_export(stage: Stage, path: Path) -> None:
    stage.press("audit.export")
    stage.press("export_audit.choose")
    stage.find(QFileDialog, "export_audit.files").fileSelected.emit(str(path))


def parts(folder: Path) -> list[str]:
    """What is in the folder besides the window's own."""
    return sorted(each.name for each in folder.iterdir() if each.name != "home")


async def test_every_page_is_written_and_only_its_owner_can_read_it(
    stage: Stage, page: AuditPage, tmp_path: Path
) -> None:
    stage.gateway.answers[ExportAudit] = lambda ask: AuditExport(
        text=f"{ask.after}\r\n", after=ask.after + 10, is_last=ask.after == 20
    )
    await begin_export(stage, tmp_path / "trail.csv")
    await until(lambda: stage.window.notices)
    assert (tmp_path / "trail.csv").read_bytes() == b"0\r\n10\r\n20\r\n"
    assert stat.S_IMODE((tmp_path / "trail.csv").stat().st_mode) == 0o600
    assert parts(tmp_path) == ["trail.csv"]
    assert stage.window.notices == [("success", "The audit trail is written to trail.csv")]


async def test_an_export_keeps_to_the_filters(stage: Stage, page: AuditPage, tmp_path: Path) -> None:
    choose(stage, "audit.filter.outcome", "failed")
    await begin_export(stage, tmp_path / "failed.csv")
    await until(lambda: stage.window.notices)
    (ask,) = stage.gateway.asked_of(ExportAudit)
    assert (ask.team_id, ask.outcome) == (TEAM_ID, AuditOutcome.FAILED)
    lines = (tmp_path / "failed.csv").read_text().splitlines()
    assert len(lines) == 5
    assert all(line.endswith("provider_account.add") for line in lines)


async def test_a_cancelled_export_leaves_nothing(stage: Stage, page: AuditPage, tmp_path: Path) -> None:
    stage.gateway.answers[ExportAudit] = lambda _ask: asyncio.sleep(3600)
    await begin_export(stage, tmp_path / "trail.csv")
    await until(lambda: parts(tmp_path) == ["trail.csv.part"])
    stage.press("export_audit.cancel")
    await until(lambda: parts(tmp_path) == [])
    assert stage.window.notices == []


async def test_a_folder_that_cannot_be_written_is_told_in_the_dialog(
    stage: Stage, page: AuditPage, tmp_path: Path
) -> None:
    await begin_export(stage, tmp_path / "missing" / "trail.csv")
    await until(lambda: "cannot be written" in stage.find(ExportAuditDialog, "export_audit")._error.text())
    assert stage.find(QComboBox, "export_audit.format").isEnabled()
    assert parts(tmp_path) == []


async def test_a_refused_list_offers_to_try_again(stage: Stage, page: AuditPage) -> None:
    before = stage.gateway.answers[ListAuditEvents]

    def refuse(_ask: ListAuditEvents) -> tuple[AuditEvent, ...]:
        raise Unavailable("The database is busy.")

    stage.gateway.answers[ListAuditEvents] = refuse
    page.list.refresh()
    await until(page.list.states.error.isVisible)
    stage.gateway.answers[ListAuditEvents] = before
    page.list.states.error.retried.emit()
    await until(lambda: stage.find(QTableView, "audit.table").isVisible())


@pytest.fixture
async def detail(stage: Stage) -> AuditDetail:
    made = event(
        31, audit_event_id="audit-thing", action="machine.reboot", target=f"machine:{MACHINE}", actor_id=ACTOR_ID
    )
    stage.gateway.rows[AuditEvent][made.audit_event_id] = made
    shown = stage.show(AuditDetail(stage.bridge, stage.window, "audit-thing"), width=360)
    await until(lambda: stage.has("audit_event.thing") and stage.has("audit_event.who"))
    return shown


async def test_the_detail_leads_to_the_thing_the_person_and_all_they_did(stage: Stage, detail: AuditDetail) -> None:
    assert detail.title == "Reboot a machine"
    stage.press("audit_event.thing.open")
    stage.press("audit_event.who.open")
    assert stage.window.inspected == [("machine", MACHINE), ("member", "member-01")]
    stage.press("audit_event.all")
    assert stage.window.places == [("audit", ACTOR_ID)]


async def test_what_was_refused_says_that_nothing_was_changed(stage: Stage) -> None:
    refused = next(each for each in stage.gateway.all(AuditEvent) if each.outcome is AuditOutcome.REFUSED)
    shown = stage.show(AuditDetail(stage.bridge, stage.window, refused.audit_event_id), width=360)
    await until(lambda: shown.title == "Destroy a machine")
    assert "Nothing was changed" in shown._meaning.text()
    # It was asked for by a name that no thing has.
    assert not stage.has("audit_event.thing")
    assert stage.gateway.asked_of(RebootMachine) == []
