"""The sessions of tmux and GNU screen on a machine, read over a connection."""

from __future__ import annotations

import re
import shlex

from machina_desktop.core.domain.kept_shell import Keeper, KeptSession, KeptSessions, KeptShell
from machina_desktop.core.domain.transfer import shown_name
from machina_desktop.core.errors import Unavailable
from machina_desktop.core.ssh.connection import Connection

ASK_S = 15.0
MOST = 200
LONGEST_LINE = 400
_ASKED = (
    "echo kept-begin; "
    "if command -v tmux >/dev/null 2>&1; then echo kept-tmux; "
    "tmux -u list-sessions -F 'tmux #{session_windows} #{session_attached} #{session_name}' 2>/dev/null; fi; "
    "if command -v screen >/dev/null 2>&1; then echo kept-screen; screen -ls 2>/dev/null | sed 's/^/screen /'; fi; "
    "exit 0"
)
# As terminals are opened: where the programs lie is often told only to login shells.
_COMMAND = f"sh -lc {shlex.quote(_ASKED)}"
_TMUX = re.compile(r"^tmux (\d+) (\d+) (.+)$")
_SCREEN = re.compile(
    r"^screen \t\d+\.([^\t]+)\t(?:\([^()]*\)\t)*\((Attached|Detached|Multi, attached|Multi, detached)\)$"
)


def kept_sessions(connection: Connection) -> KeptSessions:
    """The keepers that the machine has, and the login's sessions. Blocks.

    Raises:
        Unavailable: E-TERMINAL-KEPT, the machine does not tell; E-SSH-DROPPED, E-SSH-TIMEOUT.
    """
    status, said = connection.capture(_COMMAND, timeout_s=ASK_S)
    lines = said.splitlines()
    if status != 0 or "kept-begin" not in lines:
        raise Unavailable(
            "The machine does not tell which sessions it keeps.",
            hint="Its login may run no commands, or only certain ones. Open a terminal and look there.",
            code="E-TERMINAL-KEPT",
        )
    return parsed(lines[lines.index("kept-begin") + 1 :])


def parsed(lines: list[str]) -> KeptSessions:
    """What lines of the two programs tell; longer or other ones are passed over, and so are names that are no text."""
    keepers = tuple(keeper for keeper in Keeper if f"kept-{keeper}" in lines)
    found: dict[KeptShell, KeptSession] = {}
    for line in lines:
        session = _session(line)
        if session is not None and shown_name(session.kept.name) == session.kept.name:
            found.setdefault(session.kept, session)
    ordered = sorted(found.values(), key=lambda each: (each.kept.name.casefold(), each.kept.keeper))
    return KeptSessions(keepers=keepers, sessions=tuple(ordered[:MOST]))


def _session(line: str) -> KeptSession | None:
    if len(line) > LONGEST_LINE:
        return None
    if told := _TMUX.match(line):
        kept = KeptShell(keeper=Keeper.TMUX, name=told[3])
        return KeptSession(kept=kept, windows=int(told[1]), is_attached=told[2] != "0")
    if told := _SCREEN.match(line):
        kept = KeptShell(keeper=Keeper.SCREEN, name=told[1])
        return KeptSession(kept=kept, is_attached=told[2].lower().endswith("attached"))
    return None
