"""The log takes whatever comes, follows its end until asked not to, and finds things."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QGuiApplication
from pytestqt.qtbot import QtBot

from machina_desktop.core.domain.log_line import LogLevel, LogLine
from machina_desktop.core.errors import Unavailable
from machina_desktop.views.models.log_model import LogModel, LogSearch
from machina_desktop.views.widgets.log_canvas import FRAME_MS, ROW_HEIGHT
from machina_desktop.views.widgets.log_view import LogView

START = datetime(2026, 1, 1, tzinfo=UTC)


def _lines(count: int, *, phase: str = "apply", text: str = "line") -> list[LogLine]:
    return [
        LogLine(at=START + timedelta(seconds=number), phase=phase, text=f"{text} {number}") for number in range(count)
    ]


def _error(text: str = "it failed") -> LogLine:
    return LogLine(at=START, phase="apply", level=LogLevel.ERROR, text=text)


@pytest.fixture
def view(qtbot: QtBot) -> LogView:
    made = LogView(name="Log of web-1")
    qtbot.addWidget(made)
    made.resize(800, 400)
    made.show()
    qtbot.waitExposed(made)
    made.activateWindow()
    return made


def _scroll(view: LogView) -> int:
    return view.canvas.verticalScrollBar().value()


def _is_at_the_end(view: LogView) -> bool:
    return _scroll(view) == view.canvas.verticalScrollBar().maximum() > 0


class TestModel:
    def test_phases_become_sections_with_headings(self) -> None:
        model = LogModel()
        model.append_lines(_lines(2, phase="init"))
        model.append_lines([*_lines(3, phase="plan"), _error()])
        assert [(section.phase, section.count, section.errors) for section in model.sections] == [
            ("init", 2, 0),
            ("plan", 3, 0),
            ("apply", 1, 1),
        ]
        assert model.row_count() == 3 + 6
        assert [model.row(row).line for row in range(9)] == [-1, 0, 1, -1, 2, 3, 4, -1, 5]

    def test_a_folded_section_is_one_row(self) -> None:
        model = LogModel()
        model.append_lines([*_lines(2, phase="init"), *_lines(3, phase="plan")])
        model.set_folded(model.sections[0], True)
        assert [model.row(row).line for row in range(model.row_count())] == [-1, -1, 2, 3, 4]
        assert model.row_of_line(1) == 0
        assert model.row_of_line(4) == 4
        model.append_lines(_lines(1, phase="plan"))
        assert model.row(5).line == 5

    def test_text_of_every_language_comes_back_as_it_was(self) -> None:
        model = LogModel()
        texts = ["plain", "grüße 日本 🚀", "", "lone \ud800 half"]
        model.append_lines([LogLine(at=START, phase="plan", text=text) for text in texts])
        assert model.texts(0, 2) == texts[:3]
        assert model.text(1) == texts[1]
        assert model.text(3) == "lone ? half"

    def test_clearing_forgets_everything(self) -> None:
        model = LogModel()
        model.append_lines([_error()])
        model.clear()
        assert (model.line_count(), model.row_count(), len(model.error_lines())) == (0, 0, 0)

    def test_a_search_goes_on_where_it_stopped(self) -> None:
        model = LogModel()
        search = LogSearch(model)
        model.append_lines(_lines(12, text="Creating"))
        search.start("creating 1")
        assert not search.step()
        assert list(search.matches) == [1, 10, 11]
        model.append_lines(_lines(2, text="Creating"))
        search.step()
        assert list(search.matches) == [1, 10, 11, 13]


class TestFollowing:
    def test_it_stays_at_the_end(self, view: LogView, qtbot: QtBot) -> None:
        view.append_lines(_lines(500))
        qtbot.waitUntil(lambda: _is_at_the_end(view))
        view.append_lines(_lines(500))
        qtbot.waitUntil(lambda: _is_at_the_end(view) and _scroll(view) > 900)

    def test_scrolling_up_stops_it_and_the_pill_brings_it_back(self, view: LogView, qtbot: QtBot) -> None:
        view.append_lines(_lines(500))
        qtbot.waitUntil(lambda: _is_at_the_end(view))
        view.canvas.verticalScrollBar().setValue(100)
        view.append_lines(_lines(500))
        qtbot.waitUntil(lambda: view.canvas.verticalScrollBar().maximum() > 900)
        assert _scroll(view) == 100
        assert view._follow.isVisible()
        view._follow.click()
        assert _is_at_the_end(view)
        assert not view._follow.isVisible()

    def test_scrolling_back_down_follows_again(self, view: LogView, qtbot: QtBot) -> None:
        view.append_lines(_lines(500))
        qtbot.waitUntil(lambda: _is_at_the_end(view))
        view.canvas.verticalScrollBar().setValue(100)
        view.canvas.verticalScrollBar().setValue(view.canvas.verticalScrollBar().maximum())
        assert view.canvas.is_following()


def test_many_batches_are_painted_once_per_frame(view: LogView, qtbot: QtBot) -> None:
    view.append_lines(_lines(10))
    qtbot.waitUntil(lambda: not view.canvas._frame.isActive())
    before, start = view.canvas.frames, time.monotonic()
    for _ in range(100):
        view.append_lines(_lines(10))
        qtbot.wait(1)
    elapsed_ms = (time.monotonic() - start) * 1000
    assert 0 < view.canvas.frames - before <= elapsed_ms / FRAME_MS + 2


def test_ten_thousand_lines_are_taken_within_a_tenth_of_a_second(view: LogView) -> None:
    lines = _lines(10_000)
    best = min(_seconds_to_append(view, lines) for _ in range(3))
    assert best < 0.1


def _seconds_to_append(view: LogView, lines: list[LogLine]) -> float:
    start = time.thread_time()
    view.append_lines(lines)
    return time.thread_time() - start


class TestFinding:
    def test_matches_are_counted_and_walked_in_a_circle(self, view: LogView, qtbot: QtBot) -> None:
        view.append_lines(_lines(300))
        view.search.setText("LINE 29")
        qtbot.waitUntil(lambda: view._count.text() == "1 of 11")
        assert view.canvas.current_line == 29
        qtbot.keyClick(view.search, Qt.Key.Key_Return)
        assert (view.canvas.current_line, view._count.text()) == (290, "2 of 11")
        qtbot.keyClick(view.search, Qt.Key.Key_Return, Qt.KeyboardModifier.ShiftModifier)
        view.previous_match()
        assert view.canvas.current_line == 299

    def test_a_text_that_is_nowhere_says_so(self, view: LogView, qtbot: QtBot) -> None:
        view.append_lines(_lines(3))
        view.search.setText("nowhere")
        qtbot.waitUntil(lambda: view._count.text() == "No match")

    def test_lines_that_come_later_are_found_too(self, view: LogView, qtbot: QtBot) -> None:
        view.search.setText("needle")
        qtbot.waitUntil(lambda: view._finder.needle == "needle")
        view.append_lines(_lines(2, text="needle"))
        qtbot.waitUntil(lambda: view._count.text() == "1 of 2")

    def test_the_first_error_is_one_click_away_even_when_folded(self, view: LogView, qtbot: QtBot) -> None:
        view.append_lines(_lines(200))
        assert not view._first_error.isVisible()
        view.append_lines([_error(), *_lines(200), _error("another")])
        view.model.fold_all(True)
        view._first_error.click()
        assert view.canvas.current_line == 200
        row = view.model.row_of_line(200)
        assert _scroll(view) <= row < _scroll(view) + view.canvas.viewport().height() // ROW_HEIGHT


class TestSelecting:
    def test_dragging_selects_and_ctrl_c_copies(self, view: LogView, qtbot: QtBot) -> None:
        view.append_lines(_lines(5))
        view.canvas.set_following(True)
        left = round(view.canvas._text_left)
        port = view.canvas.viewport()
        qtbot.mousePress(port, Qt.MouseButton.LeftButton, pos=QPoint(left, ROW_HEIGHT + 5))
        end = QPoint(left + round(4 * view.canvas._advance), 2 * ROW_HEIGHT + 5)
        qtbot.mouseMove(port, end)
        qtbot.mouseRelease(port, Qt.MouseButton.LeftButton, pos=end)
        assert view.canvas.selected_text() == "line 0\nline"
        qtbot.keyClick(view.canvas, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
        assert QGuiApplication.clipboard().text() == "line 0\nline"

    def test_everything_is_selected_but_what_is_folded(self, view: LogView) -> None:
        view.append_lines([*_lines(2, phase="init"), *_lines(2, phase="plan")])
        view.model.set_folded(view.model.sections[0], True)
        view.canvas.select_all()
        assert view.canvas.selected_text() == "line 0\nline 1"

    def test_a_heading_folds_its_phase_by_a_click(self, view: LogView, qtbot: QtBot) -> None:
        view.append_lines(_lines(5))
        view.canvas.set_following(True)
        qtbot.mouseClick(view.canvas.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(30, 5))
        assert view.model.sections[0].is_folded


def test_the_log_is_saved_as_text(view: LogView, tmp_path: Path) -> None:
    view.append_lines(_lines(2))
    view.save_to(tmp_path / "run.log")
    assert (tmp_path / "run.log").read_text() == "line 0\nline 1\n"


def test_a_refused_save_says_what_to_do(view: LogView, tmp_path: Path) -> None:
    with pytest.raises(Unavailable) as refused:
        view.save_to(tmp_path / "missing" / "run.log")
    assert refused.value.code == "E-LOG-SAVE"
    assert refused.value.hint


def test_the_log_has_a_name_for_screen_readers(view: LogView) -> None:
    assert view.canvas.accessibleName() == "Log of web-1"
