"""The first start: the look, the team, how to unlock the vault, and then what to do first."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication, QRectF, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QApplication, QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from machina_desktop.bridge import Bridge
from machina_desktop.core.config import THEME
from machina_desktop.core.domain.team import Team
from machina_desktop.core.errors import MachinaError
from machina_desktop.core.services.device import ChangeSetting, CreateVault, ListSettings, SettingValue, VaultStatus
from machina_desktop.core.services.teams import ListTeams, UpdateProfile, UpdateTeam
from machina_desktop.views import tasks, theme
from machina_desktop.views.brand import NAME, Mark
from machina_desktop.views.first_run_steps import BeginStep, LockStep, LookStep, TeamStep
from machina_desktop.views.theme import Space, Type
from machina_desktop.views.widgets.buttons import Button
from machina_desktop.views.widgets.dialogs import Dialog
from machina_desktop.views.widgets.painting import fill_rounded
from machina_desktop.views.widgets.text import Label

# The tallest screen is the one with the passphrase's fields.
STEP_HEIGHT = 296


class _Dots(QWidget):
    """How far one is: one dot a screen, the present one long."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self._count = count
        self._at = 0
        self.setFixedSize(count * 14 + 14, 8)

    def set_at(self, at: int) -> None:
        """Mark the screen ``at``, 0..count-1, as the present one."""
        self._at = at
        self.setAccessibleName(self.tr("Step {0} of {1}").format(at + 1, self._count))
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        left = 0.0
        for index in range(self._count):
            width = 20 if index == self._at else 6
            token = "accent-primary" if index == self._at else "outline"
            fill_rounded(painter, QRectF(left, 1, width, 6), 3, theme.color(token))
            left += width + 8


class FirstRunDialog(Dialog):
    """Three short screens and a choice. Closing it leaves the vault unmade; the status bar leads back here.

    Signals:
        vault_made(): The vault exists and is open.
        begun(str): What to deploy on first: ``sandbox`` or ``baremetal``; ``cloud`` adds an account,
            ``server`` connects to one instead.
    """

    vault_made = Signal()
    begun = Signal(str)

    def __init__(self, bridge: Bridge, status: VaultStatus, *, parent: QWidget | None = None) -> None:
        super().__init__(
            QCoreApplication.translate("FirstRunDialog", "Welcome to {0}").format(NAME),
            primary=QCoreApplication.translate("FirstRunDialog", "Continue"),
            width=560,
            parent=parent,
        )
        self.setObjectName("first-run")
        self._bridge = bridge
        self._look = LookStep(theme.current().name)
        self._team = TeamStep()
        self._lock = LockStep(status)
        self._begin = BeginStep()
        self._words = (
            (self.tr("How should it look?"), self.tr("You can change this in Settings.")),
            (
                self.tr("Who works here?"),
                self.tr("Machines, accounts and keys belong to a team. Yours is made already."),
            ),
            (self.tr("How should the vault open?"), self.tr("Credentials and private keys are sealed in it.")),
            (self.tr("What first?"), self.tr("Everything is set up.")),
        )
        self._question = Label("", style=Type.TITLE, wraps=True)
        self._remark = Label("", tone="secondary", wraps=True)
        self._stack = QStackedWidget()
        self._dots = _Dots(len(self._words))
        self._back = Button(self.tr("Back"), parent=self)
        self._build_steps()
        self._connect()
        self._go(0)

    def step(self) -> int:
        """The screen shown, 0..3."""
        return self._stack.currentIndex()

    def team_step(self) -> TeamStep:
        """The screen that asks for names."""
        return self._team

    def lock_step(self) -> LockStep:
        """The screen that asks how the vault opens."""
        return self._lock

    def _build_steps(self) -> None:
        for step in (self._look, self._team, self._lock, self._begin):
            self._stack.addWidget(step)
        self._stack.setMinimumHeight(STEP_HEIGHT)
        question = QVBoxLayout()
        question.setSpacing(Space.XS)
        question.addWidget(self._question)
        question.addWidget(self._remark)
        lead = QHBoxLayout()
        lead.setSpacing(Space.M)
        lead.addWidget(Mark(size=40))
        lead.addLayout(question, 1)
        self.column.addLayout(lead)
        self.column.addSpacing(Space.XS)
        self.column.addWidget(self._stack, 1)
        self.cancel.setText(self.tr("Later"))
        self.add_button(self._back)
        self.column.addWidget(self._dots, 0, Qt.AlignmentFlag.AlignHCenter)

    def _connect(self) -> None:
        self._back.clicked.connect(lambda: self._go(self.step() - 1))
        self.primary.clicked.connect(self._on_primary)
        self._look.chosen.connect(self._on_look)
        self._lock.submitted.connect(self._on_primary)
        self._begin.chosen.connect(self._on_begin)
        tasks.ask(self._bridge, ListTeams(), owner=self, done=self._on_teams)
        tasks.ask(self._bridge, ListSettings(), owner=self, done=self._on_settings)

    def _go(self, index: int) -> None:
        self._stack.setCurrentIndex(index)
        question, remark = self._words[index]
        self._question.setText(question)
        self._remark.setText(remark)
        self._dots.set_at(index)
        is_last = index == len(self._words) - 1
        # After the vault is made there is no way back to the question.
        self._back.setVisible(index > 0 and not is_last)
        self.primary.setVisible(not is_last)
        self.cancel.setVisible(is_last)
        self.primary.setText(self.tr("Create vault") if index == 2 else self.tr("Continue"))
        self.show_error("")
        if index == 2:
            self._lock.enter()

    def _on_primary(self) -> None:
        if self._stack.currentWidget() is self._team:
            self._keep_names()
        elif self._stack.currentWidget() is not self._lock:
            self._go(self.step() + 1)
        elif not self.primary.is_busy() and self._lock.is_complete():
            tasks.ask(
                self._bridge,
                CreateVault(slot=self._lock.slot, passphrase=self._lock.passphrase),
                owner=self,
                done=self._on_vault_made,
                failed=self._on_failed,
                busy=self,
            )

    def _keep_names(self) -> None:
        team, person = self._team.changed()
        if team is None and person is None:
            self._go(2)
        elif not self.primary.is_busy():
            tasks.run(
                self._bridge,
                self._name(team, person),
                owner=self,
                name="name team and person",
                done=self._on_named,
                failed=self._on_failed,
                busy=self,
            )

    async def _name(self, team: str | None, person: str | None) -> None:
        if team is not None:
            await self._bridge.call(UpdateTeam(team_id=self._bridge.team_id, name=team))
        if person is not None:
            await self._bridge.call(UpdateProfile(display_name=person))

    def _on_named(self, _done: None) -> None:
        self._team.keep()
        self._go(2)

    def _on_vault_made(self, _status: VaultStatus) -> None:
        self._lock.forget()
        self.vault_made.emit()
        self._go(3)

    def _on_failed(self, error: MachinaError) -> None:
        is_told = self._stack.currentWidget() is self._team and self._team.show_error(error)
        self.show_error("" if is_told else str(error))

    def _on_look(self, name: str) -> None:
        app = QApplication.instance()
        if isinstance(app, QApplication):
            theme.apply_theme(app, name)
        ask = ChangeSetting(key=THEME.key, value=name)
        tasks.ask(self._bridge, ask, owner=self)

    def _on_teams(self, teams: tuple[Team, ...]) -> None:
        for team in teams:
            if team.team_id == self._bridge.team_id:
                self._team.set_names(team.name, self._bridge.person.display_name)

    def _on_settings(self, values: tuple[SettingValue, ...]) -> None:
        for value in values:
            if value.key == THEME.key:
                self._look.set_chosen(str(value.value))

    def _on_begin(self, provider: str) -> None:
        self.accept()
        if provider:
            self.begun.emit(provider)
