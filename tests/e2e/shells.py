"""Terminals in the scenes: shells of this computer in the place of those on machines, with something to look at."""

from __future__ import annotations

from typing import Any

from machina_desktop.core.domain.kept_shell import KeptShell
from machina_desktop.core.domain.terminal import SessionState
from machina_desktop.core.errors import Unavailable
from machina_desktop.views.apps.terminal import TerminalPage
from machina_desktop.views.terminal.pane import TerminalPane
from tests.e2e.walk import Step, Walk
from tests.fakes.local_shell import LocalShell
from tests.fakes.recording_rows import recording_answers, recording_rows

_GREEN, _BLUE, _RED, _DIM, _PLAIN = "\x1b[1;32m", "\x1b[1;34m", "\x1b[1;31m", "\x1b[2m", "\x1b[0m"
_LOG = "".join(
    f"{_DIM}10:{14 + number // 6:02}:{number * 9 % 60:02}{_PLAIN} \x1b[36mGET\x1b[0m /api/robots/{number * 37 % 90} "
    f"{f'{_RED}502{_PLAIN}' if number % 7 == 5 else f'{_GREEN}200{_PLAIN}'} {number * 13 % 40 + 3} ms\r\n"
    for number in range(14)
)
_UNITS = (
    f"{_GREEN}●{_PLAIN} nginx.service - A high performance web server and a reverse proxy server\r\n"
    f"     Loaded: loaded (/lib/systemd/system/nginx.service; {_GREEN}enabled{_PLAIN})\r\n"
    f"     Active: {_GREEN}active (running){_PLAIN} since Fri 2026-11-20 06:12:40 UTC; 2 days ago\r\n"
    "   Main PID: 812 (nginx)\r\n      Tasks: 5 (limit: 9246)\r\n     Memory: 11.4M\r\n"
)


class Shells:
    """Opens a local shell for each terminal.

    Attributes:
        opened: All of them, in order.
    """

    def __init__(self, names: dict[str, str]) -> None:
        self.opened: list[LocalShell] = []
        self._names = names

    def open(self, machine_id: str, columns: int, lines: int, _kept: KeptShell | None = None) -> LocalShell:
        """A shell that has said what one would see there."""
        shell = LocalShell(columns, lines, command=())
        prompt = f"{_GREEN}deploy@{self._names.get(machine_id, 'machine')}{_PLAIN}:{_BLUE}~{_PLAIN}$ "
        tail = f"tail -n 14 /var/log/nginx/access.log\r\n{_LOG}"
        shown = tail if len(self.opened) % 2 else f"systemctl status nginx\r\n{_UNITS}{prompt}{tail}"
        shell.put(f"{prompt}{shown}{prompt}".encode())
        self.opened.append(shell)
        return shell


_SHELLS: dict[int, Shells] = {}


async def local_shells(walk: Walk) -> None:
    """From now on, terminals open on this computer; recordings and snippets are believable ones."""
    shells = _SHELLS[id(walk)] = Shells({key: name for name, key in walk.ids.items() if key.startswith("machine-")})
    walk.bridge._terminals = lambda: shells  # type: ignore[assignment,return-value]

    def rows(kind: type[Any]) -> list[Any]:
        return [row for row in recording_rows() if isinstance(row, kind)]

    walk.gateway.answers |= recording_answers(rows)


def terminal_on(name: str) -> Step:
    """Open a terminal on a machine."""

    async def do(walk: Walk) -> None:
        shells, window = _SHELLS[id(walk)], walk.window
        before = len(shells.opened)
        window.open_app("terminal", walk.ids[name])
        window.do("terminal", "terminals.open_wanted")
        await walk.hand.until(lambda: len(shells.opened) > before, f"a terminal on {name}")
        await _at_prompt(walk)

    return do


async def _at_prompt(walk: Walk) -> None:
    pane = pane_of(walk)
    await walk.hand.until(lambda: pane.terminal.cursor.y > 0, "a prompt")


def pane_of(walk: Walk) -> TerminalPane:
    """The terminal that is typed into."""
    page = walk.window.pages.page()
    assert isinstance(page, TerminalPage)
    pane = page.current_pane()
    assert pane is not None
    return pane


def search_for(text: str) -> Step:
    """Search in the terminal that is typed into."""

    async def do(walk: Walk) -> None:
        pane = pane_of(walk)
        pane.actions_.open_search()
        pane.search.line.setText(text)
        await walk.hand.until(lambda: bool(pane.search.finder.matches), text)

    return do


async def close_search(walk: Walk) -> None:
    """Go back from searching to typing."""
    pane_of(walk).actions_.close_search()


async def lose(walk: Walk) -> None:
    """Break the newest connection."""
    reason = Unavailable(
        f"The connection to {pane_of(walk).place.name} was lost.",
        hint="Look whether the machine is up and the network works, then try again.",
        code="E-SSH-DROPPED",
    )
    _SHELLS[id(walk)].opened[-1].tell(SessionState.LOST, reason=reason)


async def hang_up(walk: Walk) -> None:
    """End every shell, so that nobody asks about them later."""
    for shell in _SHELLS.pop(id(walk)).opened:
        shell.close()
