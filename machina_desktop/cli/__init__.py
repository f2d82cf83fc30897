"""The ``machina`` command line: a face of the core, made from the use-case registry."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Sequence
from dataclasses import replace

from machina_desktop import __version__
from machina_desktop.cli import terminal, usage
from machina_desktop.cli.commands import OpenShell, UsageError, find_area, find_command
from machina_desktop.cli.options import parse
from machina_desktop.core.errors import MachinaError

FAILED, MISUSED, INTERRUPTED = 1, 2, 130


def main(argv: Sequence[str]) -> int:
    """Carry the command line ``argv`` (without the program's name) out; the exit code.

    0 done, 1 failed or refused, 2 not understood, 130 interrupted. Errors go to standard error with their code.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    try:
        code = _run(tuple(argv))
        sys.stdout.flush()
    except UsageError as error:
        terminal.complain(error)
        return MISUSED
    except MachinaError as error:
        terminal.complain(error)
        return FAILED
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read us has had enough; nothing may be left that the interpreter would flush into the closed pipe.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    return code


def _run(argv: tuple[str, ...]) -> int:
    # What follows a lone -- belongs to a remote command, help included.
    ours = argv[: argv.index("--")] if "--" in argv else argv
    words = tuple(word for word in ours if word not in {"--help", "-h"})
    wants_help = len(words) < len(ours) or argv[:1] == ("help",)
    words = words[1:] if argv[:1] == ("help",) else words
    if words[:1] == ("--version",):
        terminal.say(f"machina {__version__}")
    elif not words:
        terminal.say(usage.of_program())
    elif len(words) == 1 or words[1].startswith("-"):
        area = find_area(words[0])
        terminal.say(usage.of_area(area))
        return 0 if wants_help else MISUSED
    elif wants_help:
        terminal.say(usage.of_command(find_command(words[0], words[1])))
    else:
        return _carry_out(words, argv[len(ours) :])
    return 0


def _carry_out(words: tuple[str, ...], remote: tuple[str, ...]) -> int:
    command = find_command(words[0], words[1])
    order = parse(command, words[2:] if command.request is OpenShell else (*words[2:], *remote))
    if command.request is OpenShell and remote[1:]:
        # As ssh does it: the words are put together, and the shell there takes them apart again.
        order = replace(order, values={**order.values, "command": " ".join(remote[1:])})
    from machina_desktop.cli.session import carry_out  # noqa: PLC0415 - brings the store: help must not wait for it

    return carry_out(order)
