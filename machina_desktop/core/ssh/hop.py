"""A server on the way to a shell: where it is, which key it must show, and what may be used to log in there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from machina_desktop.core.domain.terminal import Answer, HostKey, Question
from machina_desktop.core.secret import Secret
from machina_desktop.core.ssh.target import Target

Ask = Callable[[Question], Answer]
"""Puts a question to the person and waits for the answer; any thread. Raises what ends the attempt."""


@dataclass(frozen=True, kw_only=True)
class StoredKey:
    """A private key in OpenSSH form without a passphrase, under the name people gave it."""

    name: str
    private: Secret


@dataclass(frozen=True, kw_only=True)
class Hop:
    """One server, reached over the ones before it.

    Attributes:
        name: What people call it.
        about: What whoever made it knows it by, such as a machine's id.
        pins: Fingerprints ``SHA256:…``, any of which its key may have; none asks the person.
        printed: Keys that the server printed at its first boot, told by its provider: it must show one of these,
            whatever was pinned before, and nobody is asked.
        revoked: Fingerprints that are never accepted.
        known: What is known about the pin, or without one about the server; whole sentences.
        keys: Tried first, in this order.
        key_files: Private key files that somebody has named; a passphrase is asked for.
        default_files: Private key files that nobody has named; those with a passphrase are left alone.
        fitting: Fingerprints of public keys that are known to fit; the agent's keys among them come first of all.
        agent: Socket of the person's SSH agent; empty for none.
        is_limited: Only keys that are named here are offered, not everything that the agent has.
        forwards_agent: Programs on the server may use the agent.
        is_attended: Somebody is there to type what the server asks for.
    """

    name: str
    target: Target
    about: str = ""
    pins: tuple[str, ...] = ()
    printed: tuple[HostKey, ...] = ()
    revoked: tuple[str, ...] = ()
    known: str = ""
    keys: tuple[StoredKey, ...] = field(default=(), repr=False)
    key_files: tuple[Path, ...] = ()
    default_files: tuple[Path, ...] = ()
    fitting: tuple[str, ...] = ()
    agent: str = ""
    is_limited: bool = False
    forwards_agent: bool = False
    is_attended: bool = True


class Guide(Protocol):
    """Who is asked on the way, and who keeps what was answered. Called on the connecting thread and its helpers."""

    def ask(self, question: Question) -> Answer:
        """The person's answer; blocks until there is one."""
        ...

    def pin(self, hop: Hop, key: HostKey) -> None:
        """Keep the key that the person has accepted, or that is among the printed ones; nothing secret was sent before.

        Raises:
            MachinaError: it could not be kept, so the connection is not made.
        """
        ...
