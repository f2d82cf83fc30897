"""The person at the terminal: questions, secrets typed blind, notes and complaints."""

from __future__ import annotations

import contextlib
import getpass
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

from machina_desktop.core.errors import MachinaError, Unavailable
from machina_desktop.core.log import REDACTOR
from machina_desktop.core.secret import Secret


def is_there() -> bool:
    """Whether somebody can answer."""
    return sys.stdin.isatty()


def say(text: str, end: str = "\n") -> None:
    """Print a result."""
    sys.stdout.write(f"{text}{end}")


def note(text: str) -> None:
    """Tell the person something that is not the command's result."""
    sys.stderr.write(f"{printable(text)}\n")
    sys.stderr.flush()


def complain(error: MachinaError) -> None:
    """Say what went wrong, with its code and the next step."""
    note(f"error {error.code}: {REDACTOR.redact(error.message)}")
    if error.hint:
        note(f"hint: {REDACTOR.redact(error.hint)}")


def confirm(question: str) -> bool:
    """Whether the person answers yes; no answer is a no. Blocks, and Ctrl-C ends it."""
    with _interruptible():
        sys.stderr.write(f"{printable(question)} [y/N] ")
        sys.stderr.flush()
        return sys.stdin.readline().strip().lower() in {"y", "yes"}


def ask_secret(prompt: str) -> Secret:
    """What the person types without its being shown. Blocks, and Ctrl-C ends it."""
    with _interruptible():
        try:
            return Secret(getpass.getpass(f"{prompt}: "))
        except EOFError:
            return Secret("")


def ask_line(prompt: str) -> str:
    """What the person types, shown as they type it. Blocks, and Ctrl-C ends it."""
    with _interruptible():
        sys.stderr.write(f"{printable(prompt)}: ")
        sys.stderr.flush()
        return sys.stdin.readline().removesuffix("\n")


def read_secret(source: str, prompt: str) -> Secret:
    """The text of the file ``source``; ``-`` asks at a terminal, else reads standard input.

    Raises:
        Unavailable: E-FILE-READ, the file cannot be read or is not text.
    """
    if source == "-" and is_there():
        return ask_secret(prompt)
    try:
        raw = sys.stdin.buffer.read() if source == "-" else Path(source).expanduser().read_bytes()
        text = raw.decode()
    except OSError as error:
        raise Unavailable(f"{source} cannot be read: {error.strerror}.", code="E-FILE-READ") from error
    except UnicodeDecodeError:
        # Without its cause, which quotes the text.
        raise Unavailable(f"{source} is not text in UTF-8.", code="E-FILE-READ") from None
    return Secret(text.removesuffix("\n").removesuffix("\r"))


def printable(text: str) -> str:
    """``text`` with everything spelt out that a terminal would obey; line ends stay."""
    return "".join(each if each.isprintable() or each == "\n" else repr(each)[1:-1] for each in text)


@contextlib.contextmanager
def _interruptible() -> Iterator[None]:
    # asyncio's own handler only marks the task, which a read that blocks the loop would never notice.
    former = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, former)
