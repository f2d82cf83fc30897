"""What the mouse tells the program in the terminal: modes 9, 1000, 1002 and 1003 in four encodings."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from PySide6.QtCore import Qt

_Mod = Qt.KeyboardModifier
_MOTION: Final = 32
# Beyond these columns and rows the encoding has no byte left.
_LAST_BYTE: Final = 223
_LAST_UTF8: Final = 2015


class Act(IntEnum):
    """What the mouse did."""

    PRESS = 0
    RELEASE = 1
    MOVE = 2


@dataclass(frozen=True, kw_only=True)
class MouseAct:
    """Something the mouse did over a cell.

    Attributes:
        button: 0 left, 1 middle, 2 right, 3 none, 64 and 65 the wheel up and down, 66 and 67 left and right.
        column: From 0.
        row: From 0, at the top of the screen.
    """

    act: Act
    button: int
    column: int
    row: int
    modifiers: Qt.KeyboardModifier = _Mod.NoModifier


def reported(act: MouseAct, mode: str, encoding: str) -> bytes:
    """The bytes of a report; empty where the program does not want to hear of it.

    ``mode`` is ``off``, ``x10``, ``press``, ``drag`` or ``motion``; ``encoding`` ``default``, ``utf8``, ``sgr`` or
    ``urxvt``.
    """
    if not _is_wanted(act, mode):
        return b""
    code = act.button
    if mode != "x10":
        code += _held(act.modifiers)
    if act.act is Act.MOVE:
        code += _MOTION
    column, row = act.column + 1, act.row + 1
    if encoding == "sgr":
        return f"\x1b[<{code};{column};{row}{'m' if act.act is Act.RELEASE else 'M'}".encode()
    if act.act is Act.RELEASE:
        code = 3 + (code & ~3)
    if encoding == "urxvt":
        return f"\x1b[{code + 32};{column};{row}M".encode()
    last = _LAST_UTF8 if encoding == "utf8" else _LAST_BYTE
    if max(column, row) > last:
        return b""
    signs = "".join(chr(32 + number) for number in (code, column, row))
    return b"\x1b[M" + signs.encode("utf-8" if encoding == "utf8" else "latin-1")


def _is_wanted(act: MouseAct, mode: str) -> bool:
    if mode == "off":
        return False
    if mode == "x10":
        return act.act is Act.PRESS and act.button < 3
    if act.act is Act.MOVE:
        return mode == "motion" or (mode == "drag" and act.button < 3)
    # A turn of the wheel is never let go.
    return act.act is Act.PRESS or act.button < 64


def _held(modifiers: Qt.KeyboardModifier) -> int:
    held = 4 if modifiers & _Mod.ShiftModifier else 0
    held += 8 if modifiers & _Mod.AltModifier else 0
    return held + (16 if modifiers & _Mod.ControlModifier else 0)
