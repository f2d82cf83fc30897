"""What was typed is known only once the terminal has shown it: a password that nobody sees is never kept."""

from __future__ import annotations

import re
from collections import deque

from machina_desktop.core.terminal.redaction import SEQUENCE

LONGEST_RUN = 4096
MOST_SEEN = 1 << 16
_TAIL = 400
_KEY = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|O.|.)?|[\x00-\x1f\x7f]", re.DOTALL)
_ASKS_SECRET = re.compile(
    r"(?:pass(?:word|phrase|code|wort)|\bpin\b|secret|token|verification code|one-time|otp|mot de passe|contraseña)"
    r"[^\n]{0,80}[:>?][ \t]*\Z",
    re.IGNORECASE,
)


class ShownInput:
    """Holds back what is typed until it is shown. One thread at a time.

    A run of characters is told when what arrives after it was begun holds that run, and it is dropped when its line
    ends without. At a prompt that asks for a secret it is dropped whatever is shown. Keys that write nothing, such as
    arrows and Enter, are told in their place.
    """

    def __init__(self) -> None:
        self._waiting: deque[_Typed] = deque()
        self._seen = ""
        self._tail = ""

    def typed(self, text: str) -> str:
        """Take in what was typed; answers what is known by now."""
        done = 0
        for match in _KEY.finditer(text):
            self._add(text[done : match.start()])
            self._waiting.append(_Typed(match[0], is_key=True))
            done = match.end()
        self._add(text[done:])
        return self._known()

    def shown(self, text: str) -> str:
        """Take in what the terminal was sent; answers what is known by now."""
        plain = SEQUENCE.sub("", text[-MOST_SEEN:])
        self._tail = (self._tail + plain)[-_TAIL:]
        if not self._waiting:
            return ""
        self._seen = (self._seen + plain)[-MOST_SEEN:]
        return self._known()

    def _add(self, run: str) -> None:
        if not run:
            return
        if self._waiting and not self._waiting[-1].is_key:
            last = self._waiting[-1]
            last.text = (last.text + run)[: LONGEST_RUN + 1]
            return
        if not self._waiting:
            self._seen = ""
        self._waiting.append(_Typed(run[: LONGEST_RUN + 1], is_secret=_ASKS_SECRET.search(self._tail) is not None))

    def _known(self) -> str:
        told = []
        while self._waiting:
            first = self._waiting[0]
            if first.is_key:
                if not self._is_past(first.text):
                    break
                told.append(first.text)
            elif len(self._waiting) == 1:
                break
            elif not first.is_secret and len(first.text) <= LONGEST_RUN and self._find(first.text):
                told.append(first.text)
            elif not (first.is_secret or len(first.text) > LONGEST_RUN or "\n" in self._seen):
                break
            self._waiting.popleft()
        return "".join(told)

    def _is_past(self, key: str) -> bool:
        """Whether what follows this key may be looked for: after Enter, in the next line."""
        if key not in {"\r", "\n"} or len(self._waiting) == 1:
            return True
        _line, has_ended, rest = self._seen.partition("\n")
        if has_ended:
            self._seen = rest
        return bool(has_ended)

    def _find(self, run: str) -> bool:
        """Whether that run was shown; what comes before its end is done with."""
        # A shell that edits its line breaks it so at the right margin.
        seen = self._seen.replace(" \r", "")
        at = seen.partition("\n")[0].find(run)
        if at >= 0:
            self._seen = seen[at + len(run) :]
        return at >= 0


class _Typed:
    """A run of characters, or one key that writes none."""

    def __init__(self, text: str, *, is_key: bool = False, is_secret: bool = False) -> None:
        self.text = text
        self.is_key = is_key
        self.is_secret = is_secret
