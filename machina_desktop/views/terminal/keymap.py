"""What a key sends to the program in the terminal, as xterm encodes it, and which keys the window keeps.

The window keeps ``Ctrl+Tab`` and ``Ctrl+Shift+Tab`` (to the next and the former control, the way out), ``Ctrl`` with 0
(the size of letters), 1, 9 or a comma (apps; other digits are control characters, as nano's mark), ``Ctrl+PgUp`` and
``Ctrl+PgDown`` (the tabs), everything with ``Ctrl+Alt``, and everything with ``Ctrl+Shift``. A tab of several terminals
takes the arrows with ``Alt+Shift``. All else is the shell's, ``Ctrl+K`` and ``F6`` too; actions open with
``Ctrl+Shift+P`` as well.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent

_Key = Qt.Key
_Mod = Qt.KeyboardModifier
_SHIFT, _ALT, _CONTROL, _META = _Mod.ShiftModifier, _Mod.AltModifier, _Mod.ControlModifier, _Mod.MetaModifier

_CURSOR_KEYS: Final = {
    _Key.Key_Up: "A",
    _Key.Key_Down: "B",
    _Key.Key_Right: "C",
    _Key.Key_Left: "D",
    _Key.Key_Clear: "E",
    _Key.Key_End: "F",
    _Key.Key_Home: "H",
}
_EDITING_KEYS: Final = {
    _Key.Key_Insert: 2,
    _Key.Key_Delete: 3,
    _Key.Key_PageUp: 5,
    _Key.Key_PageDown: 6,
    _Key.Key_F5: 15,
    _Key.Key_F6: 17,
    _Key.Key_F7: 18,
    _Key.Key_F8: 19,
    _Key.Key_F9: 20,
    _Key.Key_F10: 21,
    _Key.Key_F11: 23,
    _Key.Key_F12: 24,
}
_FIRST_KEYS: Final = {_Key.Key_F1: "P", _Key.Key_F2: "Q", _Key.Key_F3: "R", _Key.Key_F4: "S"}
# What Ctrl makes of keys that are no letters.
_CONTROLS: Final = {
    _Key.Key_Space: "\0",
    _Key.Key_At: "\0",
    _Key.Key_BracketLeft: "\x1b",
    _Key.Key_Backslash: "\x1c",
    _Key.Key_BracketRight: "\x1d",
    _Key.Key_AsciiCircum: "\x1e",
    _Key.Key_Underscore: "\x1f",
    _Key.Key_Slash: "\x1f",
    _Key.Key_2: "\0",
    _Key.Key_3: "\x1b",
    _Key.Key_4: "\x1c",
    _Key.Key_5: "\x1d",
    _Key.Key_6: "\x1e",
    _Key.Key_7: "\x1f",
    _Key.Key_8: "\x7f",
    _Key.Key_Question: "\x7f",
}
# With Ctrl.
_WINDOWS_KEYS: Final = frozenset({_Key.Key_Tab, _Key.Key_Backtab, _Key.Key_Comma, _Key.Key_PageUp, _Key.Key_PageDown})
_WINDOWS_DIGITS: Final = frozenset({_Key.Key_0, _Key.Key_1, _Key.Key_9})


@dataclass(frozen=True, kw_only=True)
class KeyModes:
    """What the program has asked of the keyboard: DECCKM, DECKPAM and LNM."""

    is_cursor_application: bool = False
    is_keypad_application: bool = False
    is_newline: bool = False


def encoded(event: QKeyEvent, modes: KeyModes) -> bytes:
    """The bytes a key press sends; empty for keys that send nothing, such as Shift alone."""
    key, modifiers = _Key(event.key()), event.modifiers()
    if modifiers & _META:
        return b""
    if key == _Key.Key_Backtab:
        return b"\x1b[Z"
    number = _modifier_number(modifiers)
    if _Key.Key_F13 <= key <= _Key.Key_F24:
        # As xterm's keyboard has it: F13 is F1 with Shift.
        key, number = _Key(key - 12), number | 1
    special = _special(key, number, modes)
    if special:
        return special.encode()
    return _text(event, key, modifiers, modes).encode()


def is_kept_by_window(event: QKeyEvent) -> bool:
    """Whether the window's shortcuts go before the program in the terminal."""
    key, modifiers = _Key(event.key()), event.modifiers()
    if not modifiers & _CONTROL:
        return False
    if modifiers & (_SHIFT | _ALT) or key in _WINDOWS_KEYS:
        return True
    return key in _WINDOWS_DIGITS and not modifiers & _Mod.KeypadModifier


def _modifier_number(modifiers: Qt.KeyboardModifier) -> int:
    """The number in xterm of the modifiers held, less one; 0 for none."""
    return bool(modifiers & _SHIFT) | bool(modifiers & _ALT) << 1 | bool(modifiers & _CONTROL) << 2


def _special(key: Qt.Key, number: int, modes: KeyModes) -> str:
    """The sequence of a key that stands for no character; empty for others."""
    if final := _CURSOR_KEYS.get(key):
        if number:
            return f"\x1b[1;{number + 1}{final}"
        return f"\x1bO{final}" if modes.is_cursor_application else f"\x1b[{final}"
    if final := _FIRST_KEYS.get(key):
        return f"\x1b[1;{number + 1}{final}" if number else f"\x1bO{final}"
    if code := _EDITING_KEYS.get(key):
        return f"\x1b[{code};{number + 1}~" if number else f"\x1b[{code}~"
    return ""


def _text(event: QKeyEvent, key: Qt.Key, modifiers: Qt.KeyboardModifier, modes: KeyModes) -> str:
    """What a key types, with Alt as an ESC before it."""
    escape = "\x1b" if modifiers & _ALT else ""
    if key == _Key.Key_Enter and modes.is_keypad_application and not escape:
        return "\x1bOM"
    plain = {
        _Key.Key_Backspace: "\x08" if modifiers & _CONTROL else "\x7f",
        _Key.Key_Return: "\r\n" if modes.is_newline else "\r",
        _Key.Key_Enter: "\r\n" if modes.is_newline else "\r",
        _Key.Key_Tab: "\t",
        _Key.Key_Escape: "\x1b",
    }.get(key)
    if plain is not None:
        return escape + plain
    typed = event.text()
    if not modifiers & _CONTROL:
        return escape + typed if typed else ""
    if escape and typed > " " and typed.isprintable():
        # AltGr, which some systems tell as Ctrl with Alt, has made a character of it.
        return typed
    return _controlled(key, typed, escape)


def _controlled(key: Qt.Key, typed: str, escape: str) -> str:
    if len(typed) == 1 and (typed < " " or typed == "\x7f"):
        # The system knows the layout, so that Ctrl+C is one in Cyrillic too.
        return escape + typed
    if _Key.Key_A <= key <= _Key.Key_Z:
        return escape + chr(key - _Key.Key_A + 1)
    return escape + _CONTROLS[key] if key in _CONTROLS else ""
