"""The keys that leave a remote shell: ``~.`` at the beginning of a line, as with ssh; ``~~`` types one ``~``."""

from __future__ import annotations


class Escapes:
    """Passes on what is typed, but for the escape."""

    def __init__(self) -> None:
        self._at_line_start = True
        self._has_tilde = False

    def feed(self, data: bytes) -> tuple[bytes, bool]:
        """What is to be sent, and whether the person wants out; nothing that was typed after that is sent."""
        sent = bytearray()
        for key in data:
            if self._has_tilde:
                self._has_tilde = False
                if key == ord("."):
                    return bytes(sent), True
                # Of two tildes one is meant.
                if key != ord("~"):
                    sent.append(ord("~"))
            elif key == ord("~") and self._at_line_start:
                self._has_tilde = True
                continue
            sent.append(key)
            self._at_line_start = key in b"\r\n"
        return bytes(sent), False
