"""What a person wants recorded of their terminals on one machine."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication, Signal
from PySide6.QtWidgets import QWidget

from machina_desktop.bridge import Bridge
from machina_desktop.core.domain.recording import RecordingDecision, RecordingPolicy
from machina_desktop.core.services.recording_policy import DecideRecording, SetRecordingPolicy
from machina_desktop.views import tasks
from machina_desktop.views.callout import Callout
from machina_desktop.views.widgets.checkbox import Checkbox
from machina_desktop.views.widgets.dialogs import Dialog
from machina_desktop.views.widgets.inputs import Select
from machina_desktop.views.widgets.text import Label


def _tr(text: str) -> str:
    return QCoreApplication.translate("RecordingPolicyDialog", text)


class RecordingPolicyDialog(Dialog):
    """Never, asked each time, or always; a rule of the team is shown and stays.

    Signals:
        decided(object): What holds from now on (`RecordingDecision`).
    """

    decided = Signal(object)

    def __init__(self, bridge: Bridge, machine_id: str, name: str, parent: QWidget | None = None) -> None:
        """``name`` is the machine's."""
        super().__init__(
            _tr("Record terminals on {0}").format(name),
            text=_tr("Recordings stay on this computer. Known secrets are left out, and passwords nobody sees."),
            primary=_tr("Save"),
            width=520,
            parent=parent,
        )
        self.setObjectName("recording_policy")
        self._bridge = bridge
        self._machine_id = machine_id
        self.rule = Callout("neutral", icon_name="shield-check")
        self.policy = Select(
            self.tr("Record"),
            choices=(
                (RecordingPolicy.OFF.value, self.tr("Never")),
                (RecordingPolicy.ASK.value, self.tr("Ask each time")),
                (RecordingPolicy.ON.value, self.tr("Always")),
            ),
        )
        self.policy.control.setObjectName("recording_policy.policy")
        self.has_input = Checkbox(self.tr("Also keep what is typed, as far as the terminal showed it"))
        self.has_input.setObjectName("recording_policy.input")
        self.column.addWidget(self.rule)
        self.column.addWidget(self.policy)
        self.column.addWidget(self.has_input)
        self.column.addWidget(
            Label(self.tr("It holds for terminals that are opened from now on."), tone="secondary", wraps=True)
        )
        self.primary.setObjectName("recording_policy.save")
        self.primary.clicked.connect(self._on_save)
        tasks.ask(
            bridge,
            DecideRecording(machine_id=machine_id),
            owner=self,
            done=self._on_known,
            failed=lambda error: self.show_error(str(error)),
        )

    def _on_known(self, decision: RecordingDecision) -> None:
        self.policy.set_value(decision.policy.value)
        self.has_input.setChecked(decision.has_input)
        if decision.rule is not None:
            self.rule.say(
                self.tr("Your team requires it for machines with the tag {0}.").format(decision.rule.tag)
                if decision.rule.tag
                else self.tr("Your team requires it for every machine.")
            )
        self.policy.setEnabled(decision.rule is None)

    def _on_save(self) -> None:
        self.show_error("")
        ask = SetRecordingPolicy(
            machine_id=self._machine_id,
            policy=RecordingPolicy(self.policy.value()),
            has_input=self.has_input.isChecked(),
        )
        tasks.ask(
            self._bridge,
            ask,
            owner=self,
            done=self._on_saved,
            failed=lambda error: self.show_error(str(error)),
            busy=self,
        )

    def _on_saved(self, decision: RecordingDecision) -> None:
        self.decided.emit(decision)
        self.accept()
