"""What is asked and answered over HTTP, for those who must not load what speaks it before they do."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from machina_desktop.core.errors import InvalidInput, Unavailable

_ORIGIN = re.compile(r"https?://(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9.-]+)(:[0-9]{1,5})?")


@dataclass(frozen=True, kw_only=True)
class Patience:
    """How long is waited, in seconds.

    Attributes:
        connect_s: For a line.
        read_s: For the next piece of an answer.
        call_s: For a whole answer, however it trickles; more than a server of ours takes.
        silence_s: For the next piece of a stream, on which something comes every 2 seconds.
        pause_s: Before a request is repeated; twice as long each time, and at random down to half of that.
    """

    connect_s: float = 5.0
    read_s: float = 30.0
    call_s: float = 40.0
    silence_s: float = 5.0
    pause_s: float = 0.2


class NoAnswer(Unavailable):
    """A request was sent, and no answer came: it may have been carried out.

    Attributes:
        is_late: The line stands, but the answer did not come in time.
    """

    default_code = "E-OFFLINE"

    def __init__(self, message: str, *, hint: str, is_late: bool) -> None:
        super().__init__(message, hint=hint)
        self.is_late = is_late


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a server answered; header names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


def checked_origin(text: str) -> str:
    """The origin as it is compared: in lower case, without the port that goes without saying.

    Raises:
        InvalidInput: E-SERVER-ADDRESS.
    """
    match = _ORIGIN.fullmatch(text.strip().rstrip("/").lower())
    port = int(match[2][1:]) if match and match[2] else 0
    if match is None or port > 0xFFFF:
        raise InvalidInput(
            "This is no address of a server.",
            field="url",
            hint="For example https://machina.example.com, without a path.",
            code="E-SERVER-ADDRESS",
        )
    found = match[0]
    return found.removesuffix(":443" if found.startswith("https:") else ":80")


def strange(host: str, how: str) -> Unavailable:
    """What answers is no server that is understood."""
    return Unavailable(
        f"{host} answers {how}.",
        hint="Check the address, and whether something between here and there answers in its place.",
        code="E-SERVER-ANSWER",
    )
