"""What is pasted: cleaned of control characters, bracketed where the program asks, shown before where it matters."""

from __future__ import annotations

import re
from typing import Final

# Tab and line feed stay; the rest could end the bracket, move the cursor or start a program.
_CONTROLS: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_TURNING: Final = re.compile("[\u202a-\u202e\u2066-\u2069]")


def cleaned(text: str) -> str:
    """The text with line feeds as line ends and without control characters other than tab and line feed."""
    return _TURNING.sub("", _CONTROLS.sub("", text.replace("\r\n", "\n").replace("\r", "\n")))


def encoded(text: str, *, is_bracketed: bool) -> bytes:
    """What is sent for a cleaned text: line ends as Enter, between the marks of DEC 2004 where the program asked."""
    sent = text.replace("\n", "\r").encode("utf-8", "replace")
    return b"\x1b[200~" + sent + b"\x1b[201~" if is_bracketed else sent


def is_shown_first(text: str, *, is_production: bool) -> bool:
    """Whether a person sees and may edit it before it is sent: several lines, or any on a production machine."""
    return is_production or "\n" in text.rstrip("\n") or (text.endswith("\n") and bool(text.strip()))
