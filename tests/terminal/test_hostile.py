"""What hostile output tries, and does not get: its own text typed back, the clipboard, a title told, a hung window."""

from __future__ import annotations

import base64
import random
import re
import time

import pytest

from machina_desktop.core.terminal.events import ClipboardAsked, TitleChanged, Told
from machina_desktop.core.terminal.terminal import Terminal

EVIL = "PWNED"
HEX = EVIL.encode().hex()
CODED = base64.b64encode(EVIL.encode()).decode()

HOSTILE = tuple(
    sequence.replace("EVIL", EVIL).replace("HEX", HEX).replace("CODED", CODED)
    for sequence in (
        # A title that is told would be typed into the shell (CVE-2003-0063 and its many heirs).
        "\x1b]0;EVIL\x07\x1b[21t",
        "\x1b]2;EVIL\n\x07\x1b[21t",
        "\x1b]1;EVIL\x07\x1b[20t",
        "\x1b]l;EVIL\x1b\\\x1b]L;EVIL\x1b\\\x1b[20t\x1b[21t",
        "\x1b[22t\x1b]2;EVIL\x07\x1b[23t\x1b[21t",
        "\x1b[>2t\x1b]2;HEX\x07\x1b[21t",
        "\x1b]2;a\x1b[31mEVIL\x07\x1b[21t",
        # Settings and capabilities: an answer may not repeat the question (CVE-2008-2383, CVE-2022-45872).
        "\x1bP$qEVIL\x1b\\",
        "\x1bP$q\nEVIL\n\x1b\\",
        "\x1bP$qm;EVIL\x1b\\",
        "\x1bP+qHEX\x1b\\",
        "\x1bP+q0aHEX0a\x1b\\",
        "\x1bP+pHEX\x1b\\",
        "\x1bP1$tEVIL\x1b\\",
        "\x1bP0;1|17/HEX\x1b\\\x1b[?26n",
        "\x1bP1!uEVIL\x1b\\\x1b[&u",
        "\x1bP=1sEVIL\x1b\\",
        "\x1bP>|EVIL\x1b\\\x1b[>q",
        # Colours: names are not answered with names.
        "\x1b]10;EVIL\x07\x1b]10;?\x07",
        "\x1b]11;EVIL\x07\x1b]11;?\x07",
        "\x1b]4;1;EVIL\x07\x1b]4;1;?\x07",
        "\x1b]4;EVIL;?\x07",
        "\x1b]4;1;?EVIL\x07",
        "\x1b]5;0;EVIL\x07\x1b]5;0;?\x07",
        "\x1b]12;rgb:EVIL/0/0\x07\x1b]12;?\x07",
        "\x1b]17;?\x07\x1b]19;?\x07\x1b]708;?\x07",
        "\x1b]104;EVIL\x07\x1b]4;0;?\x07",
        # Fonts, files, properties, environment (CVE-2022-45063 answered OSC 50).
        "\x1b]50;EVIL\x07\x1b]50;?\x07",
        "\x1b]50;i$(EVIL)\x07\x1b]50;?\x07",
        "\x1b]46;/tmp/EVIL\x07",
        "\x1b]3;EVIL=1\x07",
        "\x1b]1337;ReportVariable=CODED\x07",
        "\x1b]1337;File=name=CODED:CODED\x07",
        "\x1b]1337;Copy=:CODED\x07",
        "\x1b]1337;RequestUpload=format=EVIL\x07",
        "\x1b]1337;SetUserVar=EVIL=CODED\x07",
        "\x1b]777;notify;EVIL;EVIL\x07",
        "\x1b]99;i=EVIL;EVIL\x1b\\",
        "\x1b]60\x07\x1b]61;EVIL\x07",
        "\x1b]7;file://EVIL/etc\x07",
        "\x1b]6;EVIL\x07\x1b]30;EVIL\x07",
        # Clipboard: set is a question, read is nothing.
        "\x1b]52;c;CODED\x07",
        "\x1b]52;p;CODED\x1b\\\x1b]52;p;?\x07",
        "\x1b]52;;CODED\x07\x1b]52;;?\x07",
        "\x1b]52;c;CODED\x07\x1b]52;c;?\x1b\\",
        "\x1b]52;s0;!EVIL!\x07\x1b]52;s0;?\x07",
        "\x1b]5522;type=read;CODED\x1b\\",
        # Links are text until somebody opens them.
        "\x1b]8;;file:///EVIL\x07click\x1b]8;;\x07",
        "\x1b]8;;javascript:EVIL\x07click\x1b]8;;\x07",
        "\x1b]8;id=EVIL;ssh://-oProxyCommand=EVIL\x07click\x1b]8;;\x07",
        "\x1b]8;;https://example.org/\x1b]2;EVIL\x07\x07",
        # The screen is not read back.
        "EVIL\x1b[H\x1b[1;1;1;1;1;5*y",
        "EVIL\x1b[1;1;1;1;5*y\x1b[63;1;1;1;1;1*y",
        "EVIL\x1b[i\x1b[4i\x1b[5iEVIL\x1b[4i\x1b[?5iEVIL\x1b[?4i",
        "EVIL\x1b#6\x1b[?10n\x1b[?11n",
        "\x1b[5;EVILn",
        "\x1b[?62nEVIL\x1b[?63;7n",
        # Reports within reports, answerbacks, keyboards, mice.
        "\x05EVIL\x05",
        "\x1bZEVIL\x1b[c\x1b[>c\x1b[=c",
        "\x1b[?EVIL$p\x1b[EVIL$p",
        "\x1b[>4;2m\x1b[?4m\x1b[>0q\x1b[?u\x1b[>1uEVIL\x1b[<u",
        "\x1b[1'|\x1b[2'zEVIL\x1b['|",
        "\x1b[1;2'w\x1b[?55n\x1b[?56nEVIL",
        "\x1b_Gi=1,a=q;CODED\x1b\\\x1b_EVIL\x1b\\",
        "\x1b^EVIL\x1b\\\x1bXEVIL\x1b\\\x1bPEVIL\x1b\\",
        "\x1bPtmux;\x1b\x1b]52;c;CODED\x07\x1b\\",
        "\x9d2;EVIL\x9c\x9b21t\x90$qEVIL\x9c",
        "\x1b[x\x1b[1x\x1b[&wEVIL",
    )
)
#: Every answer there is: numbers in a fixed frame.
ANSWERS = re.compile(
    rb"""(?: \x1b\[ [?>]? [0-9;]* (?:\$y|[cnRtx]) | \x1b\[0\*\{
    | \x1bP (?: [01]\$r [0-9;:]* (?:[mrst]|[ ]q|"[pq]|[*$]\|)? | !\|00000000 | >\|MachinaDesktop | 0!~0000 ) \x1b\\
    | \x1b\] [0-9;]+ rgb:[0-9a-f]{4}/[0-9a-f]{4}/[0-9a-f]{4} \x1b\\ )*\Z""",
    re.VERBOSE,
)


def after(data: bytes) -> tuple[Terminal, bytes, list[Told]]:
    replies: list[bytes] = []
    told: list[Told] = []
    terminal = Terminal(80, 24, reply=replies.append, tell=told.append)
    terminal.feed(data)
    return terminal, b"".join(replies), told


def test_there_are_enough_of_them() -> None:
    assert len(set(HOSTILE)) >= 60


@pytest.mark.parametrize("sequence", HOSTILE)
def test_nothing_the_attacker_chose_is_typed_back(sequence: str) -> None:
    for data in (sequence.encode(), sequence.encode() * 3, (sequence + "\x1b\\\x1b[6n").encode()):
        _, replies, _ = after(data)
        assert ANSWERS.match(replies), replies
        assert not any(chosen.encode().lower() in replies.lower() for chosen in (EVIL, HEX, CODED))


@pytest.mark.parametrize("sequence", HOSTILE)
def test_the_clipboard_is_asked_for_and_titles_are_clean(sequence: str) -> None:
    terminal, _, told = after(sequence.encode())
    asked = [event for event in told if isinstance(event, ClipboardAsked)]
    assert [event.text for event in asked] == [EVIL] * len(asked)
    assert bool(asked) == ("\x1b]52;" in sequence and ";CODED".replace("CODED", CODED) in sequence)
    assert all(event.title.isprintable() for event in told if isinstance(event, TitleChanged))
    assert terminal.title.isprintable()


@pytest.mark.parametrize(
    "begin, end",
    [
        ("\x1b]0;", "\x07"),
        ("\x1b]8;;http://", "\x07"),
        ("\x1b]52;c;", "\x07"),
        ("\x1bP$q", "\x1b\\"),
        ("\x1b_", "\x1b\\"),
    ],
)
def test_a_string_without_measure_is_swallowed_in_bounded_room(begin: str, end: str) -> None:
    terminal, replies, told = after(begin.encode() + b"A" * 3_000_000 + end.encode() + b"after")
    assert terminal.row(0).text == "after"
    assert (replies, told) == (b"", [])


def test_a_sequence_without_measure_is_swallowed() -> None:
    terminal, _, _ = after(b"\x1b[" + b"1;" * 500_000 + b"mafter")
    assert (terminal.row(0).text, terminal.row(0).runs) == ("after", ())


def test_a_title_has_a_measure_and_no_controls_and_no_turned_writing() -> None:
    terminal, _, _ = after("\x1b]2;\u202eabc\x01\u200b{}\x07".format("x" * 9000).encode())
    assert terminal.title == "abc" + "x" * 253


def test_links_give_way_to_newer_ones() -> None:
    terminal, _, _ = after(b"".join(b"\x1b]8;;http://h/%d\x07x" % number for number in range(10_000)))
    assert len(terminal.screen.links._by_number) <= 4096
    assert terminal.link_at(0, 0) is None or terminal.link_at(0, 0).address.startswith("http://h/")


def test_a_cell_does_not_grow_without_measure() -> None:
    terminal, _, _ = after(b"a" + "\u0301\u0302".encode() * 100_000)
    assert len(terminal.row(0).clusters[0]) <= 16


@pytest.mark.parametrize(
    "sequence", ["\x1b[9999b", "\x1b[9999L", "\x1b[9999@", "\x1b[9999T", "\x1b[9999I", "\x1b[?45h\x1b[9999D"]
)
def test_large_counts_take_no_time(sequence: str) -> None:
    began = time.process_time()
    after(b"x" + sequence.encode() * 500)
    assert time.process_time() - began < 1.5


def test_random_bytes_neither_raise_nor_hang() -> None:
    choose = random.Random(5)
    terminal = Terminal(80, 24)
    for _ in range(30):
        terminal.feed(choose.randbytes(16_384))
        terminal.resize(choose.randint(1, 120), choose.randint(1, 50))
    assert len(terminal.row(0).text) <= terminal.columns


def test_invalid_utf8_is_shown_as_replacement() -> None:
    terminal, _, _ = after(b"a\xffb\xc3(\xe2\x82c\xed\xa0\x80d")
    assert terminal.row(0).text.replace("\ufffd", "?").startswith("a?b?(?c")


def test_a_line_of_fifty_megabytes_passes() -> None:
    terminal = Terminal(80, 24, scrollback=10_000)
    chunk = b"0123456789" * 100_000
    for _ in range(50):
        terminal.feed(chunk)
    terminal.feed(b"end")
    assert 10_000 <= terminal.scrolled <= 10_000 + 600
    assert terminal.top + terminal.cursor.y == 50_000_003 // 80
    assert terminal.row(terminal.cursor.y).text == "end"


def test_a_storm_of_sizes_keeps_the_text() -> None:
    choose = random.Random(6)
    terminal = Terminal(80, 24)
    lines = [f"{number} " + "word " * choose.randint(0, 60) for number in range(500)]
    terminal.feed("\r\n".join(lines).encode())
    for _ in range(100):
        terminal.resize(choose.randint(2, 200), choose.randint(1, 70))
    terminal.resize(1000, 24)
    rows = [terminal.row(y).text for y in range(-terminal.scrolled, terminal.cursor.y + 1)]
    assert rows == [line.rstrip() for line in lines]
