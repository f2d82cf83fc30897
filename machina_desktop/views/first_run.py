"""The first start: the look, the team, how to unlock the vault, and then what to do first."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication, QRectF, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QApplication, QStackedWidget, QWidget

from machina_desktop.bridge import Bridge
from machina_desktop.core.config import THEME
from machina_desktop.core.domain.team import Team
from machina_desktop.core.errors import MachinaError
from machina_desktop.core.services.device import ChangeSetting, CreateVault, ListSettings, SettingValue, VaultStatus
from machina_desktop.core.services.teams import ListTeams
from machina_desktop.views import tasks, theme
from machina_desktop.views.brand import NAME
from machina_desktop.views.first_run_steps import BeginStep, LockStep, LookStep, TeamStep
from machina_desktop.views.theme import Type
from machina_desktop.views.widgets.buttons import Button
from machina_desktop.views.widgets.dialogs import Dialog
from machina_desktop.views.widgets.painting import fill_rounded
from machina_desktop.views.widgets.text import Label


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
        begun(str): What to deploy on first: ``sandbox`` or ``baremetal``.
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
        self._titles = (
            self.tr("How should it look? You can change this in Settings."),
            self.tr("Machines, accounts and keys belong to a team. Yours is made already."),
            self.tr("Credentials and private keys are sealed in a vault. How should it open?"),
            self.tr("Everything is set up. What first?"),
        )
        self._lead = Label("", style=Type.BODY, tone="secondary", wraps=True)
        self._stack = QStackedWidget()
        self._dots = _Dots(len(self._titles))
        self._back = Button(self.tr("Back"), parent=self)
        self._build_steps()
        self._connect()
        self._go(0)

    def step(self) -> int:
        """The screen shown, 0..3."""
        return self._stack.currentIndex()

    def lock_step(self) -> LockStep:
        """The screen that asks how the vault opens."""
        return self._lock

    def _build_steps(self) -> None:
        for step in (self._look, self._team, self._lock, self._begin):
            self._stack.addWidget(step)
        self._stack.setMinimumHeight(356)
        self.column.addWidget(self._lead)
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
        tasks.run(self._bridge, self._bridge.call(ListTeams()), owner=self, name="name the team", done=self._on_teams)
        tasks.run(
            self._bridge, self._bridge.call(ListSettings()), owner=self, name="theme in force", done=self._on_settings
        )

    def _go(self, index: int) -> None:
        self._stack.setCurrentIndex(index)
        self._lead.setText(self._titles[index])
        self._dots.set_at(index)
        is_last = index == len(self._titles) - 1
        # After the vault is made there is no way back to the question.
        self._back.setVisible(index > 0 and not is_last)
        self.primary.setVisible(not is_last)
        self.cancel.setVisible(is_last)
        self.primary.setText(self.tr("Create vault") if index == 2 else self.tr("Continue"))
        self.show_error("")
        if index == 2:
            self._lock.enter()

    def _on_primary(self) -> None:
        if self._stack.currentWidget() is not self._lock:
            self._go(self.step() + 1)
        elif not self.primary.is_busy() and self._lock.is_complete():
            tasks.run(
                self._bridge,
                self._bridge.call(CreateVault(slot=self._lock.slot, passphrase=self._lock.passphrase)),
                owner=self,
                name="create vault",
                done=self._on_vault_made,
                failed=self._on_failed,
                busy=self,
            )

    def _on_vault_made(self, _status: VaultStatus) -> None:
        self._lock.forget()
        self.vault_made.emit()
        self._go(3)

    def _on_failed(self, error: MachinaError) -> None:
        self.show_error(str(error))

    def _on_look(self, name: str) -> None:
        app = QApplication.instance()
        if isinstance(app, QApplication):
            theme.apply_theme(app, name)
        ask = ChangeSetting(key=THEME.key, value=name)
        tasks.run(self._bridge, self._bridge.call(ask), owner=self, name="keep the theme")

    def _on_teams(self, teams: tuple[Team, ...]) -> None:
        for team in teams:
            if team.team_id == self._bridge.team_id:
                self._team.set_team(team.name)

    def _on_settings(self, values: tuple[SettingValue, ...]) -> None:
        for value in values:
            if value.key == THEME.key:
                self._look.set_chosen(str(value.value))

    def _on_begin(self, provider: str) -> None:
        self.accept()
        if provider:
            self.begun.emit(provider)
