"""Programs in the window over SSH, and beside it in xterm: ``python -m tests.terminal.beside_xterm FOLDER [PROGRAM…]``.

On a virtual display the real window has a terminal on a machine, which is a real sshd, and xterm runs ssh to the same
one, with the same font, colours and size. Both get the same real key presses and clicks. After each step both screens
are written to FOLDER side by side, and compared cell by cell in two ways: the bytes that xterm was given are given to
a terminal of ours (what a program shows may change by itself, the bytes are the same), and the window's own terminal
is compared as it is. xterm tells its cells itself, see `tap`. ``FOLDER/report.md`` tells what differs.
"""

from __future__ import annotations

import asyncio
import base64
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, closing
from pathlib import Path

from PySide6.QtCore import QPoint, QRect
from PySide6.QtGui import QGuiApplication, QImage, QPainter
from PySide6.QtWidgets import QWidget

from machina_desktop import app as desktop_app
from machina_desktop.core.config import REPOSITORY, Paths
from machina_desktop.core.domain.terminal import SessionState
from machina_desktop.core.terminal.terminal import Terminal
from machina_desktop.views.terminal.pane import TerminalPane
from machina_desktop.views.terminal.scheme import scheme
from tests.e2e.hand import Hand
from tests.e2e.performance import run_with
from tests.fakes.believable_team import BelievableTeam, settle_in
from tests.fakes.display import virtual_display
from tests.fakes.sshd import KeyPair, Sshd, running
from tests.terminal import tap
from tests.terminal.beside_desk import furnish
from tests.terminal.beside_programs import PROGRAMS, Click, Key, Program, Size, Step
from tests.terminal.cells import differences, of_terminal, of_xterm

COLUMNS, LINES = 80, 24
PATIENCE_S = 20.0
MACHINE = "web-1"


class Beside:
    """xterm and the window on one display."""

    def __init__(self, desktop: desktop_app.Desktop, team: BelievableTeam, folder: Path, ssh: list[str]) -> None:
        self.hand = Hand(folder, patience_s=PATIENCE_S)
        self.window = desktop._window
        self.bridge = desktop._bridge
        self.machine_id = team.ids[MACHINE]
        self.folder = folder
        self.report = [
            "| program | step | cells | same bytes: other cells | window: other cells |",
            "|---|---|---|---|---|",
        ]
        self.told: list[str] = []
        self._ssh = ssh
        self._socket = str(desktop._paths.home.parent / "tap")
        self._ids: dict[str, str] = {}

    async def play(self, programs: list[Program]) -> None:
        """Go through the programs."""
        await self.open_window()
        await self.open_xterm()
        for program in programs:
            for number, step in enumerate(program.steps):
                await self.take(program, number, step)
                print(self.report[-1], flush=True)
        (self.folder / "report.md").write_text("\n".join([*self.report, "", *self.told]) + "\n")

    async def open_window(self) -> None:
        """A terminal of 80 columns and 24 lines in the window."""
        await self.hand.until(lambda: self.bridge.is_settled, "the core")
        self.window.showNormal()
        self.window.commands.run("sidebar.toggle")
        self.window.resize(1000, 640)
        self.window.move(0, 0)
        self.window.open_app("terminal", self.machine_id)
        await self.hand.until(lambda: self.window.do("terminal", "terminals.open_wanted") is not False, "the page")
        await self.hand.until(lambda: self._pane() is not None, "a pane")
        pane = self._pane()
        assert pane is not None
        self.pane = pane
        await self.hand.until(lambda: pane.state is SessionState.LIVE, "the shell")
        await self.grow(COLUMNS, LINES)
        self.hand.press(pane.view.viewport())

    def _pane(self) -> TerminalPane | None:
        return self.window.findChild(TerminalPane)

    async def grow(self, columns: int, lines: int) -> None:
        """Make the window so large that its terminal has this size; it may end up larger than the least it can be."""
        before = (0, 0)
        while (now := (self.pane.terminal.columns, self.pane.terminal.lines)) != (columns, lines) and now != before:
            before = now
            cell = self.pane.view.sight.size_for(11, 11) - self.pane.view.sight.size_for(10, 10)
            by = ((columns - now[0]) * cell.width(), (lines - now[1]) * cell.height())
            self.window.resize(self.window.width() + round(by[0]), self.window.height() + round(by[1]))
            await asyncio.sleep(0.6)

    async def open_xterm(self) -> None:
        """xterm with the font, the colours and the size of the window's terminal."""
        terminal, colours = self.pane.terminal, scheme("window")
        size = self.pane.view.font().pixelSize() if self.pane.view.font().pixelSize() > 0 else 13
        resources = {
            "faceName": f"JetBrains Mono:pixelsize={size}",
            "allowWindowOps": "true",
            "disallowedWindowOps": "",
            "boldColors": "false",
            "eightBitInput": "false",
            "internalBorder": "0",
            "scrollBar": "false",
            "foreground": f"#{colours.foreground:06x}",
            "background": f"#{colours.background:06x}",
            "cursorColor": f"#{colours.cursor:06x}",
            **{f"color{number}": f"#{colours.numbered[number]:06x}" for number in range(16)},
        }
        command = ["xterm", "-geometry", f"{terminal.columns}x{terminal.lines}+1010+0", "-tn", "xterm-256color"]
        command += [word for name, value in resources.items() for word in ("-xrm", f"XTerm*{name}: {value}")]
        tapped = [sys.executable, str(Path(tap.__file__)), self._socket, *self._ssh]
        self.xterm = await asyncio.create_subprocess_exec(*command, "-e", *tapped)
        await self.hand.until(lambda: Path(self._socket).exists(), "xterm")
        self._ids["xterm"] = await self.find("--pid", str(self.xterm.pid))
        self._ids["window"] = str(int(self.window.winId()))
        await self.settle(1.0)

    async def find(self, *how: str) -> str:
        """The X window that xdotool finds."""
        for _ in range(100):
            found = (await self.tool("search", "--onlyvisible", *how)).split()
            if found:
                return found[-1]
            await asyncio.sleep(0.05)
        raise AssertionError(f"no window {how}")

    async def tool(self, *words: str) -> str:
        """Run xdotool; answers what it printed."""
        process = await asyncio.create_subprocess_exec(
            "xdotool", *words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        out, _ = await process.communicate()
        return out.decode()

    async def settle(self, quiet_s: float) -> None:
        """Wait until nothing has come to either for so long."""
        deadline, frames, since = time.monotonic() + PATIENCE_S, -1, time.monotonic()
        while time.monotonic() < deadline:
            await asyncio.sleep(0.05)
            if self.pane.view.painted_frames != frames:
                frames, since = self.pane.view.painted_frames, time.monotonic()
            quiet = await asyncio.to_thread(tap.ask, self._socket, "quiet")
            assert isinstance(quiet, float)
            if quiet > quiet_s and time.monotonic() - since > quiet_s:
                return

    async def take(self, program: Program, number: int, step: Step) -> None:
        """Do a step in both, look at both, and compare."""
        images = []
        for which in ("window", "xterm"):
            await self.tool("windowactivate", "--sync", self._ids[which])
            await asyncio.sleep(0.15)
            for deed in step.deeds:
                await self.act(which, deed)
            await self.settle(step.quiet_s)
            images.append(self.look(which))
        side_by_side(*images).save(str(self.folder / f"{program.name}-{number:02}-{step.name}.png"))
        told = await asyncio.to_thread(tap.ask, self._socket, "read")
        assert isinstance(told, dict)
        theirs = of_xterm(told["rows"])
        fed = differences(of_terminal(replayed(told["came"])), theirs)
        ours = of_terminal(self.pane.terminal)
        seen = differences(ours, theirs) if len(ours) == len(theirs) else [f"{len(ours)} and {len(theirs)} lines"]
        cells = len(theirs) * len(theirs[0])
        moves = " (moves by itself)" if program.moves and seen else ""
        self.report.append(f"| {program.name} | {step.name} | {cells} | {len(fed)} | {len(seen)}{moves} |")
        for kind, found in (("same bytes", fed), ("window", [] if program.moves else seen)):
            self.told += [f"- {program.name} {step.name}, {kind}: {each}" for each in found[:12]]

    async def act(self, which: str, deed: str | Key | Click | Size) -> None:
        """What a person does, at the one or the other."""
        if isinstance(deed, str):
            await self.tool("type", "--delay", "8", "--", deed)
        elif isinstance(deed, Key):
            await self.tool("key", "--delay", "30", deed.name)
            await asyncio.sleep(0.15)
        elif isinstance(deed, Click):
            place = self.rectangle(which)
            wide, high = place.width() / self.pane.terminal.columns, place.height() / self.pane.terminal.lines
            x, y = place.x() + (deed.column + 0.5) * wide, place.y() + (deed.line + 0.5) * high
            await self.tool("mousemove", str(round(x)), str(round(y)), "click", "1", "mousemove", "5", "1000")
        elif which == "window":
            terminal = self.pane.terminal
            await self.grow(terminal.columns + deed.columns, terminal.lines + deed.lines)
        else:
            size = str(self.pane.terminal.columns), str(self.pane.terminal.lines)
            await self.tool("windowsize", "--usehints", self._ids["xterm"], *size)

    def rectangle(self, which: str) -> QRect:
        """Where its cells are on the display."""
        if which == "window":
            port: QWidget = self.pane.view.viewport()
            size = self.pane.view.sight.size_for(self.pane.terminal.columns, self.pane.terminal.lines).toSize()
            return QRect(port.mapToGlobal(QPoint(0, 0)), size)
        said = subprocess.run(
            ["xdotool", "getwindowgeometry", "--shell", self._ids["xterm"]], capture_output=True, text=True, check=True
        ).stdout
        found = dict(line.split("=") for line in said.split())
        return QRect(*(int(found[name]) for name in ("X", "Y", "WIDTH", "HEIGHT")))

    def look(self, which: str) -> QImage:
        """A picture of its cells, as they are on the display."""
        return QGuiApplication.primaryScreen().grabWindow(0).copy(self.rectangle(which)).toImage()


def side_by_side(one: QImage, other: QImage) -> QImage:
    """Both pictures in one, ours on the left."""
    made = QImage(one.width() + other.width() + 12, max(one.height(), other.height()), QImage.Format.Format_RGB32)
    made.fill(0x808080)
    painter = QPainter(made)
    painter.drawImage(0, 0, one)
    painter.drawImage(one.width() + 12, 0, other)
    painter.end()
    return made


def replayed(came: list[tuple[str, object]]) -> Terminal:
    """A terminal that was given what xterm was given."""
    terminal = Terminal(COLUMNS, LINES)
    for kind, what in came:
        if kind == "out":
            terminal.feed(base64.b64decode(str(what)))
        elif isinstance(what, list):
            terminal.resize(what[1], what[0])
    return terminal


def lead_to(server: Sshd, team: BelievableTeam, home: Path) -> None:
    """Make that server the address of a machine of the team, and let its keys in."""
    with closing(sqlite3.connect(Paths(home=home).database)) as database, database:
        for (line,) in database.execute("SELECT public_key FROM ssh_key"):
            with server.authorized_keys.open("a") as file:
                file.write(f"{line}\n")
        database.execute(
            "UPDATE machine SET public_ip = '127.0.0.1', ssh_host = '127.0.0.1', ssh_port = ?, ssh_user = ?, "
            "host_key = ? WHERE machine_id = ?",
            (server.port, server.user, server.fingerprint, team.ids[MACHINE]),
        )


def main() -> int:
    """Play every program, or those that are named."""
    folder, *names = sys.argv[1:]
    pictures = Path(folder).resolve()
    pictures.mkdir(parents=True, exist_ok=True)
    programs = [program for program in PROGRAMS if not names or program.name in names]
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="machina-beside-")))
        home = scratch / "home"
        team = asyncio.run(settle_in(Paths(home=home)))
        (home / "settings.json").write_text('{"theme": "dark", "reduced_motion": true}')
        shell = furnish(scratch / "desk")
        server = stack.enter_context(running(scratch / "sshd", options=(f"ForceCommand {shell}",)))
        key = server.authorize(KeyPair())
        lead_to(server, team, home)
        os.environ.update(stack.enter_context(virtual_display(width=1920, height=1080, line="#30363d")))
        os.environ["MACHINA_HOME"] = str(home)
        os.environ["FONTCONFIG_FILE"] = str(fonts(scratch))
        ssh = ["ssh", "-F", "none", "-tt", "-p", str(server.port), "-i", str(key.write(scratch / "key"))]
        ssh += [f"-o{option}" for option in ("StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null")]
        ssh += ["-oLogLevel=ERROR", f"{server.user}@127.0.0.1"]
        return run_with(lambda desktop: Beside(desktop, team, pictures, ssh).play(programs))


def fonts(folder: Path) -> Path:
    """A configuration by which xterm finds the fonts that we ship."""
    path = folder / "fonts.conf"
    path.write_text(
        '<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd"><fontconfig>'
        f"<include>/etc/fonts/fonts.conf</include><dir>{REPOSITORY / 'resources' / 'fonts'}</dir>"
        f"<cachedir>{folder / 'fonts'}</cachedir></fontconfig>"
    )
    return path


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    os._exit(code)
