"""A terminal in a window: what is painted, selected, copied, pasted, searched, asked and told."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest
from PySide6.QtCore import QEvent, QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QAccessible, QColor, QDesktopServices, QGuiApplication, QImage, QInputMethodEvent, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QDialog, QLabel, QPushButton

from machina_desktop.core.domain.terminal import HostKey, Prompt, Question, QuestionKind, SessionState
from machina_desktop.views import theme
from machina_desktop.views.terminal import pane as pane_module
from machina_desktop.views.terminal.look import Look
from machina_desktop.views.terminal.overlay import Span
from machina_desktop.views.terminal.pane import Place, TerminalPane
from machina_desktop.views.terminal.paste_dialog import PasteDialog
from machina_desktop.views.terminal.scheme import scheme
from machina_desktop.views.widgets.dialogs import ConfirmDialog
from tests.fakes.local_shell import LocalShell

CONTROL, SHIFT, ALT = (
    Qt.KeyboardModifier.ControlModifier,
    Qt.KeyboardModifier.ShiftModifier,
    Qt.KeyboardModifier.AltModifier,
)
BOTH = CONTROL | SHIFT
LEFT = Qt.MouseButton.LeftButton
NONE = Qt.KeyboardModifier.NoModifier


def wait(until: Callable[[], object], what: str = "it") -> None:
    deadline = time.monotonic() + 60
    while not until():
        QApplication.processEvents()
        assert time.monotonic() < deadline, f"waited 60 s for {what}"
        QTest.qWait(1)


class Bench:
    """A pane of 40 by 10 cells on a shell that sends what the test says."""

    def __init__(self, *, is_production: bool = False, command: tuple[str, ...] = (), question: Question | None = None):
        self.shell = LocalShell(command=command)
        self.shell.question = question
        place = Place(machine_id="machine", name="web-1", is_production=is_production)
        self.pane = TerminalPane(lambda _columns, _lines: self.shell, place=place, look=Look())
        self.view = self.pane.view
        size = self.view.sight.size_for(40, 10).toSize()
        self.pane.resize(size.width() + self.view.verticalScrollBar().sizeHint().width() + 1, size.height() + 1)
        self.pane.show()
        self.pane.activateWindow()
        self.view.setFocus()
        wait(lambda: self.pane.state is not None and self.shell.starts)
        if not question:
            wait(lambda: (self.pane.terminal.columns, self.pane.terminal.lines) == (40, 10), "its size")

    def put(self, data: bytes) -> None:
        """Have the program send something, and wait until it is painted."""
        feeder = self.pane._feeder
        assert feeder is not None
        self.shell.put(data)
        wait(lambda: self.shell.waiting == 0 and not feeder._frame.isActive(), "a frame")

    def place(self, line: int, column: float) -> QPoint:
        """The pixel in the middle of a cell's height, ``column`` cells from the left."""
        rect = self.view.sight.rect_of(Span(line=line, first=0, last=1))
        return QPointF(rect.x() + column * rect.width(), rect.center().y()).toPoint()

    def drag(self, start: tuple[int, float], end: tuple[int, float], held: Qt.KeyboardModifier = NONE) -> None:
        port = self.view.viewport()
        QTest.mousePress(port, LEFT, held, self.place(*start))
        QTest.mouseMove(port, self.place(*end))
        QApplication.processEvents()
        QTest.mouseRelease(port, LEFT, held, self.place(*end))

    def click(self, line: int, column: float, times: int = 1, held: Qt.KeyboardModifier = NONE) -> None:
        for _ in range(times):
            QTest.mouseClick(self.view.viewport(), LEFT, held, self.place(line, column))

    def key(self, which: Qt.Key, held: Qt.KeyboardModifier = NONE) -> None:
        QTest.keyClick(self.view, which, held)

    def picture(self) -> QImage:
        return self.view.viewport().grab().toImage()

    def color(self, line: int, column: float) -> QColor:
        """The colour of a pixel near the upper left corner of a cell, where no letter reaches."""
        rect = self.view.sight.rect_of(Span(line=line, first=0, last=1))
        return self.picture().pixelColor(int(rect.x() + column * rect.width()) + 1, int(rect.y()) + 1)


@pytest.fixture
def made(qapp: QApplication) -> Iterator[list[Bench]]:
    if theme.current().name != "dark" or not qapp.styleSheet():
        theme.apply_theme(qapp, "dark")
    found: list[Bench] = []
    QGuiApplication.clipboard().clear()
    yield found
    for bench in found:
        bench.shell.close()
        for dialog in QApplication.topLevelWidgets():
            if isinstance(dialog, QDialog):
                dialog.close()
        bench.pane.close()
        bench.pane.deleteLater()
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


@pytest.fixture
def bench(made: list[Bench]) -> Bench:
    made.append(Bench())
    return made[-1]


def copied() -> str:
    return QGuiApplication.clipboard().text()


# What is painted


def test_only_rows_that_changed_are_painted(bench: Bench) -> None:
    bench.put(b"one\r\ntwo\r\nthree")
    before = bench.view.sight.painted
    bench.put(b"\x1b[2;1HTWO")
    assert bench.view.sight.painted == before + 1


def test_a_row_that_scrolls_is_not_painted_again(bench: Bench) -> None:
    bench.put(b"\r\n".join(b"line %d" % number for number in range(10)))
    before = bench.view.sight.painted
    bench.put(b"\r\nline 10")
    assert bench.view.sight.painted == before + 1


def test_scrolling_shows_the_same_as_painting_anew(bench: Bench) -> None:
    bench.put(b"\r\n".join(b"\x1b[%dmline %d" % (31 + number % 6, number) for number in range(10)))
    bench.put(b"\r\nmore\r\nand more")
    scrolled = bench.picture()
    bench.view.sight.backing.forget()
    bench.pane.terminal.screen.damage_all()
    bench.view.refresh()
    assert bench.picture() == scrolled


def test_colours_are_those_of_the_scheme_and_change_with_the_theme(bench: Bench, qapp: QApplication) -> None:
    bench.put(b"\x1b[41m  \x1b[48;2;1;2;3m  \x1b[0m")
    assert bench.color(0, 0).rgb() & 0xFFFFFF == scheme("dark").numbered[1]
    assert bench.color(0, 2).rgb() & 0xFFFFFF == 0x010203
    theme.apply_theme(qapp, "light")
    try:
        assert bench.color(0, 0).rgb() & 0xFFFFFF == scheme("light").numbered[1]
        assert bench.color(0, 6).rgb() & 0xFFFFFF == scheme("light").background
    finally:
        theme.apply_theme(qapp, "dark")


def test_a_program_may_change_colours_and_turn_the_screen_round(bench: Bench) -> None:
    bench.put(b"\x1b]11;rgb:12/34/56\x1b\\")
    assert bench.color(5, 5).rgb() & 0xFFFFFF == 0x123456
    bench.put(b"\x1b[?5h")
    assert bench.color(5, 5).rgb() & 0xFFFFFF == scheme("dark").foreground


def test_boxes_join_over_rows_and_columns(bench: Bench) -> None:
    bench.put("\x1b[?25l┃┃\r\n┃┃\r\n━━".encode())
    picture, sight = bench.picture(), bench.view.sight
    first, last = sight.rect_of(Span(line=0, first=0, last=1)), sight.rect_of(Span(line=2, first=0, last=2))
    ground = scheme("dark").background
    column = [
        picture.pixelColor(int(first.center().x()), y).rgb() & 0xFFFFFF
        for y in range(int(first.y()), int(first.bottom() * 2 - 8))
    ]
    row = [
        picture.pixelColor(x, int(last.center().y())).rgb() & 0xFFFFFF for x in range(int(last.x()), int(last.right()))
    ]
    assert ground not in column
    assert ground not in row


def test_letters_are_as_large_on_a_finer_display(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    before = bench.view.sight.face.height
    monkeypatch.setattr(bench.view, "devicePixelRatioF", lambda: 2.0)
    bench.pane.resize(bench.pane.width() + 40, bench.pane.height())
    wait(lambda: bench.view.sight.ratio == 2.0)
    assert abs(bench.view.sight.face.height - 2 * before) <= 1
    rect = bench.view.sight.rect_of(Span(line=0, first=0, last=1))
    assert abs(rect.height() - before) <= 0.5


def test_wide_characters_take_two_cells(bench: Bench) -> None:
    bench.put("世x".encode())
    assert bench.pane.terminal.cursor.x == 3
    bench.click(0, 1.5, times=2)
    assert bench.pane.actions_.selected_text() == "世x"


def test_a_frame_that_is_held_is_painted_when_it_is_let_go(bench: Bench) -> None:
    bench.put(b"before")
    rows = bench.view.sight.painted
    bench.shell.put(b"\x1b[?2026h\rduring")
    wait(lambda: bench.shell.waiting == 0 and bench.pane.terminal.is_held)
    assert bench.view.sight.painted == rows
    bench.put(b"\x1b[?2026l")
    assert bench.view.sight.painted > rows


def test_a_frame_that_is_held_for_ever_is_painted_all_the_same(bench: Bench) -> None:
    rows = bench.view.sight.painted
    bench.shell.put(b"\x1b[?2026hheld")
    wait(lambda: bench.view.sight.painted > rows)


def test_a_hidden_terminal_parses_and_does_not_paint(bench: Bench) -> None:
    bench.pane.hide()
    rows = bench.view.sight.painted
    bench.shell.put(b"hidden")
    wait(lambda: bench.pane.terminal.row(0).text == "hidden")
    assert bench.view.sight.painted == rows
    bench.pane.show()
    wait(lambda: bench.view.sight.painted > rows)


def test_the_cursor_is_hollow_without_the_keyboard(bench: Bench) -> None:
    focused = bench.picture()
    bench.view.clearFocus()
    QApplication.processEvents()
    assert bench.picture() != focused


# The mouse


def test_dragging_selects_characters_and_copies_them(bench: Bench) -> None:
    bench.put(b"hello world")
    bench.drag((0, 2), (0, 7))
    bench.key(Qt.Key.Key_C, BOTH)
    assert copied() == "llo w"


def test_two_clicks_take_a_word_and_three_a_line(bench: Bench) -> None:
    bench.put(b"cat /var/log/syslog now\r\n")
    bench.click(0, 8.5, times=2)
    assert bench.pane.actions_.selected_text() == "/var/log/syslog"
    bench.click(0, 8.5)
    assert bench.pane.actions_.selected_text() == "cat /var/log/syslog now"


def test_a_wrapped_line_is_copied_as_one(bench: Bench) -> None:
    bench.put(b"x" * 50 + b"\r\nnext")
    bench.click(1, 2.5, times=3)
    assert bench.pane.actions_.selected_text() == "x" * 50


def test_alt_and_dragging_selects_a_block(bench: Bench) -> None:
    bench.put(b"abcdef\r\nghijkl\r\nmnopqr")
    bench.drag((0, 1), (2, 3), ALT)
    assert bench.pane.actions_.selected_text() == "bc\nhi\nno"


def test_shift_and_a_click_extends(bench: Bench) -> None:
    bench.put(b"abcdef")
    bench.drag((0, 1), (0, 2))
    bench.click(0, 4, held=SHIFT)
    assert bench.pane.actions_.selected_text() == "bcd"


def test_a_selection_stays_on_its_text_while_lines_come(bench: Bench) -> None:
    bench.put(b"first\r\nsecond\r\n")
    bench.drag((1, 0), (1, 6))
    bench.put(b"\r\n" * 20)
    assert bench.pane.actions_.selected_text() == "second"


@pytest.mark.parametrize(
    "written", [b"\x1b[2;3HX", b"\x1b[2J", b"\x1b[2;1H\x1b[K", b"\x1b[?1049h", b"\x1b[1;1H\x1b[M", b"\x1b[2;4H\x1b[@"]
)
def test_a_selection_is_let_go_when_what_it_covers_is_overwritten(bench: Bench, written: bytes) -> None:
    bench.put(b"first\r\nsecond\r\nthird")
    bench.drag((1, 0), (1, 6))
    assert bench.pane.actions_.selected_text() == "second"
    selected = bench.picture()
    bench.put(written)
    assert bench.view.pointer.selection is None
    assert bench.picture() != selected


def test_a_selection_is_let_go_when_it_was_overwritten_before_it_scrolled_away(bench: Bench) -> None:
    bench.put(b"first\r\nsecond")
    bench.drag((0, 0), (0, 5))
    bench.put(b"\x1b[1;1HFIRST" + b"\r\n" * 30)
    assert bench.view.pointer.selection is None


def test_a_selection_stays_while_something_is_written_beside_it(bench: Bench) -> None:
    bench.put(b"first\r\nsecond third")
    bench.drag((1, 0), (1, 6))
    bench.put(b"\x1b[1;1HFIRST\x1b[2;8HTHIRD\x1b[2;1Hsecond")
    assert bench.pane.actions_.selected_text() == "second"


def test_a_selection_that_is_being_made_goes_on_while_the_program_writes(bench: Bench) -> None:
    bench.put(b"00:00:01")
    port = bench.view.viewport()
    QTest.mousePress(port, LEFT, NONE, bench.place(0, 0))
    QTest.mouseMove(port, bench.place(0, 4))
    bench.put(b"\r00:00:02")
    QTest.mouseMove(port, bench.place(0, 8))
    QTest.mouseRelease(port, LEFT, NONE, bench.place(0, 8))
    assert bench.pane.actions_.selected_text() == "00:00:02"


def test_dragging_below_the_edge_scrolls(bench: Bench) -> None:
    bench.put(b"\r\n".join(b"%d" % number for number in range(40)))
    bench.view.scroll_to(20)
    port = bench.view.viewport()
    QTest.mousePress(port, LEFT, NONE, bench.place(2, 0))
    QTest.mouseMove(port, QPoint(20, port.height() + 30))
    wait(lambda: bench.view.sight.back < 15, "it to scroll")
    QTest.mouseRelease(port, LEFT, NONE, QPoint(20, port.height() + 30))


def test_a_program_that_asks_without_end_gets_some_answers_and_keys_do_not_wait_behind_more(bench: Bench) -> None:
    bench.put(b"\x1b[c" * 100_000)
    bench.key(Qt.Key.Key_C, CONTROL)
    assert len(bench.shell.written) < 500_000
    assert bench.shell.written.endswith(b"\x1b[?62;22c\x03")


def test_a_program_that_wants_the_mouse_gets_it_unless_shift_is_held(bench: Bench) -> None:
    bench.put(b"\x1b[?1000h\x1b[?1006h")
    bench.click(3, 4.5)
    assert bench.shell.written == b"\x1b[<0;5;4M\x1b[<0;5;4m"
    bench.drag((0, 0), (0, 3), SHIFT)
    assert bench.shell.written == b"\x1b[<0;5;4M\x1b[<0;5;4m"


def turn_wheel(bench: Bench, steps: int) -> None:
    at = QPointF(bench.place(2, 3))
    where = QPointF(bench.view.viewport().mapToGlobal(at.toPoint()))
    none, phase = Qt.MouseButton.NoButton, Qt.ScrollPhase.NoScrollPhase
    event = QWheelEvent(at, where, QPoint(), QPoint(0, 120 * steps), none, NONE, phase, False)
    QApplication.sendEvent(bench.view.viewport(), event)


def test_the_wheel_scrolls_and_typing_returns_to_the_end(bench: Bench) -> None:
    bench.put(b"\r\n" * 30)
    turn_wheel(bench, 2)
    assert bench.view.sight.back == 6
    bench.key(Qt.Key.Key_A)
    assert bench.view.sight.back == 0


def test_the_wheel_moves_the_cursor_of_full_screen_programs(bench: Bench) -> None:
    bench.put(b"\x1b[?1049h\x1b[?1h")
    turn_wheel(bench, -1)
    assert bench.shell.written == b"\x1bOB" * 3


def test_what_is_in_sight_stays_while_lines_come(bench: Bench) -> None:
    bench.put(b"\r\n".join(b"%d" % number for number in range(40)))
    bench.view.scroll_to(10)
    top = bench.view.sight.top
    bench.put(b"\r\nmore" * 5)
    assert bench.view.sight.top == top


def test_to_the_top_leads_to_the_first_line_of_a_flood_whose_rows_nobody_has_counted(bench: Bench) -> None:
    bench.pane.terminal.counts_late = True
    bench.pane.terminal.feed(b"first\r\n" + (b"x" * 100 + b"\r\n") * 2000)
    counted = bench.pane.terminal.scrolled
    bench.key(Qt.Key.Key_Home, SHIFT)
    assert bench.view.sight.back == bench.pane.terminal.scrolled > counted
    assert bench.pane.terminal.row(-bench.view.sight.back).text == "first"


@pytest.mark.parametrize("back", [0, 1])
def test_rows_below_a_region_that_scrolls_are_shown_where_they_are(bench: Bench, back: int) -> None:
    bench.put(b"\x1b[1;3r\x1b[3;1H" + b"\r\n" * 5 + b"\x1b[6;1H\x1b[41mred\x1b[K\x1b[0m\x1b[3;1H")
    bench.view.scroll_to(back)
    red = bench.color(5 + back, 20)
    bench.put(b"\r\nline")
    at = 5 + bench.view.sight.back
    assert bench.view.sight.back == 2 * back
    assert [line for line in range(10) if bench.color(line, 20) == red] == [at]


def test_ctrl_and_a_click_opens_a_page_and_asks_before_anything_else(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[QUrl] = []
    monkeypatch.setattr(QDesktopServices, "openUrl", opened.append)
    bench.put(b"https://a.example/x \x1b]8;;file:///etc/passwd\x1b\\https://safe.example\x1b]8;;\x1b\\")
    QTest.mouseMove(bench.view.viewport(), bench.place(0, 3.5))
    for column in (3.5, 25.5):
        bench.view.pointer.look_for_link(QPointF(bench.place(0, column)))
        QTest.mouseClick(bench.view.viewport(), LEFT, CONTROL, bench.place(0, column))
    assert [url.toString() for url in opened] == ["https://a.example/x"]
    asked = bench.pane.findChild(ConfirmDialog, "terminal.link")
    assert asked is not None
    assert any("file:///etc/passwd" in label.text() for label in asked.findChildren(QLabel))


# Keys


def test_keys_go_to_the_program(bench: Bench) -> None:
    QTest.keyClicks(bench.view, "ls")
    bench.key(Qt.Key.Key_Return)
    bench.key(Qt.Key.Key_Up)
    bench.put(b"\x1b[?1h")
    bench.key(Qt.Key.Key_Up)
    assert bench.shell.written == b"ls\r\x1b[A\x1bOA"


def test_tab_is_the_shells(bench: Bench) -> None:
    bench.key(Qt.Key.Key_Tab)
    assert bench.shell.written == b"\t"
    assert bench.view.hasFocus()


def test_what_an_input_method_composes_is_sent_when_it_is_done(bench: Bench) -> None:
    QApplication.sendEvent(bench.view, QInputMethodEvent("にほ", []))
    composing = bench.picture()
    done = QInputMethodEvent("", [])
    done.setCommitString("日本")
    QApplication.sendEvent(bench.view, done)
    assert bench.shell.written == "日本".encode()
    assert bench.picture() != composing


def test_focus_is_reported_where_asked(bench: Bench) -> None:
    bench.put(b"\x1b[?1004h")
    bench.view.clearFocus()
    bench.view.setFocus()
    assert bench.shell.written == b"\x1b[O\x1b[I"


def test_letters_grow_and_shrink_and_come_back(bench: Bench) -> None:
    before = bench.view.sight.font_size
    bench.key(Qt.Key.Key_Plus, CONTROL)
    bench.key(Qt.Key.Key_Plus, CONTROL)
    assert bench.view.sight.font_size == before + 2
    wait(lambda: bench.shell.sizes[-1] != (40, 10), "the shell to hear of it")
    bench.key(Qt.Key.Key_0, CONTROL)
    assert bench.view.sight.font_size == before


# Pasting


def test_one_line_is_pasted_at_once(bench: Bench) -> None:
    QGuiApplication.clipboard().setText("uptime\x1b[31m")
    bench.key(Qt.Key.Key_V, BOTH)
    assert bench.shell.written == b"uptime[31m"


def test_several_lines_are_shown_changed_and_sent(bench: Bench) -> None:
    bench.put(b"\x1b[?2004h")
    QGuiApplication.clipboard().setText("one\ntwo\n")
    bench.key(Qt.Key.Key_Insert, SHIFT)
    dialog = bench.pane.findChild(PasteDialog)
    assert dialog is not None
    assert bench.shell.written == b""
    dialog.area.set_text("one\nthree")
    dialog.primary.click()
    assert bench.shell.written == b"\x1b[200~one\rthree\x1b[201~"


def test_on_a_production_machine_one_line_is_shown_too(made: list[Bench]) -> None:
    made.append(Bench(is_production=True))
    QGuiApplication.clipboard().setText("reboot")
    made[-1].key(Qt.Key.Key_V, BOTH)
    dialog = made[-1].pane.findChild(PasteDialog)
    assert dialog is not None
    dialog.cancel.click()
    assert made[-1].shell.written == b""


def test_a_program_reaches_the_clipboard_only_with_consent(bench: Bench) -> None:
    asked = b"\x1b]52;c;c2VjcmV0\x07"
    bench.put(asked)
    assert copied() == ""
    once = bench.pane.findChild(QPushButton, "terminal.clipboard.once")
    assert once is not None
    wait(once.isEnabled)
    once.click()
    assert copied() == "secret"
    QGuiApplication.clipboard().setMimeData(QMimeData())
    bench.put(asked)
    assert copied() == ""
    never = bench.pane.findChild(QPushButton, "terminal.clipboard.never")
    assert never is not None
    never.click()
    bench.put(asked)
    assert copied() == ""
    assert not bench.pane.clipboard.isVisible()


def test_nobody_agrees_to_a_text_that_has_just_taken_the_place_of_another(bench: Bench) -> None:
    bench.put(b"\x1b]52;c;c2VjcmV0\x07")
    once = bench.pane.findChild(QPushButton, "terminal.clipboard.once")
    assert once is not None
    wait(once.isEnabled)
    bench.put(b"\x1b]52;c;b3RoZXI=\x07")
    once.click()
    assert copied() == ""
    wait(once.isEnabled)
    once.click()
    assert copied() == "other"


def test_a_new_text_does_not_lead_the_keyboard_to_another_answer(bench: Bench) -> None:
    bench.put(b"\x1b]52;c;c2VjcmV0\x07")
    once = bench.pane.findChild(QPushButton, "terminal.clipboard.once")
    assert once is not None
    wait(once.isEnabled)
    once.setFocus()
    bench.put(b"\x1b]52;c;b3RoZXI=\x07")
    focused = QApplication.focusWidget()
    assert focused is bench.pane.clipboard
    wait(once.hasFocus)


def test_a_program_cannot_read_the_clipboard(bench: Bench) -> None:
    QGuiApplication.clipboard().setText("mine")
    bench.put(b"\x1b]52;c;?\x07")
    assert bench.shell.written == b""


# Search


def search(bench: Bench, text: str) -> None:
    bench.key(Qt.Key.Key_F, BOTH)
    bench.pane.search.line.setText(text)
    wait(lambda: bench.pane.search.finder.pattern is not None and bench.pane.search.finder.is_done)


def test_search_begins_with_the_newest_and_goes_on_to_older_ones(bench: Bench) -> None:
    bench.put(b"\r\n".join(b"entry %d" % number for number in range(40)))
    search(bench, "entry 1")
    finder = bench.pane.search.finder
    assert len(finder.matches) == 11
    newest = finder.match()
    assert newest is not None
    assert bench.pane.search.count.text() == "1 of 11"
    QTest.keyClick(bench.pane.search.line, Qt.Key.Key_Return)
    older = finder.match()
    assert older is not None
    assert older.first.row < newest.first.row
    assert bench.view.found_now
    QTest.keyClick(bench.pane.search.line, Qt.Key.Key_Return, SHIFT)
    assert finder.match() == newest


def test_search_by_case_and_by_pattern(bench: Bench) -> None:
    bench.put(b"Error 1\r\nerror 22\r\n")
    search(bench, "error")
    assert len(bench.pane.search.finder.matches) == 2
    bench.pane.search.case.click()
    wait(lambda: len(bench.pane.search.finder.matches) == 1)
    bench.pane.search.regex.click()
    bench.pane.search.line.setText(r"\d+$")
    wait(lambda: len(bench.pane.search.finder.matches) == 2)
    bench.pane.search.line.setText("(")
    wait(lambda: bench.pane.search.count.text() == "Not a pattern")


def test_no_pattern_and_no_line_keep_the_window_from_hearing_keys(bench: Bench) -> None:
    """Lines on which a pattern with nested repetition takes others for ever, and 100,000 in which nothing is found."""
    bench.put(b"a" * 10_000 + b"!\r\n" + b"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!\r\n" * 100_000)
    bench.key(Qt.Key.Key_F, BOTH)
    bench.pane.search.regex.click()
    bench.pane.search.line.setText("(a+)+$")
    wait(lambda: bench.pane.search.finder.pattern is not None)
    finder, late, typed = bench.pane.search.finder, [], 0
    while not finder.is_done:
        # Of this thread's own time; how long others hold it up says nothing about the search.
        began = time.thread_time()
        QTest.keyClick(bench.view, Qt.Key.Key_A)
        QApplication.processEvents()
        late.append(time.thread_time() - began)
        typed += 1
        assert sum(late) < 20
    assert typed > 10
    assert bench.shell.written == b"a" * typed
    assert bench.pane.search.count.text() == "No match"
    assert sorted(late)[int(len(late) * 0.99)] < 0.1


def test_why_something_is_no_pattern_is_said(bench: Bench) -> None:
    bench.key(Qt.Key.Key_F, BOTH)
    bench.pane.search.regex.click()
    bench.pane.search.line.setText("(?=later)")
    wait(lambda: bench.pane.search.count.text() == "Not a pattern")
    assert "(?=" in bench.pane.search.count.toolTip()


def test_escape_closes_the_search_and_goes_back_to_typing(bench: Bench) -> None:
    bench.put(b"here")
    search(bench, "here")
    assert bench.view.found
    QTest.keyClick(bench.pane.search.line, Qt.Key.Key_Escape)
    assert not bench.pane.search.isVisible()
    assert bench.view.hasFocus()
    assert bench.view.found == ()


# What a shell marks


def mark(text: str, output: str) -> bytes:
    return f"\x1b]133;A\x1b\\$ \x1b]133;B\x1b\\{text}\r\n\x1b]133;C\x1b\\{output}\r\n\x1b]133;D;0\x1b\\".encode()


def test_prompts_are_jumped_to_and_output_is_selected(bench: Bench) -> None:
    lines = "\r\n".join(str(number) for number in range(15))
    bench.put(mark("seq", lines) + mark("ls", "a  b\r\nc") + b"\x1b]133;A\x1b\\$ ")
    bench.key(Qt.Key.Key_Up, BOTH)
    assert bench.pane.terminal.row(-bench.view.sight.back).text == "$ seq"
    bench.key(Qt.Key.Key_End, SHIFT)
    bench.key(Qt.Key.Key_O, BOTH)
    assert bench.pane.actions_.selected_text().rstrip("\n") == "a  b\nc"


def test_a_long_command_is_told_of(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[object] = []
    bench.pane.command_ended.connect(lambda _seconds, code: told.append(code))
    bench.put(mark("quick", "x"))
    assert told == []
    monkeypatch.setattr(pane_module, "LONG_S", 0.0)
    bench.put(mark("slow", "x"))
    assert told == [0]


def test_bell_and_title_are_told(bench: Bench) -> None:
    told: list[str] = []
    bench.pane.rang.connect(lambda: told.append("bell"))
    bench.pane.title_changed.connect(told.append)
    bench.put(b"\x07\x1b]2;vim\x1b\\")
    assert told == ["bell", "vim"]
    assert bench.pane.title == "vim"


# The session


def test_a_real_shell_runs_and_is_interrupted(made: list[Bench]) -> None:
    made.append(Bench(command=("/bin/sh", "-i")))
    bench = made[-1]
    QTest.keyClicks(bench.view, "yes")
    bench.key(Qt.Key.Key_Return)
    wait(lambda: bench.pane.terminal.scrolled > 5_000, "the flood")
    bench.key(Qt.Key.Key_C, CONTROL)
    wait(lambda: bench.pane.terminal.row(bench.pane.terminal.cursor.y).text.startswith("$"), "the prompt")
    QTest.keyClicks(bench.view, "exit 3")
    bench.key(Qt.Key.Key_Return)
    wait(lambda: bench.pane.state is SessionState.ENDED)
    assert bench.pane.bar.ended.title() == "The shell has ended with status 3."


def test_nothing_that_a_lost_program_has_switched_holds_for_the_new_shell(bench: Bench) -> None:
    at_first, shape = bench.pane.terminal.modes, bench.pane.terminal.cursor_shape
    bench.put(b"\x1b[?1049h\x1b[?1003;1006;2004;1004;25h\x1b[20h\x1b[?1h\x1b=\x1b[5 q\x1b]2;vim notes\x07")
    bench.put(b"\x1b]11;#800000\x07\x1b]4;1;#00ff00\x07\x1b]0;half")
    bench.shell.lose()
    wait(lambda: bench.pane.state is SessionState.LOST)
    bench.pane.reconnect()
    terminal = bench.pane.terminal
    assert terminal.modes._replace(mouse_encoding=at_first.mouse_encoding) == at_first
    assert (terminal.cursor_shape, terminal.background, dict(terminal.palette)) == (shape, None, {})
    assert bench.pane.title == "web-1"


def test_a_lost_session_counts_down_and_reconnects_keeping_what_was_shown(bench: Bench) -> None:
    bench.put(b"before the loss")
    bench.shell.lose()
    wait(lambda: bench.pane.bar.is_counting)
    assert bench.pane.bar.again.text().startswith("Reconnect (")
    bench.key(Qt.Key.Key_Return)
    wait(lambda: bench.pane.state is SessionState.LIVE)
    assert bench.shell.starts == 2
    assert bench.pane.terminal.row(0).text == "before the loss"
    assert not bench.pane.bar.isVisible()


def test_a_new_session_does_not_inherit_what_the_lost_program_switched(bench: Bench) -> None:
    bench.put(b"\x1b[?1003h\x1b[?2004h\x1b[?1004h\x1b[?1049h\x1b[41mvim")
    bench.shell.lose()
    wait(lambda: bench.pane.state is SessionState.LOST)
    bench.key(Qt.Key.Key_Return)
    wait(lambda: bench.pane.state is SessionState.LIVE)
    modes = bench.pane.terminal.modes
    assert (modes.mouse, modes.is_alternate, modes.is_bracketed_paste, modes.is_focus_reported) == (
        "off",
        False,
        False,
        False,
    )


def test_what_a_person_has_to_mend_is_not_tried_again_by_itself(bench: Bench) -> None:
    bench.shell.lose(code="E-SSH-AUTH")
    wait(lambda: bench.pane.state is SessionState.LOST)
    assert not bench.pane.bar.is_counting
    assert bench.pane.bar.again.text() == "Reconnect"


def test_a_host_key_is_shown_and_trusted_only_by_its_button(made: list[Bench]) -> None:
    key = HostKey(fingerprint="SHA256:abc", key_type="ED25519", bits=256)
    question = Question(
        kind=QuestionKind.HOST_KEY, name="web-1", address="192.0.2.1, port 22", user="root", text="", host_key=key
    )
    made.append(Bench(question=question))
    bench = made[-1]
    wait(lambda: bench.pane.asking is not None)
    card = bench.pane.asking
    assert card is not None
    assert not card.yes.hasFocus()
    card.yes.click()
    assert [answer.is_yes for answer in bench.shell.answers] == [True]
    wait(lambda: bench.pane.asking is None and bench.pane.state is SessionState.LIVE)
    assert bench.view.hasFocus()


def test_a_password_is_hidden_sent_and_forgotten(made: list[Bench]) -> None:
    question = Question(
        kind=QuestionKind.PASSWORD, name="web-1", address="", user="root", text="", prompts=(Prompt(text="Password:"),)
    )
    made.append(Bench(question=question))
    bench = made[-1]
    wait(lambda: bench.pane.asking is not None)
    card = bench.pane.asking
    assert card is not None
    line = card.fields[0].control
    assert line.echoMode() == line.EchoMode.Password
    QTest.keyClicks(line, "hunter22")
    QTest.keyClick(line, Qt.Key.Key_Return)
    assert [text.reveal() for text in bench.shell.answers[0].texts] == ["hunter22"]
    assert line.text() == ""


def test_a_size_is_told_to_the_shell(bench: Bench) -> None:
    bench.pane.resize(bench.pane.width() + 200, bench.pane.height())
    wait(lambda: bench.shell.sizes[-1][0] > 40)
    assert bench.shell.sizes[-1] == (bench.pane.terminal.columns, bench.pane.terminal.lines)


# Screen readers


def test_screen_readers_read_the_rows_in_sight(bench: Bench) -> None:
    bench.put(b"one\r\ntwo\r\n$ ")
    interface = QAccessible.queryAccessibleInterface(bench.view)
    text = interface.textInterface()
    assert interface.role() == QAccessible.Role.Terminal
    assert interface.text(QAccessible.Text.Name) == "Terminal on web-1"
    assert text.text(0, 7) == "one\ntwo"
    assert text.cursorPosition() == len("one\ntwo\n$ ")
    assert text.offsetAtPoint(text.characterRect(5).center()) == 5
