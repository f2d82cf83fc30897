"""What a view sees of a terminal: rows, damage, modes, titles, links, marks, selections, matches."""

from __future__ import annotations

import pytest

from machina_desktop.core.errors import InvalidInput
from machina_desktop.core.terminal import attributes
from machina_desktop.core.terminal.attributes import Colour, ColourKind, Underline
from machina_desktop.core.terminal.events import Bell, ClipboardAsked, CommandEnded, CwdChanged, TitleChanged, Told
from machina_desktop.core.terminal.links import Link
from machina_desktop.core.terminal.marks import Place
from machina_desktop.core.terminal.search import Match, Pattern
from machina_desktop.core.terminal.terminal import Cursor, Terminal


def terminal(data: str, columns: int = 20, lines: int = 5, **options: object) -> Terminal:
    made = Terminal(columns, lines, **options)  # type: ignore[arg-type]
    made.feed(data.encode())
    return made


def rows(made: Terminal) -> list[str]:
    return [made.row(y).text for y in range(-made.scrolled, made.lines)]


def look(data: str) -> int:
    return terminal(f"{data}x").row(0).runs[1]


def replied(data: str) -> bytes:
    replies: list[bytes] = []
    terminal(data, 80, 24, reply=replies.append)
    return b"".join(replies)


def test_a_colour_is_told_with_its_kind() -> None:
    assert attributes.foreground(look("\x1b[31m")) == Colour(ColourKind.ANSI, 1)
    assert attributes.background(look("\x1b[105m")) == Colour(ColourKind.ANSI, 13)
    assert attributes.foreground(look("\x1b[38;5;208m")) == Colour(ColourKind.INDEXED, 208)
    assert attributes.background(look("\x1b[48;2;1;2;3m")) == Colour(ColourKind.RGB, 0x010203)
    assert attributes.foreground(look("\x1b[38:2::1:2:3m")) == Colour(ColourKind.RGB, 0x010203)


def test_an_underline_has_a_style_and_a_colour() -> None:
    curly = look("\x1b[4:3;58:5:9m")
    assert attributes.underline(curly) is Underline.CURLY
    assert attributes.underline_colour(curly) == Colour(ColourKind.INDEXED, 9)
    assert attributes.underline(look("\x1b[21m")) is Underline.DOUBLE
    assert attributes.underline(look("\x1b[1;4m")) is Underline.SINGLE


@pytest.mark.parametrize(
    "number, flag",
    [
        (1, attributes.BOLD),
        (2, attributes.DIM),
        (3, attributes.ITALIC),
        (5, attributes.BLINK),
        (7, attributes.REVERSE),
        (8, attributes.INVISIBLE),
        (9, attributes.STRIKE),
        (53, attributes.OVERLINE),
    ],
)
def test_a_flag_is_set_and_ends(number: int, flag: int) -> None:
    ends = {1: 22, 2: 22, 53: 55}
    assert look(f"\x1b[{number}m") == flag
    assert terminal(f"\x1b[{number};{ends.get(number, 20 + number)}mx").row(0).runs == ()


def test_a_wide_character_takes_two_columns_and_a_cluster_one_cell() -> None:
    row = terminal("a中❤\ufe0fb").row(0)
    assert row.text == "a中\0❤b"
    assert dict(row.clusters) == {3: "❤\ufe0f"}


def test_joined_emoji_keep_the_width_that_programs_count_with() -> None:
    row = terminal("👩\u200d💻x").row(0)
    assert row.text == "👩\0💻\0x"
    assert row.clusters[0] == "👩\u200d"


def test_a_full_row_is_full_until_the_next_character() -> None:
    made = terminal("x" * 20)
    assert made.cursor == Cursor(19, 0, is_pending_wrap=True)
    assert not made.row(0).is_wrapped
    made.feed(b"y")
    assert made.cursor == Cursor(1, 1, is_pending_wrap=False)
    assert made.row(0).is_wrapped


def test_the_alternate_screen_hides_the_main_one_and_keeps_nothing() -> None:
    made = terminal("one\r\ntwo\x1b[?1049h")
    assert made.modes.is_alternate
    made.feed(b"\x1b[H" + b"line\r\n" * 30)
    assert made.scrolled == 0
    made.feed(b"\x1b[?1049l")
    assert (rows(made)[:2], made.cursor.y, made.cursor.x) == (["one", "two"], 1, 3)


def test_the_scrollback_keeps_what_leaves_at_the_top() -> None:
    made = terminal("".join(f"{number}\r\n" for number in range(300)))
    assert rows(made) == [*map(str, range(300)), ""]
    assert made.top == made.scrolled == 296


def test_a_region_that_begins_below_the_top_keeps_nothing() -> None:
    assert terminal("\x1b[2;5r\x1b[5H" + "x\r\n" * 30).scrolled == 0


def test_the_oldest_rows_are_dropped_and_counted() -> None:
    made = terminal("".join(f"{number}\r\n" for number in range(5000)), scrollback=1000)
    assert 1000 <= made.scrolled <= 2100
    assert made.dropped + made.scrolled == 4996
    assert made.row(-1).text == "4995"
    assert made.row(-made.scrolled).text == str(made.dropped)


def test_without_scrollback_nothing_is_kept() -> None:
    made = terminal("x\r\n" * 1000, scrollback=0)
    assert (made.scrolled, made.top) == (0, 996)


def test_clearing_the_scrollback_leaves_the_screen() -> None:
    made = terminal("".join(f"{number}\r\n" for number in range(100)))
    top = made.top
    made.clear_scrollback()
    assert (made.scrolled, made.top, made.row(0).text) == (0, top, "96")


def test_coloured_lines_that_nobody_saw_can_be_looked_at() -> None:
    made = terminal("".join(f"\x1b[31mred {number}\x1b[0m end 中e\u0328\r\n" for number in range(500)), 40)
    row = made.row(-100)
    assert row.text == f"red {made.top - 100} end 中\0ę"
    assert attributes.foreground(row.runs[1]) == Colour(ColourKind.ANSI, 1)


def test_a_row_that_scrolls_in_after_unseen_lines_takes_the_background_of_its_time() -> None:
    made = terminal("line\r\n" * 300 + "\x1b[44mend\r\n")
    assert attributes.background(made.row(4).fill) == Colour(ColourKind.ANSI, 4)
    assert made.row(3).fill == 0


def test_lines_wrap_anew_at_another_width_and_come_back() -> None:
    text = "\r\n".join(f"{number} " + "abcdefghij" * (number % 7) for number in range(200))
    made = terminal(text, 80, 24)
    before = rows(made), made.cursor
    made.resize(13, 24)
    assert made.row(made.cursor.y).text == (text[-60:])[-(len(text.rsplit("\n", 1)[1]) % 13 or 13) :]
    made.resize(80, 24)
    assert (rows(made), made.cursor) == before


@pytest.mark.parametrize("columns, lines", [(20, 5), (20, 9), (20, 3), (11, 5), (10, 5), (7, 5), (40, 5), (39, 9)])
@pytest.mark.parametrize("length", [20, 40])
def test_a_cursor_that_waits_behind_a_full_row_overwrites_nothing_at_another_size(
    columns: int, lines: int, length: int
) -> None:
    text = "abcdefghijklmnopqrstuvwxyzabcdefghijklmn"[:length]
    made = terminal(f"top\r\n{text}")
    made.resize(columns, lines)
    made.feed(b"XYZ")
    whole = terminal(f"top\r\n{text}XYZ", columns, lines)
    assert [row for row in rows(made) if row] == [row for row in rows(whole) if row]
    assert made.cursor.x == whole.cursor.x


@pytest.mark.parametrize("columns, last", [(20, "t"), (30, "t"), (10, "j")])
def test_a_full_row_of_the_alternate_screen_keeps_its_last_column_at_another_size(columns: int, last: str) -> None:
    made = terminal("\x1b[?1049h\x1b[Habcdefghijklmnopqrst")
    made.resize(columns, 9)
    made.feed(b"X")
    assert made.row(0).text[: min(columns, 20)].endswith(last)


def test_a_saved_cursor_that_waits_behind_a_full_row_still_does_at_another_size() -> None:
    made = terminal("abcdefghijklmnopqrst\x1b7\x1b[?1049h")
    made.resize(10, 5)
    made.feed(b"\x1b[?1049lX")
    assert rows(made)[:3] == ["abcdefghij", "klmnopqrst", "X"]


def test_a_saved_cursor_beyond_a_narrower_screen_comes_to_its_last_column_without_waiting() -> None:
    made = terminal("\x1b[1;15H\x1b7\x1b[H")
    made.resize(10, 5)
    made.feed(b"\x1b8")
    assert made.cursor == Cursor(9, 0, is_pending_wrap=False)


@pytest.mark.parametrize(
    "text", ["abcdefg \u4e2d", "abcdefgh \u4e2d", "abcdefgh  \u4e2d", "abcdefg  \u4e2dx", " " * 19 + "\u4e2d"]
)
@pytest.mark.parametrize("is_redrawn", [False, True])
def test_the_blanks_before_a_wide_character_that_wraps_are_those_that_were_written(
    text: str,
    is_redrawn: bool,  # noqa: FBT001
) -> None:
    data = f"{text}\x1b[H{text[0]}\x1b[3H" if is_redrawn else text
    made = terminal(data, 10)
    before = rows(made)
    assert made.text(Place(0, 0), Place(2, 9)).rstrip("\n") == text
    assert [*made.search(Pattern(text))] != [None]
    made.resize(40, 5)
    assert made.row(0) == terminal(data, 40).row(0)
    made.resize(10, 5)
    assert rows(made) == before


def test_a_line_of_many_thousand_columns_is_copied_without_blanks_at_another_width() -> None:
    text = "abcdefghijklmnopqrstuvwxy" * 1000
    made = terminal(text + "\r\nend", 80, 5)
    made.resize(99, 5)
    assert made.text(Place(made.dropped, 0), Place(made.top + 4, 98)).rstrip() == f"{text}\nend"
    assert len([match for match in made.search(Pattern("wxyabc")) if match]) == 999


def test_looks_and_clusters_wrap_with_their_text() -> None:
    made = terminal("ab\x1b[31mcdef\x1b[0m中e\u0301❤\ufe0f", 40)
    made.resize(5, 5)
    assert rows(made)[:2] == ["abcde", "f中\0é❤"]
    assert made.row(1).runs[:3] == (0, look("\x1b[31m"), 1)
    assert made.row(1).clusters == {4: "❤\ufe0f"}


def test_a_taller_screen_takes_rows_back_from_the_scrollback() -> None:
    made = terminal("\r\n".join(map(str, range(20))))
    made.resize(20, 10)
    assert (made.scrolled, made.row(0).text, made.cursor.y) == (10, "10", 9)


def test_a_screen_with_room_takes_nothing_back() -> None:
    made = terminal("x\r\n" * 20 + "\x1b[2J\x1b[Htop")
    made.resize(20, 10)
    assert made.row(0).text == "top"


def test_the_main_screen_wraps_anew_behind_the_alternate_one() -> None:
    made = terminal("abcdefghij$ \x1b[?1049hfull")
    made.resize(5, 5)
    made.feed(b"\x1b[?1049l")
    assert rows(made)[:3] == ["abcde", "fghij", "$"]
    assert made.cursor == Cursor(2, 2, is_pending_wrap=False)


def test_damage_names_rows_and_how_far_they_scrolled() -> None:
    made = terminal("a\r\nb\r\nc\r\nd\r\ne")
    assert made.take_damage().is_all
    made.feed(b"\x1b[2;3Hx")
    assert made.take_damage() == (False, frozenset({1}), 0)
    made.feed(b"\x1b[5H\r\ny\r\n")
    assert made.take_damage() == (False, frozenset({3, 4}), 2)
    assert made.take_damage() == (False, frozenset(), 0)


def test_modes_are_told_to_the_view() -> None:
    modes = terminal("\x1b[?1;1002;1004;1006;2004;5h\x1b=\x1b[20h").modes
    assert (modes.mouse, modes.mouse_encoding) == ("drag", "sgr")
    assert all((modes.is_cursor_application, modes.is_keypad_application, modes.is_bracketed_paste))
    assert all((modes.is_focus_reported, modes.is_reverse_screen, modes.is_newline, modes.is_alternate_scroll))


def test_a_reset_ends_all_modes_and_a_soft_one_keeps_the_text() -> None:
    made = terminal("text\x1b[?25l\x1b[?1h\x1b[2;3r\x1b[!p")
    assert (made.is_cursor_visible, made.modes.is_cursor_application, made.row(0).text) == (True, False, "text")
    made.feed(b"\x1b[?2004h\x1bc")
    assert (made.modes.is_bracketed_paste, made.row(0).text) == (False, "")


@pytest.mark.parametrize(
    "style, shape, blinks",
    [(0, "block", False), (1, "block", True), (2, "block", False), (3, "underline", True), (6, "bar", False)],
)
def test_the_cursor_has_a_shape(style: int, shape: str, blinks: bool) -> None:  # noqa: FBT001
    made = terminal(f"\x1b[{style} q")
    assert (made.cursor_shape, made.is_cursor_blinking) == (shape, blinks)


def test_a_frame_is_held_until_it_is_whole() -> None:
    made = terminal("\x1b[?2026hx")
    assert made.is_held
    made.feed(b"\x1b[?2026l")
    assert not made.is_held


def test_events_are_told_in_order() -> None:
    told: list[Told] = []
    terminal(
        "\x07\x1b]2;name\x07\x1b]7;file://h/tmp\x07\x1b]52;c;aGk=\x07\x1b]133;C\x07\x1b]133;D;3\x07", tell=told.append
    )
    assert told[:4] == [
        Bell(),
        TitleChanged(title="name"),
        CwdChanged(cwd="file://h/tmp"),
        ClipboardAsked(text="hi"),
    ]
    assert told[-1] == CommandEnded(exit_code=3)


def test_colours_can_be_set_asked_for_and_reset() -> None:
    made = terminal("\x1b]4;1;#102030;2;rgb:f/f/f\x07\x1b]11;rgb:0000/8080/ffff\x07")
    assert (dict(made.palette), made.background, made.foreground) == ({1: 0x102030, 2: 0xFFFFFF}, 0x0080FF, None)
    assert replied("\x1b]11;#123456\x07\x1b]11;?\x07") == b"\x1b]11;rgb:1212/3434/5656\x1b\\"
    made.feed(b"\x1b]104;1\x07\x1b]111\x07")
    assert (dict(made.palette), made.background) == ({2: 0xFFFFFF}, None)


@pytest.mark.parametrize(
    "asked, answer",
    [
        ("\x1b[c", "\x1b[?62;22c"),
        ("\x1b[>c", "\x1b[>41;354;0c"),
        ("\x1b[5n", "\x1b[0n"),
        ("\x1b[3;4H\x1b[6n", "\x1b[3;4R"),
        ("x" * 80 + "\x1b[6n", "\x1b[1;80R"),
        ("\x1b[3;4H\x1b[?6n", "\x1b[?3;4;1R"),
        ("\x1b[?2004$p", "\x1b[?2004;2$y"),
        ("\x1b[?2004h\x1b[?2004$p", "\x1b[?2004;1$y"),
        ("\x1b[4$p", "\x1b[4;2$y"),
        ("\x1b[?9999$p", "\x1b[?9999;0$y"),
        ("\x1b[1;31m\x1bP$qm\x1b\\", "\x1bP1$r0;1;31m\x1b\\"),
        ("\x1b[2;5r\x1bP$qr\x1b\\", "\x1bP1$r2;5r\x1b\\"),
        ("\x1bP$qx\x1b\\", "\x1bP0$r\x1b\\"),
        ("\x1b[18t", "\x1b[8;24;80t"),
        ("\x1b[>q", "\x1bP>|MachinaDesktop\x1b\\"),
        ("\x1b]4;1;?\x07", "\x1b]4;1;rgb:cdcd/0000/0000\x1b\\"),
        ("\x1bP+q544e\x1b\\\x1b[21t\x1b]52;c;?\x07\x1b[1;1;1;1;1;1*y", ""),
    ],
)
def test_queries_are_answered_in_fixed_forms(asked: str, answer: str) -> None:
    assert replied(asked).decode() == answer


def test_a_title_comes_back_from_its_stack() -> None:
    assert terminal("\x1b]2;one\x07\x1b[22;2t\x1b]2;two\x07\x1b[23;2t").title == "one"


def test_a_link_is_found_at_its_cells() -> None:
    made = terminal("a\x1b]8;id=7;https://example.org/x\x07link\x1b]8;;\x07b")
    assert made.link_at(0, 1) == made.link_at(0, 4) == Link("https://example.org/x", "7")
    assert made.link_at(0, 0) is made.link_at(0, 5) is made.link_at(3, 3) is None


def test_prompts_and_output_are_found_after_scrolling_and_another_width() -> None:
    prompt = "\x1b]133;A\x07$ \x1b]133;B\x07{}\r\n\x1b]133;C\x07{}\x1b]133;D;{}\x07"
    made = terminal(prompt.format("ls", "file\r\n" * 30, 0) + prompt.format("false", "", 1), 30)
    first, second = made.marks()
    assert (first.prompt, first.command, first.exit_code) == (Place(0, 0), Place(0, 2), 0)
    assert (first.output, first.end, second.prompt) == (Place(1, 0), Place(31, 0), Place(31, 0))
    assert (second.exit_code, second.output) == (1, Place(32, 0))
    made.resize(3, 5)
    assert made.row(made.marks()[0].output.row - made.top).text == "fil"
    assert made.row(made.marks()[1].prompt.row - made.top).text.startswith("$")


def test_prompts_that_were_cleared_away_are_none_any_more() -> None:
    made = terminal("\x1b]133;A\x07$ one\r\n\x1b]133;A\x07$ two\r\n\x1b[H\x1b[2J\x1b]133;A\x07$ ", 20, 5)
    assert [command.prompt for command in made.marks()] == [Place(made.top, 0)]


def test_a_prompt_below_a_long_line_is_where_it_was_however_the_line_comes() -> None:
    data = b"\n\x1b]133;A\x07\x1b[H" + b"b" * 100
    at_once, one_by_one = Terminal(3, 2), Terminal(3, 2)
    at_once.feed(data)
    for at in range(len(data)):
        one_by_one.feed(data[at : at + 1])
    assert at_once.marks() == one_by_one.marks() != ()


def test_a_selection_joins_wrapped_lines_and_keeps_the_others_apart() -> None:
    made = terminal("one two three four five\r\nsix 中文", 10)
    assert made.text(Place(0, 4), Place(3, 9)) == "two three four five\nsix 中文"
    assert made.text(Place(3, 9), Place(0, 4)) == "two three four five\nsix 中文"
    assert made.text(Place(3, 5), Place(3, 5)) == "中"


def test_a_block_is_copied_column_by_column() -> None:
    made = terminal("abcdef\r\nab\r\nabcdef")
    assert made.text(Place(0, 2), Place(2, 4), is_block=True) == "cde\n\ncde"


def found(made: Terminal, pattern: Pattern, before: int | None = None) -> list[Match]:
    return [match for match in made.search(pattern, before=before) if match is not None]


def test_a_search_finds_the_newest_first_across_wrapped_rows() -> None:
    made = terminal("needle\r\n" + "x" * 18 + "needle\r\n" + "y\r\n" * 30 + "中needle")
    all_ = found(made, Pattern("needle"))
    assert [match.first for match in all_] == [Place(33, 2), Place(1, 18), Place(0, 0)]
    assert all_[1].last == Place(2, 3)
    assert found(made, Pattern("needle"), before=33) == all_[1:]


def test_a_search_for_words_takes_them_as_they_are_and_a_pattern_is_cased_only_if_asked() -> None:
    made = terminal("a.c abc ABC")
    assert [match.first.x for match in found(made, Pattern("a.c"))] == [0]
    assert [match.first.x for match in found(made, Pattern("a.c", is_regex=True))] == [8, 4, 0]
    assert [match.first.x for match in found(made, Pattern("a.c", is_regex=True, is_cased=True))] == [4, 0]


@pytest.mark.parametrize("text", ["(", "a{2000}", "(?=x)", r"(a)\1"])
def test_what_is_no_pattern_is_said_to_be_none(text: str) -> None:
    with pytest.raises(InvalidInput) as raised:
        Pattern(text, is_regex=True)
    assert raised.value.code == "E-TERMINAL-PATTERN"


def test_a_search_can_be_left_wherever_there_is_nothing_to_find() -> None:
    made = terminal("y\r\n" * 300)
    assert list(made.search(Pattern("needle"))) == [None] * 301


def test_margins_on_the_sides_hold_text_and_scrolling() -> None:
    made = terminal("\x1b[?69h\x1b[3;6s\x1b[1;3Habcdef\x1b[5;3H\n", 10)
    assert rows(made)[-5:] == ["  ef", "", "", "", ""]


def test_protected_cells_survive_selective_erasing() -> None:
    assert terminal('\x1b[1"qkeep\x1b[0"q gone\x1b[?2K').row(0).text == "keep"


def test_the_screen_of_pyte_is_still_there() -> None:
    screen = terminal("\x1b[1;32mhi").screen
    assert screen.display[0] == "hi" + " " * 18
    assert (screen.buffer[0][1].data, screen.buffer[0][1].fg, screen.buffer[0][1].bold) == ("i", "green", True)
    assert screen.cursor.attrs.fg == "green"
    assert 0 in screen.dirty


def test_nothing_is_lost_between_the_pieces_that_a_long_line_is_searched_in() -> None:
    made = terminal("0123456789" * 3000 + "\r\nend", 7, 5)
    found = [match for match in made.search(Pattern("9012")) if match]
    assert len(found) == 2999
    assert [made.text(*match) for match in found[::100]] == ["9012"] * 30
