"""Logging in as OpenSSH does: keys that fit first, then the agent's and key files, then what the person types."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import paramiko  # type: ignore[import-untyped]

from machina_desktop.core.domain.terminal import Prompt, Question, QuestionKind
from machina_desktop.core.errors import MachinaError, Unavailable
from machina_desktop.core.secret import Secret
from machina_desktop.core.ssh.agent import SIGN_S, agent_keys, fingerprint_of_key
from machina_desktop.core.ssh.hop import Guide, Hop
from machina_desktop.core.ssh.key_files import needs_passphrase, opened_key_file, public_fingerprint
from machina_desktop.core.ssh.private_keys import private_key
from machina_desktop.core.ssh.target import timed_out

KEYS_A_CONNECTION = 5
"""A server hangs up after six failures (``MaxAuthTries``), and the last one is for what the person types."""
CONNECTIONS = 3
"""So often a login is begun anew where a server hangs up before all keys were offered."""
PASSWORD_TRIES = 3
TYPING_S = 600.0
"""So long a server's question may stay unanswered; servers themselves hang up sooner."""
_LONGEST_PROMPT = 1000
_LONGEST_BANNER = 16_384
_MOST_LINES = 200

Open = Callable[[], paramiko.Transport]
"""Opens a connection anew to the server whose key is known."""
Remaining = tuple[str, ...] | None
"""What a server still wants after an attempt: nothing once somebody is logged in; ``None`` when it failed."""


class _HungUp(Exception):
    """The server ended the connection in the middle of a login."""


@dataclass
class _Progress:
    """What is remembered of a login over several connections."""

    offered: set[str] = field(default_factory=set)
    refused_files: set[str] = field(default_factory=set)
    most_keys: int = KEYS_A_CONNECTION
    has_typed: bool = False
    banner: str = ""


def log_in(
    transport: paramiko.Transport, hop: Hop, guide: Guide, timeout_s: float, again: Open
) -> tuple[paramiko.Transport, str]:
    """Log in, on ``transport`` or on one that was opened ``again`` after the server had hung up.

    Returns:
        What one is logged in on, and what the server had to say before (RFC 4252, 5.4): whole lines without anything
        that a terminal would obey, empty for nothing.

    Raises:
        Unavailable: E-SSH-AUTH, E-SSH-KEY, E-SSH-TIMEOUT or what the guide raises.
    """
    progress = _Progress()
    for number in range(CONNECTIONS):
        if number:
            transport.close()
            transport = again()
        login = _Login(transport, hop, guide, timeout_s, progress)
        try:
            if login.run():
                return transport, progress.banner
            if not login.has_more_keys:
                break
        except _HungUp:
            if not login.keys_here and progress.has_typed:
                break
            progress.most_keys = max(1, min(progress.most_keys, login.keys_here - 1))
        except BaseException:
            transport.close()
            raise
    transport.close()
    raise _refused(hop, len(progress.offered), has_typed=progress.has_typed)


class _Login:
    """One connection's part of a login."""

    def __init__(
        self, transport: paramiko.Transport, hop: Hop, guide: Guide, timeout_s: float, progress: _Progress
    ) -> None:
        self._transport = transport
        self._hop = hop
        self._guide = guide
        self._timeout_s = timeout_s
        self._progress = progress
        self._user = hop.target.user
        self.keys_here = 0
        self.has_more_keys = False

    def run(self) -> bool:
        """Whether somebody is logged in now.

        Raises:
            _HungUp: the server has ended the connection.
        """
        wanted = self._wanted_at_first()
        ways: list[tuple[str, Callable[[], Remaining]]] = [("publickey", self._offer_keys)]
        if self._hop.is_attended:
            ways += [("keyboard-interactive", self._answer_prompts), ("password", self._give_password)]
        failed: set[str] = set()
        while wanted:
            way = next(((name, way) for name, way in ways if name in wanted and name not in failed), None)
            if way is None:
                return False
            left = way[1]()
            if left is None:
                failed.add(way[0])
            else:
                # A server may want several proofs, and two of the same kind.
                wanted, failed = left, set()
        return True

    def _wanted_at_first(self) -> tuple[str, ...]:
        deadline = time.monotonic() + self._timeout_s
        try:
            self._transport.auth_none(self._user)
        except paramiko.BadAuthenticationType as error:
            return tuple(error.allowed_types)
        except (paramiko.SSHException, OSError, EOFError) as error:
            self._judge(error, deadline)
            # "none" is among the ways, and it was refused: nobody is let in any way.
            return ("none",)
        finally:
            self._hear_banner()
        return ()

    # Keys

    def _offer_keys(self) -> Remaining:
        with agent_keys(self._hop.agent) as of_agent:
            for key in self._keys(of_agent):
                fingerprint = fingerprint_of_key(key)
                if fingerprint in self._progress.offered:
                    continue
                if self.keys_here >= self._progress.most_keys:
                    self.has_more_keys = True
                    return None
                self._progress.offered.add(fingerprint)
                self.keys_here += 1
                waits_for = SIGN_S + self._timeout_s if hasattr(key, "agent") else self._timeout_s
                left = self._try(partial(self._transport.auth_publickey, self._user, key), waits_for)
                if left is not None:
                    return left
        return None

    def _keys(self, of_agent: Sequence[paramiko.PKey]) -> Iterator[paramiko.PKey]:
        """Those that are meant for this server, then others of the agent, then files with a passphrase."""
        hop = self._hop
        named = {*hop.fitting, *filter(None, map(public_fingerprint, hop.key_files))}
        fitting = [key for key in of_agent if fingerprint_of_key(key) in named]
        for stored in hop.keys:
            yield private_key(stored.private)
        yield from fitting
        locked = []
        for path in hop.key_files:
            key = opened_key_file(path, None)
            if key is not None:
                yield key
            elif self._hop.is_attended and needs_passphrase(path):
                locked.append(path)
        if not hop.is_limited:
            yield from (key for key in of_agent if key not in fitting)
        yield from filter(None, (opened_key_file(path, None) for path in hop.default_files))
        for path in locked:
            if public_fingerprint(path) not in self._progress.offered and str(path) not in self._progress.refused_files:
                key = self._unlocked(path)
                if key is not None:
                    yield key
                else:
                    self._progress.refused_files.add(str(path))

    def _unlocked(self, path: Path) -> paramiko.PKey | None:
        """The key of a file that has a passphrase; ``None`` where the person does not give it."""
        for number in range(PASSWORD_TRIES):
            question = self._question(
                QuestionKind.PASSPHRASE,
                f"The key {path} has a passphrase.",
                (Prompt(text="Passphrase"),),
                file=str(path),
                is_retry=number > 0,
            )
            answer = self._guide.ask(question)
            if not answer.is_yes or not answer.texts or not answer.texts[0]:
                return None
            key = opened_key_file(path, answer.texts[0])
            if key is not None:
                return key
        return None

    # What the person types

    def _answer_prompts(self) -> Remaining:
        return self._typed(self._interactively)

    def _give_password(self) -> Remaining:
        return self._typed(self._with_password)

    def _typed(self, attempt: Callable[[int], Remaining]) -> Remaining:
        for number in range(PASSWORD_TRIES):
            left = attempt(number)
            self._progress.has_typed = True
            if left is not None:
                return left
        return None

    def _with_password(self, number: int) -> Remaining:
        question = self._question(
            QuestionKind.PASSWORD,
            f"The password of {self._user} at {self._hop.name}.",
            (Prompt(text="Password"),),
            is_retry=number > 0,
        )
        (password,) = self._answers(question)
        give = partial(self._transport.auth_password, self._user, password.reveal(), fallback=False)
        return self._try(give, self._timeout_s)

    def _interactively(self, number: int) -> Remaining:
        problems: list[MachinaError] = []

        def handler(title: str, instructions: str, prompts: Sequence[tuple[str, bool]]) -> list[str]:
            # On the library's thread; an error there ends the connection.
            if not prompts:
                return []
            text = " ".join(filter(None, (_plain(title), _plain(instructions))))
            asked = tuple(Prompt(text=_plain(prompt), is_shown=shown) for prompt, shown in prompts)
            question = self._question(
                QuestionKind.PROMPTS, text or f"{self._hop.name} asks {self._user}.", asked, is_retry=number > 0
            )
            try:
                return [each.reveal() for each in self._answers(question)]
            except MachinaError as error:
                problems.append(error)
                raise EOFError from error

        try:
            return self._try(partial(self._transport.auth_interactive, self._user, handler), TYPING_S)
        except _HungUp:
            if problems:
                raise problems[0] from None
            raise

    def _answers(self, question: Question) -> tuple[Secret, ...]:
        answer = self._guide.ask(question)
        if not answer.is_yes or len(answer.texts) != len(question.prompts):
            raise Unavailable(
                f"The login to {self._hop.name} was given up.", hint="Connect again to try it anew.", code="E-SSH-AUTH"
            )
        return answer.texts

    def _question(
        self, kind: QuestionKind, text: str, prompts: tuple[Prompt, ...], *, file: str = "", is_retry: bool = False
    ) -> Question:
        return Question(
            kind=kind,
            name=self._hop.name,
            address=str(self._hop.target),
            user=self._user,
            text=text,
            prompts=prompts,
            file=file,
            is_retry=is_retry,
        )

    # What comes of an attempt

    def _try(self, attempt: Callable[[], Sequence[str]], timeout_s: float) -> Remaining:
        self._transport.auth_timeout = timeout_s
        deadline = time.monotonic() + timeout_s
        try:
            return tuple(attempt())
        except (paramiko.SSHException, OSError, EOFError) as error:
            self._judge(error, deadline)
            return None
        finally:
            self._hear_banner()

    def _hear_banner(self) -> None:
        # The library keeps one for each attempt; servers say it at the first.
        if not self._progress.banner:
            self._progress.banner = _lines(self._transport.get_banner() or b"")

    def _judge(self, error: Exception, deadline: float) -> None:
        if not self._transport.is_active():
            raise _HungUp from error
        if time.monotonic() >= deadline and not isinstance(error, paramiko.BadAuthenticationType):
            raise timed_out(self._hop.target) from error


def _plain(text: object) -> str:
    """What a server says, without what a terminal or a window would obey; line ends become spaces."""
    said = text.decode("utf-8", "replace") if isinstance(text, bytes) else str(text)
    return "".join(each for each in " ".join(said.split()) if each.isprintable())[:_LONGEST_PROMPT]


def _lines(said: bytes) -> str:
    """What a server says before the login, for a terminal: each line ended, and nothing in it that would be obeyed."""
    text = said[:_LONGEST_BANNER].decode("utf-8", "replace").replace("\t", "    ")
    lines = ["".join(each for each in line if each.isprintable()) for line in text.splitlines()[:_MOST_LINES]]
    return "".join(f"{line.rstrip()}\r\n" for line in lines) if any(lines) else ""


def _refused(hop: Hop, keys: int, *, has_typed: bool) -> Unavailable:
    target = hop.target
    if not keys and not has_typed:
        return Unavailable(
            f"There is no private key to log in to {target.host} with.",
            hint="Choose an SSH key whose private half is stored here, or add one to your SSH agent.",
            code="E-SSH-KEY",
        )
    count = "1 key" if keys == 1 else f"{keys} keys"
    tried = " and ".join(([count] if keys else []) + (["what was typed"] if has_typed else []))
    return Unavailable(
        f"{target} refused to let {target.user} log in with {tried}.",
        hint=f"Add the public key to ~{target.user}/.ssh/authorized_keys there, or choose another key or user.",
        code="E-SSH-AUTH",
    )
