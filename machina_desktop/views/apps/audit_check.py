"""Verifying the chain of events: what was found is said in a remark on the page, and what it means."""

from __future__ import annotations

from PySide6.QtWidgets import QVBoxLayout, QWidget

from machina_desktop.bridge import Bridge
from machina_desktop.core.domain.audit import AuditEvent, ChainReport
from machina_desktop.core.errors import MachinaError
from machina_desktop.core.services.audit import ListAuditEvents, VerifyAudit
from machina_desktop.views import tasks
from machina_desktop.views.apps.base import Window
from machina_desktop.views.callout import Callout
from machina_desktop.views.theme import Space
from machina_desktop.views.widgets.buttons import Button, ButtonKind
from machina_desktop.views.widgets.feedback import Progress


class AuditCheck(QWidget):
    """Nothing until it is begun; then a bar while it goes on, and one of two remarks."""

    def __init__(self, bridge: Bridge, window: Window, *, parent: QWidget) -> None:
        super().__init__(parent)
        self._bridge = bridge
        self._window = window
        self._event: AuditEvent | None = None
        self._progress = Progress(name=self.tr("Verifying the audit trail"))
        self.sound, self.broken = Callout("success"), Callout("error")
        self.sound.setObjectName("audit.sound")
        self.broken.setObjectName("audit.broken")
        self._show_event = Button(self.tr("Show the event"), icon_name="arrow-right")
        self._show_event.setObjectName("audit.show_broken")
        self._show_event.clicked.connect(self._on_show)
        self.broken.add_button(self._show_event)
        for remark in (self.sound, self.broken):
            dismiss = Button(self.tr("Dismiss"), kind=ButtonKind.GHOST)
            dismiss.setObjectName(f"{remark.objectName()}.dismiss")
            dismiss.clicked.connect(self._clear)
            remark.add_button(dismiss)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(Space.S)
        for part in (self._progress, self.sound, self.broken):
            column.addWidget(part)
        self._clear()

    def begin(self, *, busy: tasks.Busy) -> None:
        """Verify the team's chain."""
        self._clear()
        self._progress.set_progress(0, 0)
        self._progress.show()
        self.show()
        tasks.run(
            self._bridge,
            self._verified(),
            owner=self,
            name="VerifyAudit",
            done=self._on_report,
            failed=self._on_failed,
            busy=busy,
        )

    async def _verified(self) -> tuple[ChainReport, AuditEvent | None]:
        """What was found, and the event at which the chain breaks, where it is there."""
        team_id = self._bridge.team_id
        report = await self._bridge.call(VerifyAudit(team_id=team_id))
        if report.broken_at is None:
            return report, None
        found = await self._bridge.call(ListAuditEvents(team_id=team_id, before=report.broken_at + 1, limit=1))
        return report, next((event for event in found if event.seq == report.broken_at), None)

    def _on_report(self, found: tuple[ChainReport, AuditEvent | None]) -> None:
        report, self._event = found
        number = self.locale().toString
        self._progress.hide()
        if report.broken_at is None:
            self.sound.say(
                self.tr("The chain is whole: {0} events verified.").format(number(report.events)),
                self.tr("None was changed, moved, removed or put in since it was written."),
            )
            return
        self._show_event.setVisible(self._event is not None)
        self.broken.say(self._problem(report), self._meaning(report.broken_at))

    def _problem(self, report: ChainReport) -> str:
        if self._event is not None:
            return self.tr("Event {0} was altered.").format(self.locale().toString(report.broken_at or 0))
        if (report.broken_at or 0) > report.events:
            return self.tr("Events at the end are missing.")
        return self.tr("Event {0} is missing.").format(self.locale().toString(report.broken_at or 0))

    def _meaning(self, broken_at: int) -> str:
        before = self.tr("The {0} events before it are sound.").format(self.locale().toString(broken_at - 1))
        after = self.tr(
            "From there on the trail proves nothing: somebody wrote to the database outside of Machina, or the disk is "
            "damaged. Compare it with a backup or an earlier export."
        )
        return f"{before} {after}" if broken_at > 1 else after

    def _on_failed(self, error: MachinaError) -> None:
        self._progress.hide()
        self._show_event.hide()
        self.broken.say_error(error)

    def _on_show(self) -> None:
        if self._event is not None:
            self._window.inspect("audit_event", self._event.audit_event_id)

    def _clear(self) -> None:
        self._progress.hide()
        self.sound.clear()
        self.broken.clear()
        self.hide()
