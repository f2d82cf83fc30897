"""Which Terraform serves on this computer, or why none does."""

from __future__ import annotations

from PySide6.QtCore import Signal

from machina_desktop.bridge import Bridge
from machina_desktop.core.domain.engine import EngineStatus
from machina_desktop.core.services.device import GetEngine
from machina_desktop.views import tasks
from machina_desktop.views.apps.settings_section import Block, head
from machina_desktop.views.callout import Callout
from machina_desktop.views.theme import Type
from machina_desktop.views.widgets.buttons import Button
from machina_desktop.views.widgets.feedback import Badge
from machina_desktop.views.widgets.text import KeyValueList, Label


class EngineBlock(Block):
    """What was found, and looking again.

    Attributes:
        look_again: The button for it.

    Signals:
        checked(object): The :class:`EngineStatus` after it was looked for.
    """

    checked = Signal(object)

    def __init__(self, bridge: Bridge) -> None:
        super().__init__()
        self._bridge = bridge
        self._chosen = ""
        self.look_again = Button(self.tr("Re-check"), icon_name="refresh-cw")
        self.look_again.setObjectName("settings.engine.check")
        self.look_again.clicked.connect(self.ask)
        self._name = Label(self.tr("Looking for Terraform …"), style=Type.STRONG)
        self._badge = Badge()
        self._problem = Callout("error")
        self._problem.setObjectName("settings.engine.problem")
        self._facts = KeyValueList()
        self._facts.add_text("version", self.tr("Version"))
        self._facts.add_text("origin", self.tr("Found"))
        self._facts.add_copyable("path", self.tr("Path"))
        self._note = Label("", style=Type.SECONDARY, tone="secondary", wraps=True)
        self.column.addLayout(head(self._name, self._badge, self.look_again))
        for widget in (self._problem, self._facts, self._note):
            self.column.addWidget(widget)
        for unknown in (self._badge, self._facts, self._note):
            unknown.hide()

    def set_chosen(self, path: str) -> None:
        """The program that the person named; empty for none."""
        self._chosen = path

    def ask(self) -> None:
        """Look for it again."""
        tasks.ask(self._bridge, GetEngine(), owner=self, done=self.show_engine, busy=self.look_again)

    def show_engine(self, engine: EngineStatus) -> None:
        """Show what was found."""
        is_missing = bool(engine.problem)
        name = "OpenTofu" if engine.name == "tofu" else "Terraform"
        self._name.setText(self.tr("No Terraform can be used") if is_missing else name)
        self._badge.set_text(self.tr("not usable") if is_missing else self.tr("in use"))
        self._badge.set_tone("error" if is_missing else "success")
        self._badge.show()
        self._facts.setVisible(not is_missing)
        self._facts.set_values({"version": engine.version, "origin": self._origin_of(engine), "path": engine.path})
        self._note.setText(engine.note)
        self._note.setVisible(bool(engine.note) and not is_missing)
        if is_missing:
            self._problem.say(engine.problem, engine.hint)
        else:
            self._problem.clear()
        self.checked.emit(engine)

    def _origin_of(self, engine: EngineStatus) -> str:
        if engine.is_bundled:
            return self.tr("bundled with Machina")
        return self.tr("chosen below") if self._chosen else self.tr("on this computer's search path")
