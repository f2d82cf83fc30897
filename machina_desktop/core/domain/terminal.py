"""A shell on a machine as whoever shows it sees it: its states, and what may be asked on the way to it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from machina_desktop.core.secret import Secret


class SessionState(StrEnum):
    """Where a session stands.

    CONNECTING leads to ASKING and back, and to LIVE or LOST; LIVE ends as LOST (the connection broke) or ENDED (the
    shell ended, or the session was closed). From LOST and ENDED a session may be reconnected.
    """

    CONNECTING = "connecting"
    ASKING = "asking"
    LIVE = "live"
    LOST = "lost"
    ENDED = "ended"

    @property
    def is_over(self) -> bool:
        """Whether nothing more comes unless it is reconnected."""
        return self in {SessionState.LOST, SessionState.ENDED}


@dataclass(frozen=True, kw_only=True)
class HostKey:
    """A server's public key.

    Attributes:
        fingerprint: ``SHA256:…`` as ``ssh-keygen -l`` prints it.
        public_line: ``type base64`` as in a known_hosts file; empty where only the fingerprint is known.
    """

    fingerprint: str
    key_type: str
    bits: int
    public_line: str = ""


class QuestionKind(StrEnum):
    """What a question is about."""

    HOST_KEY = "host_key"
    PASSPHRASE = "passphrase"  # noqa: S105 - the name of a kind
    PASSWORD = "password"  # noqa: S105 - the name of a kind
    PROMPTS = "prompts"


@dataclass(frozen=True, kw_only=True)
class Prompt:
    """One line to be typed: what the person reads, and whether they may see what they type."""

    text: str
    is_shown: bool = False


@dataclass(frozen=True, kw_only=True)
class Question:
    """What has to be answered before a login can go on.

    Attributes:
        name: The machine or jump host it is about, as people call it.
        address: Where it is, such as ``203.0.113.5, port 22``.
        user: The login name.
        text: The question in a sentence or two. Of ``PROMPTS`` it is the server's, without control characters.
        prompts: What is to be typed, in order; none for a host key.
        host_key: The key that was shown, for ``HOST_KEY``.
        known: What is known about the machine, for ``HOST_KEY``.
        file: The key file, for ``PASSPHRASE``.
        is_retry: The answer before this one was wrong.
    """

    kind: QuestionKind
    name: str
    address: str
    user: str
    text: str
    prompts: tuple[Prompt, ...] = ()
    host_key: HostKey | None = None
    known: str = ""
    file: str = ""
    is_retry: bool = False


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What the person says: no, or yes with what they typed, one text for each prompt."""

    is_yes: bool
    texts: tuple[Secret, ...] = ()


NO = Answer(is_yes=False)
