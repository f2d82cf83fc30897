"""Telling the person what runs came to, unless they look at it: a toast, or the system's notification."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QWidget

from machina_desktop.core.config import NOTIFICATIONS, NOTIFY_APPROVAL, NOTIFY_FAILED, NOTIFY_FINISHED, Settings
from machina_desktop.core.domain.deployment import Deployment, DeploymentState
from machina_desktop.views.desktop_notifications import DesktopNotifications
from machina_desktop.views.notices import Notices
from machina_desktop.views.run_watch import RunWatch, doing, outcome
from machina_desktop.views.toast import Notice

_WANTED = {DeploymentState.FAILED: NOTIFY_FAILED, DeploymentState.AWAITING_APPROVAL: NOTIFY_APPROVAL}
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
        is_shown: Callable[[str, str], bool],
        window: QWidget,
    ) -> None:
        """``show`` opens a deployment, given its id; ``is_shown`` says whether an inspector shows an entity."""
        super().__init__(window)
        self._notices = notices
        self._settings = settings
        self._show = show
        self._is_shown = is_shown
        self._window = window
        self._outside: DesktopNotifications | None = None
        watch.ended.connect(self._on_ended)
        watch.awaits_approval.connect(self._on_awaits_approval)
        watch.decided.connect(lambda run: notices.withdraw(run.deployment_id))

    def set_outside(self, outside: DesktopNotifications) -> None:
        """Where to tell it while nobody sees the window."""
        self._outside = outside

    def send_test(self) -> None:
        """Show a notification of the system's now, whatever is set; a toast where there is no way to do it."""
        if self._outside is None:
            self._notices.tell(Notice(text=self.tr("There is no way to notify you on this system."), kind="warning"))
        else:
            self._outside.send(self.tr("This is a test"), self.tr("Deployments are told this way."), key="")

    def _on_ended(self, run: Deployment) -> None:
        # The machine's own inspector tells how it is now; why something failed, only the run does.
        if run.state is DeploymentState.SUCCEEDED and self._is_looked_at("machine", run.machine_id or ""):
            self._notices.withdraw(run.deployment_id)
            return
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
        self._tell(run, text, counts, "warning", self.tr("Review"))

    def _tell(self, run: Deployment, text: str, detail: str, kind: str, action: str) -> None:
        key = run.deployment_id
        if self._is_looked_at("deployment", key):
            self._notices.withdraw(key)
            return
        notice = Notice(
            text=text, detail=detail, kind=kind, action=action, on_action=lambda: self._show(key), about=key
        )
        if self._is_seen() or self._outside is None:
            self._notices.tell(notice)
            return
        # Whoever comes back to the window finds it in the list.
        self._notices.record(notice)
        if self._settings.get(NOTIFICATIONS) and self._settings.get(_WANTED.get(run.state, NOTIFY_FINISHED)):
            self._outside.send(text, detail, key=key)

    def _is_seen(self) -> bool:
        return self._window.isVisible() and not self._window.isMinimized()

    def _is_looked_at(self, entity: str, key: str) -> bool:
        return self._is_seen() and self._is_shown(entity, key)
