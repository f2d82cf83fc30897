"""What keys and the mouse send, as xterm encodes it, and what is pasted."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QKeyEvent

from machina_desktop.views.terminal import links, pasting
from machina_desktop.views.terminal.keymap import KeyModes, encoded, is_kept_by_window
from machina_desktop.views.terminal.mouse_reports import Act, MouseAct, reported

Key = Qt.Key
NONE, SHIFT, ALT, CONTROL, META, PAD = (
    Qt.KeyboardModifier.NoModifier,
    Qt.KeyboardModifier.ShiftModifier,
    Qt.KeyboardModifier.AltModifier,
    Qt.KeyboardModifier.ControlModifier,
    Qt.KeyboardModifier.MetaModifier,
    Qt.KeyboardModifier.KeypadModifier,
)
PLAIN = KeyModes()
CURSOR = KeyModes(is_cursor_application=True)
KEYPAD = KeyModes(is_keypad_application=True)
NEWLINE = KeyModes(is_newline=True)


def key(which: Qt.Key, modifiers: Qt.KeyboardModifier = NONE, text: str = "") -> QKeyEvent:
    return QKeyEvent(QEvent.Type.KeyPress, which, modifiers, text)


@pytest.mark.parametrize(
    "event, modes, wanted",
    [
        (key(Key.Key_A, NONE, "a"), PLAIN, b"a"),
        (key(Key.Key_A, SHIFT, "A"), PLAIN, b"A"),
        (key(Key.Key_A, ALT, "a"), PLAIN, b"\x1ba"),
        (key(Key.Key_C, CONTROL, "\x03"), PLAIN, b"\x03"),
        (key(Key.Key_C, CONTROL), PLAIN, b"\x03"),
        (key(Key.Key_C, CONTROL | ALT, "\x03"), PLAIN, b"\x1b\x03"),
        (key(Key(0x421), CONTROL, "\x03"), PLAIN, b"\x03"),
        (key(Key.Key_Q, CONTROL | ALT, "@"), PLAIN, b"@"),
        (key(Key.Key_E, Qt.KeyboardModifier.GroupSwitchModifier, "€"), PLAIN, "€".encode()),
        (key(Key.Key_Space, CONTROL, " "), PLAIN, b"\0"),
        (key(Key.Key_BracketLeft, CONTROL), PLAIN, b"\x1b"),
        (key(Key.Key_Backslash, CONTROL), PLAIN, b"\x1c"),
        (key(Key.Key_Slash, CONTROL), PLAIN, b"\x1f"),
        (key(Key.Key_6, CONTROL, "6"), PLAIN, b"\x1e"),
        (key(Key.Key_2, CONTROL), PLAIN, b"\0"),
        (key(Key.Key_Up), PLAIN, b"\x1b[A"),
        (key(Key.Key_Up), CURSOR, b"\x1bOA"),
        (key(Key.Key_Up, SHIFT), CURSOR, b"\x1b[1;2A"),
        (key(Key.Key_Left, CONTROL), PLAIN, b"\x1b[1;5D"),
        (key(Key.Key_Right, CONTROL | ALT | SHIFT), PLAIN, b"\x1b[1;8C"),
        (key(Key.Key_Home), CURSOR, b"\x1bOH"),
        (key(Key.Key_End, PAD), PLAIN, b"\x1b[F"),
        (key(Key.Key_Insert), PLAIN, b"\x1b[2~"),
        (key(Key.Key_Delete, CONTROL), PLAIN, b"\x1b[3;5~"),
        (key(Key.Key_PageUp), PLAIN, b"\x1b[5~"),
        (key(Key.Key_F1), PLAIN, b"\x1bOP"),
        (key(Key.Key_F4, ALT), PLAIN, b"\x1b[1;3S"),
        (key(Key.Key_F5), PLAIN, b"\x1b[15~"),
        (key(Key.Key_F12, SHIFT), PLAIN, b"\x1b[24;2~"),
        (key(Key.Key_F13), PLAIN, b"\x1b[1;2P"),
        (key(Key.Key_F24), PLAIN, b"\x1b[24;2~"),
        (key(Key.Key_Tab, NONE, "\t"), PLAIN, b"\t"),
        (key(Key.Key_Backtab, SHIFT), PLAIN, b"\x1b[Z"),
        (key(Key.Key_Return, NONE, "\r"), PLAIN, b"\r"),
        (key(Key.Key_Return, ALT, "\r"), PLAIN, b"\x1b\r"),
        (key(Key.Key_Return, NONE, "\r"), NEWLINE, b"\r\n"),
        (key(Key.Key_Enter, PAD, "\r"), KEYPAD, b"\x1bOM"),
        (key(Key.Key_5, PAD, "5"), KEYPAD, b"5"),
        (key(Key.Key_Escape, NONE, "\x1b"), PLAIN, b"\x1b"),
        (key(Key.Key_Backspace, NONE, "\x08"), PLAIN, b"\x7f"),
        (key(Key.Key_Backspace, CONTROL), PLAIN, b"\x08"),
        (key(Key.Key_Backspace, ALT), PLAIN, b"\x1b\x7f"),
        (key(Key.Key_Shift, SHIFT), PLAIN, b""),
        (key(Key.Key_L, META, "l"), PLAIN, b""),
        (key(Key.Key_Dead_Acute), PLAIN, b""),
    ],
)
def test_a_key_sends_what_xterm_sends(event: QKeyEvent, modes: KeyModes, wanted: bytes) -> None:
    assert encoded(event, modes) == wanted


@pytest.mark.parametrize(
    "which, modifiers, is_kept",
    [
        (Key.Key_K, CONTROL, False),
        (Key.Key_F6, NONE, False),
        (Key.Key_Tab, NONE, False),
        (Key.Key_Q, CONTROL, False),
        (Key.Key_P, CONTROL | SHIFT, True),
        (Key.Key_N, CONTROL | ALT, True),
        (Key.Key_Tab, CONTROL, True),
        (Key.Key_1, CONTROL, True),
        (Key.Key_6, CONTROL, False),
        (Key.Key_PageUp, CONTROL, True),
        (Key.Key_Comma, CONTROL, True),
    ],
)
def test_the_window_keeps_only_what_is_written_down(
    which: Qt.Key, modifiers: Qt.KeyboardModifier, *, is_kept: bool
) -> None:
    assert is_kept_by_window(key(which, modifiers)) is is_kept


def mouse(act: Act, button: int = 0, at: tuple[int, int] = (4, 2), held: Qt.KeyboardModifier = NONE) -> MouseAct:
    return MouseAct(act=act, button=button, column=at[0], row=at[1], modifiers=held)


@pytest.mark.parametrize(
    "act, mode, encoding, wanted",
    [
        (mouse(Act.PRESS), "off", "sgr", b""),
        (mouse(Act.PRESS, 2), "x10", "default", b"\x1b[M\x22\x25\x23"),
        (mouse(Act.PRESS, held=CONTROL), "x10", "default", b"\x1b[M\x20\x25\x23"),
        (mouse(Act.RELEASE), "x10", "default", b""),
        (mouse(Act.PRESS), "press", "default", b"\x1b[M\x20\x25\x23"),
        (mouse(Act.RELEASE), "press", "default", b"\x1b[M\x23\x25\x23"),
        (mouse(Act.PRESS, held=CONTROL | ALT), "press", "default", b"\x1b[M\x38\x25\x23"),
        (mouse(Act.MOVE), "press", "sgr", b""),
        (mouse(Act.MOVE), "drag", "sgr", b"\x1b[<32;5;3M"),
        (mouse(Act.MOVE, 3), "drag", "sgr", b""),
        (mouse(Act.MOVE, 3), "motion", "sgr", b"\x1b[<35;5;3M"),
        (mouse(Act.PRESS, 1), "press", "sgr", b"\x1b[<1;5;3M"),
        (mouse(Act.RELEASE, 1), "press", "sgr", b"\x1b[<1;5;3m"),
        (mouse(Act.PRESS, 64), "press", "sgr", b"\x1b[<64;5;3M"),
        (mouse(Act.RELEASE, 64), "press", "sgr", b""),
        (mouse(Act.PRESS, 2), "press", "urxvt", b"\x1b[34;5;3M"),
        (mouse(Act.PRESS, at=(299, 2)), "press", "default", b""),
        (mouse(Act.PRESS, at=(299, 2)), "press", "utf8", b"\x1b[M\x20" + chr(332).encode() + b"\x23"),
        (mouse(Act.PRESS, at=(299, 2)), "press", "sgr", b"\x1b[<0;300;3M"),
    ],
)
def test_the_mouse_is_reported_as_asked(act: MouseAct, mode: str, encoding: str, wanted: bytes) -> None:
    assert reported(act, mode, encoding) == wanted


@pytest.mark.parametrize(
    "text, wanted",
    [
        ("ls\r\npwd\r", "ls\npwd\n"),
        ("a\x1b[201~rm -rf /\x03", "a[201~rm -rf /"),
        ("tab\there", "tab\there"),
        ("\u202egnp.exe", "gnp.exe"),
        ("ünï", "ünï"),
    ],
)
def test_what_is_pasted_holds_no_control_characters(text: str, wanted: str) -> None:
    assert pasting.cleaned(text) == wanted


def test_lines_are_sent_as_enter_and_between_marks_where_asked() -> None:
    assert pasting.encoded("a\nb", is_bracketed=False) == b"a\rb"
    assert pasting.encoded("a\nb", is_bracketed=True) == b"\x1b[200~a\rb\x1b[201~"


@pytest.mark.parametrize(
    "text, is_production, is_shown",
    [("ls", False, False), ("ls", True, True), ("a\nb", False, True), ("reboot\n", False, True), ("\n", False, False)],
)
def test_lines_and_production_are_shown_before_they_are_pasted(
    text: str, *, is_production: bool, is_shown: bool
) -> None:
    assert pasting.is_shown_first(text, is_production=is_production) is is_shown


@pytest.mark.parametrize(
    "text, found",
    [
        ("see https://example.com/a?b=1.", ["https://example.com/a?b=1"]),
        ("(https://en.example.org/wiki/Foo_(bar))", ["https://en.example.org/wiki/Foo_(bar)"]),
        ("mailto:a@b.example, ssh://root@host:22/", ["mailto:a@b.example", "ssh://root@host:22/"]),
        ("javascript:alert(1) nothing://x", []),
    ],
)
def test_addresses_are_found_without_what_stands_around_them(text: str, found: list[str]) -> None:
    assert [each.address for each in links.addresses(text)] == found


@pytest.mark.parametrize(
    "address, is_usual",
    [("https://a.example", True), ("HTTP://a", True), ("file:///etc/passwd", False), ("ssh://a", False), ("a", False)],
)
def test_only_web_pages_open_without_a_question(address: str, *, is_usual: bool) -> None:
    assert links.is_usual(address) is is_usual


def test_an_address_is_shown_without_characters_that_turn_it_round() -> None:
    assert links.shown("https://a.example/\u202egnp") == "https://a.example/%202Egnp"
