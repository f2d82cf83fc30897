"""Telling the person what runs came to: a toast while the window is seen, else the system's notification."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QWidget

from machina_desktop.core.config import NOTIFICATIONS, Settings
from machina_desktop.core.domain.deployment import Deployment, DeploymentState
from machina_desktop.views.desktop_notifications import DesktopNotifications
from machina_desktop.views.notices import Notice, Notices
from machina_desktop.views.run_watch import RunWatch, doing, outcome

_KINDS = {DeploymentState.SUCCEEDED: "success", DeploymentState.FAILED: "error"}


class RunAnnouncer(QObject):
    """Connects the watch over runs with toasts and notifications."""

    def __init__(
        self,
        watch: RunWatch,
        *,
        notices: Notices,
        settings: Settings,
        show: Callable[[str], None],
        window: QWidget,
    ) -> None:
        """``show`` opens a deployment, given its id."""
        super().__init__(window)
        self._notices = notices
        self._settings = settings
        self._show = show
        self._window = window
        self._outside: DesktopNotifications | None = None
        watch.ended.connect(self._on_ended)
        watch.awaits_approval.connect(self._on_awaits_approval)

    def set_outside(self, outside: DesktopNotifications) -> None:
        """Where to tell it while nobody sees the window."""
        self._outside = outside

    def _on_ended(self, run: Deployment) -> None:
        detail = " ".join(part for part in (run.error_message or "", run.error_hint) if part)
        self._tell(run, outcome(run), detail, _KINDS.get(run.state, "info"), self.tr("Show"))

    def _on_awaits_approval(self, run: Deployment) -> None:
        plan = run.plan_summary
        counts = (
            self.tr("{0} to add, {1} to change, {2} to destroy").format(plan.add, plan.change, plan.remove)
            if plan is not None
            else ""
        )
        text = self.tr("{0}: the plan waits for your approval.").format(doing(run))
        self._tell(run, text, counts, "warning", self.tr("Review plan"))

    def _tell(self, run: Deployment, text: str, detail: str, kind: str, action: str) -> None:
        key = run.deployment_id
        is_seen = self._window.isVisible() and not self._window.isMinimized()
        if is_seen or self._outside is None:
            self._notices.tell(
                Notice(text=text, detail=detail, kind=kind, action=action, on_action=lambda: self._show(key))
            )
        elif self._settings.get(NOTIFICATIONS):
            self._outside.send(text, detail, key=key)
