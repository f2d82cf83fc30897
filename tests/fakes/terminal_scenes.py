"""The Terminal page in each of its states, with shells of this computer behind it."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtWidgets import QApplication, QWidget

from machina_desktop.core.domain.kept_shell import KeptShell
from machina_desktop.core.domain.machine import Machine, MachineStatus
from machina_desktop.core.domain.terminal import HostKey, Prompt, Question, QuestionKind, SessionState
from machina_desktop.core.errors import Unavailable
from machina_desktop.views.terminal.pane import TerminalPane
from machina_desktop.views.terminal.paste_dialog import PasteDialog
from tests.fakes.gateway import until
from tests.fakes.house import House, Scene
from tests.fakes.local_shell import LocalShell

FINGERPRINT = "SHA256:uNiVztksCsDhcc0u9e8BrqCmUkhcYwqxVmCMfh5DrMQ"
ADDRESS = "file:///§/4729/§"
REFUSED = "E-SSH-AUTH"
TEXTS = (FINGERPRINT, ADDRESS, f"–  {ADDRESS}", REFUSED, "ED25519", "203.0.113.7, port 22", "root")
HOST_KEY = Question(
    kind=QuestionKind.HOST_KEY,
    name="§ 4722 §",
    address="203.0.113.7, port 22",
    user="root",
    text="§ 4723 §",
    host_key=HostKey(fingerprint=FINGERPRINT, key_type="ED25519", bits=256),
    known="§ 4724 §",
)
PASSWORD = Question(
    kind=QuestionKind.PASSWORD,
    name="§ 4722 §",
    address="203.0.113.7, port 22",
    user="root",
    text="",
    prompts=(Prompt(text="§ 4725 §"),),
)


class LocalTerminals:
    """What opens terminals, here on this computer.

    Attributes:
        opened: Every shell, in order.
        kept: Which kept shell each of them should be.
        question: What the next one asks first.
    """

    def __init__(self, question: Question | None = None) -> None:
        self.opened: list[LocalShell] = []
        self.kept: list[KeptShell | None] = []
        self.question = question

    def open(self, _machine_id: str, columns: int, lines: int, kept: KeptShell | None = None) -> LocalShell:
        self.kept.append(kept)
        shell = LocalShell(columns, lines, command=())
        shell.question = self.question
        self.opened.append(shell)
        return shell


def running_machine(house: House) -> Machine:
    """A machine on which a terminal can be opened; it is made to run with an address."""
    machine = next(each for each in house.gateway.all(Machine) if each.actual_status is MachineStatus.RUNNING)
    made = replace(machine, public_ip=machine.public_ip or "203.0.113.7")
    house.gateway.rows[Machine][made.machine_id] = made
    return made


async def open_terminal(house: House, question: Question | None = None) -> tuple[TerminalPane, LocalShell]:
    """The Terminal page with one terminal, at rest."""
    terminals = LocalTerminals(question)
    house.bridge._terminals = lambda: terminals  # type: ignore[assignment,return-value]
    machine = running_machine(house)
    await house.open(app="terminal")
    house.window.open_app("terminal", machine.machine_id)
    house.window.do("terminal", "terminals.open_wanted")
    await until(lambda: terminals.opened and terminals.opened[0].starts)
    await house.rest()
    page = house.window.pages.page()
    pane = page.current_pane()  # type: ignore[union-attr]
    terminals.opened[0].put(b"\x1b]0;\xc2\xa7 4730 \xc2\xa7\x07root@web-1:~# ")
    await until(lambda: pane.terminal.cursor.x > 0)
    return pane, terminals.opened[0]


async def _live(house: House) -> QWidget:
    pane, _shell = await open_terminal(house)
    return _page_of(pane)


async def _searching(house: House) -> QWidget:
    pane, _shell = await open_terminal(house)
    pane.actions_.open_search()
    pane.search.line.setText("root")
    await until(lambda: pane.search.finder.matches)
    await house.rest()
    return _page_of(pane)


async def _lost(house: House) -> QWidget:
    pane, shell = await open_terminal(house)
    shell.tell(SessionState.LOST, reason=Unavailable("§ 4731 §", hint="§ 4732 §", code=REFUSED))
    await until(pane.bar.isVisible)
    await house.rest()
    return _page_of(pane)


async def _ended(house: House) -> QWidget:
    pane, shell = await open_terminal(house)
    shell.close()
    await until(pane.bar.isVisible)
    await house.rest()
    return _page_of(pane)


async def _clipboard(house: House) -> QWidget:
    pane, _shell = await open_terminal(house)
    pane.clipboard.ask("§ 4726 §")
    await house.rest()
    return _page_of(pane)


def _asking(question: Question) -> Scene:
    async def scene(house: House) -> QWidget:
        pane, _shell = await open_terminal(house, question)
        await until(lambda: pane.asking is not None)
        await house.rest()
        return _page_of(pane)

    return scene


async def _pasting(house: House) -> QWidget:
    pane, _shell = await open_terminal(house)
    pane.actions_.paste_text("§ 4727 §\n§ 4728 §")
    return await house.dialog(PasteDialog)


async def _link(house: House) -> QWidget:
    pane, _shell = await open_terminal(house)
    pane.actions_.open_link(ADDRESS)
    return await house.dialog()


def _page_of(pane: TerminalPane) -> QWidget:
    window = pane.window()
    if QApplication.activeModalWidget() is None:
        window.activateWindow()
    page = pane
    while page.objectName() != "terminal":
        page = page.parentWidget()  # type: ignore[assignment]
    return page


PASTING = (PasteDialog, _pasting)
SCENES: dict[str, Scene] = {
    "terminal live": _live,
    "terminal searching": _searching,
    "terminal lost": _lost,
    "terminal ended": _ended,
    "terminal clipboard": _clipboard,
    "terminal host key": _asking(HOST_KEY),
    "terminal password": _asking(PASSWORD),
    "terminal link": _link,
}
