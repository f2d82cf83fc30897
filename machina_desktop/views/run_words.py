"""How a run is spoken of wherever one is told of: what it does, and what it means for its machine."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication

from machina_desktop.core.domain.deployment import Deployment, DeploymentState, DeploymentType
from machina_desktop.views import wording
from machina_desktop.views.models.status import word_of


def kind_word(kind: DeploymentType) -> str:
    """What is done to the machine, as a verb."""
    words = {
        DeploymentType.CREATE: _tr("Create"),
        DeploymentType.UPDATE: _tr("Change"),
        DeploymentType.DESTROY: _tr("Destroy"),
        DeploymentType.REBOOT: _tr("Reboot"),
        DeploymentType.START: _tr("Start"),
        DeploymentType.STOP: _tr("Stop"),
        DeploymentType.RESTART_SERVICE: _tr("Restart service"),
        DeploymentType.REBUILD: _tr("Rebuild"),
        DeploymentType.SNAPSHOT: _tr("Take a snapshot"),
        DeploymentType.RESCUE: _tr("Rescue"),
        DeploymentType.REFRESH: _tr("Refresh"),
    }
    return words[kind]


def done_word(kind: DeploymentType) -> str:
    """What was done to the machine, as a participle."""
    words = {
        DeploymentType.CREATE: _tr("created"),
        DeploymentType.UPDATE: _tr("changed"),
        DeploymentType.DESTROY: _tr("destroyed"),
        DeploymentType.REBOOT: _tr("rebooted"),
        DeploymentType.START: _tr("started"),
        DeploymentType.STOP: _tr("stopped"),
        DeploymentType.RESTART_SERVICE: _tr("service restarted"),
        DeploymentType.REBUILD: _tr("rebuilt"),
        DeploymentType.SNAPSHOT: _tr("snapshot taken"),
        DeploymentType.RESCUE: _tr("rescue system switched"),
        DeploymentType.REFRESH: _tr("refreshed"),
    }
    return words[kind]


def news_of(run: Deployment) -> str:
    """What a run means for its machine, in a few words: ``changed 2 h ago``, ``change awaits approval``."""
    if run.state is DeploymentState.SUCCEEDED:
        return f"{done_word(run.type)} {wording.ago(run.finished_at or run.updated_at)}"
    kind = kind_word(run.type).lower()
    if run.state.is_final:
        return f"{kind} {word_of(run.state)} {wording.ago(run.finished_at or run.updated_at)}"
    if run.state is DeploymentState.AWAITING_APPROVAL:
        return _tr("{0} awaits approval").format(kind)
    return f"{kind} {word_of(run.state)}"


def _tr(text: str) -> str:
    return QCoreApplication.translate("Deployment", text)
