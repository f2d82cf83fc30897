"""Snippets on the Terminal page: typed into the terminal in front, into all of a broadcast, or run on many machines."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QApplication, QWidget

from machina_desktop.bridge import Bridge
from machina_desktop.core.domain.consent import by_environment, wants_consent
from machina_desktop.core.domain.environment import environment_of
from machina_desktop.core.domain.machine import Machine, MachineStatus
from machina_desktop.core.domain.snippet import OF_MACHINE, AnySnippet, Snippet, of_machine, rendered
from machina_desktop.core.domain.terminal import SessionState
from machina_desktop.core.errors import InvalidInput
from machina_desktop.core.services.snippets import RecordSnippetRun
from machina_desktop.views import tasks
from machina_desktop.views.apps.base import Window
from machina_desktop.views.snippets.many_run import ManyRun, Task
from machina_desktop.views.snippets.picker import SnippetPicker
from machina_desktop.views.snippets.results_dialog import ResultsDialog
from machina_desktop.views.snippets.run_on_dialog import Candidate, RunOnDialog
from machina_desktop.views.terminal.broadcast_consent import consent_dialog
from machina_desktop.views.terminal.environment_look import environment_title
from machina_desktop.views.terminal.pane import TerminalPane
from machina_desktop.views.terminal.target_list import Target


@dataclass(frozen=True, kw_only=True)
class Reachable:
    """What snippets ask about terminals and machines.

    Attributes:
        current: The terminal in front.
        panes: All of them.
        included: Those that get what is typed in one, itself too; only itself while nothing is broadcast.
        machines: Those that a terminal can be opened on, by id.
        open: Opens a terminal on a machine without putting it in front.
    """

    current: Callable[[], TerminalPane | None]
    panes: Callable[[], Iterable[TerminalPane]]
    included: Callable[[TerminalPane], tuple[TerminalPane, ...]]
    machines: Callable[[], Mapping[str, Machine]]
    open: Callable[[Machine], TerminalPane]


class TerminalSnippets(QObject):
    """What one window with terminals does with snippets."""

    def __init__(self, bridge: Bridge, door: Window, reachable: Reachable, deck: QWidget) -> None:
        super().__init__(deck)
        self._bridge = bridge
        self._door = door
        self._reachable = reachable
        self._deck = deck
        self._last: ManyRun | None = None

    @property
    def has_results(self) -> bool:
        """Whether anything was run on several machines."""
        return self._last is not None

    def choose(self) -> None:
        """Let the person choose a snippet for the terminal in front, or for those of the broadcast."""
        pane = self._reachable.current()
        if pane is None:
            return
        included = self._reachable.included(pane)
        several = self.tr("{0} terminals").format(self.locale_text(len(included)))
        target = pane.place.name if len(included) == 1 else several
        dialog = SnippetPicker(
            self._bridge, known=self._known(pane.place.machine_id), target=target, parent=self._over()
        )
        dialog.chosen.connect(lambda snippet, values, is_run: self._type(pane, snippet, values, is_run=is_run))
        dialog.many_wanted.connect(self._choose_machines)
        dialog.finished.connect(lambda _result: pane.view.setFocus())
        dialog.open()

    def choose_for_many(self) -> None:
        """Let the person choose a snippet, and then the machines."""
        # Each machine fills these in by itself; until it is chosen they stand in the preview as they are.
        known = {place: f"{{{{{place}}}}}" for place in OF_MACHINE}
        dialog = SnippetPicker(self._bridge, known=known, is_for_many=True, parent=self._over())
        dialog.many_wanted.connect(self._choose_machines)
        dialog.open()

    def show_results(self) -> None:
        """Show what the last run on several machines came to."""
        if self._last is not None:
            ResultsDialog(self._last, self._over()).open()

    def locale_text(self, number: int) -> str:
        """A number as it is written here."""
        return self._deck.locale().toString(number)

    # Here

    def _type(self, pane: TerminalPane, snippet: AnySnippet, values: dict[str, str], *, is_run: bool) -> None:
        panes = [each for each in self._reachable.included(pane) if each.state is SessionState.LIVE]
        try:
            texts = {each: rendered(snippet, {**self._known(each.place.machine_id), **values}) for each in panes}
        except InvalidInput as error:
            self._door.notify(str(error), kind="error", about="snippet")
            return
        for each, text in texts.items():
            if is_run:
                each.actions_.run_text(text)
            elif len(texts) > 1:
                each.actions_.write_text(text)
            else:
                each.actions_.paste_text(text.rstrip("\n"))
        if is_run:
            self._record(snippet, texts)

    # On many machines

    def _choose_machines(self, snippet: AnySnippet, values: dict[str, str]) -> None:
        candidates = self._candidates()
        dialog = RunOnDialog(snippet, values, candidates, parent=self._over())
        dialog.chosen.connect(lambda texts, is_followed: self._ask(snippet, texts, is_reporting=is_followed))
        dialog.open()

    def _candidates(self) -> dict[str, Candidate]:
        pane = self._reachable.current()
        in_front = pane.place.machine_id if pane is not None else ""
        machines = sorted(self._reachable.machines().values(), key=lambda each: each.name)
        return {
            machine.machine_id: Candidate(
                target=Target(
                    key=machine.machine_id,
                    title=machine.name,
                    detail=environment_title(environment_of(machine.tags)),
                    tags=machine.tags,
                    is_ticked=machine.machine_id == in_front,
                ),
                known=_of(machine),
                is_open=self._waiting_pane(machine.machine_id) is not None,
            )
            for machine in machines
            if machine.actual_status is MachineStatus.RUNNING
        }

    def _waiting_pane(self, machine_id: str) -> TerminalPane | None:
        """A terminal on the machine whose shell waits for a command, as far as that can be told."""
        there = (pane for pane in self._reachable.panes() if pane.place.machine_id == machine_id)
        return next((pane for pane in there if pane.state is SessionState.LIVE and not pane.is_command_running), None)

    def _ask(self, snippet: AnySnippet, texts: dict[str, str], *, is_reporting: bool) -> None:
        """Begin, after the person's word where that is due."""
        machines = self._reachable.machines()
        environments = {machines[key].name: environment_of(machines[key].tags) for key in texts if key in machines}

        def begin() -> None:
            self._open_and_begin(snippet, texts, is_reporting=is_reporting)

        if not wants_consent(environments.values()):
            begin()
            return
        dialog = consent_dialog(
            by_environment(environments),
            text=self.tr("{0} runs on all of these machines at once.").format(snippet.name),
            confirm=self.tr("Run on all of them"),
            parent=self._over(),
        )
        dialog.accepted.connect(begin)
        dialog.open()

    def _open_and_begin(self, snippet: AnySnippet, texts: dict[str, str], *, is_reporting: bool) -> None:
        machines = self._reachable.machines()
        made = []
        for machine_id, text in texts.items():
            if (machine := machines.get(machine_id)) is not None:
                pane = self._waiting_pane(machine_id) or self._reachable.open(machine)
                made.append(self._task(pane, text))
        self._begin(snippet, made, is_reporting=is_reporting)

    def _begin(self, snippet: AnySnippet, todo: list[Task], *, is_reporting: bool) -> None:
        run = ManyRun(snippet.name, todo, is_reporting=is_reporting, parent=self)
        former, self._last = self._last, run
        if former is not None and former.is_over:
            former.deleteLater()
        run.ended.connect(lambda: self._on_ended(run))
        run.start()
        self._record(snippet, (task.pane for task in todo))
        self.show_results()

    def _task(self, pane: TerminalPane, text: str) -> Task:
        return Task(pane=pane, machine_id=pane.place.machine_id, name=pane.place.name, text=text)

    def _on_ended(self, run: ManyRun) -> None:
        if isinstance(QApplication.activeModalWidget(), ResultsDialog):
            return
        self._door.notify(
            self.tr("{0} has ended on {1} machines.").format(run.title, self.locale_text(len(run.jobs))),
            action=self.tr("Show"),
            on_action=self.show_results,
            about="snippet.run",
        )

    def _record(self, snippet: AnySnippet, panes: Iterable[TerminalPane]) -> None:
        if isinstance(snippet, Snippet):
            machine_ids = tuple(dict.fromkeys(pane.place.machine_id for pane in panes))
            ask = RecordSnippetRun(team_id=snippet.team_id, snippet_id=snippet.snippet_id, machine_ids=machine_ids)
            tasks.ask(self._bridge, ask, owner=self._bridge)

    def _known(self, machine_id: str) -> dict[str, str]:
        machine = self._reachable.machines().get(machine_id)
        return _of(machine) if machine is not None else {}

    def _over(self) -> QWidget:
        return self._deck.window()


def _of(machine: Machine) -> dict[str, str]:
    address = machine.public_ip or machine.private_ip or ""
    return of_machine(name=machine.name, host=machine.ssh_host or address, ip=address, user=machine.ssh_user)
