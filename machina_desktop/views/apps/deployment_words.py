"""How a deployment is spoken of: what it does, where it stands, what its plan counts."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication

from machina_desktop.bridge import Bridge
from machina_desktop.core.domain.deployment import Deployment, DeploymentState, DeploymentType
from machina_desktop.core.events import ProgressMade
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


def kind_icon(kind: DeploymentType) -> str:
    """The icon that stands for what is done."""
    icons = {
        DeploymentType.CREATE: "plus",
        DeploymentType.UPDATE: "pencil",
        DeploymentType.DESTROY: "trash-2",
        DeploymentType.REBOOT: "rotate-cw",
        DeploymentType.START: "play",
        DeploymentType.STOP: "square",
        DeploymentType.RESTART_SERVICE: "rotate-cw",
        DeploymentType.REFRESH: "refresh-cw",
    }
    return icons[kind]


def title_of(run: Deployment) -> str:
    """The deployment in a few words: ``Create web-1``."""
    return f"{kind_word(run.type)} {run.machine_name}".strip()


def counts_of(run: Deployment) -> str:
    """The plan's counts as ``+1 ~0 -0``; a dash without a plan."""
    plan = run.plan_summary
    return "–" if plan is None else f"+{plan.add} ~{plan.change} -{plan.remove}"


def phase_word(phase: str) -> str:
    """What the runner does right now, in words; the bare name of a phase nobody has described."""
    words = {
        "prepare": _tr("getting ready"),
        "init": _tr("getting Terraform ready"),
        "plan": _tr("making the plan"),
        "show": _tr("reading the plan"),
        "approved": _tr("approved"),
        "apply": _tr("applying the plan"),
        "bootstrap": _tr("setting the machine up"),
        "finish": _tr("finishing"),
        "recover": _tr("finding out what was left"),
    }
    return words.get(phase, phase.replace("_", " "))


def approver_of(bridge: Bridge, run: Deployment) -> str:
    """Who let the plan be applied."""
    if run.approved_by:
        return wording.person(bridge, run.approved_by)
    was_needed = run.type.is_planned and run.state is not DeploymentState.CANCELLED
    return _tr("nobody: approved beforehand") if run.auto_approve and was_needed else "–"


def _tr(text: str) -> str:
    return QCoreApplication.translate("Deployment", text)


def step_words(run: Deployment, progress: ProgressMade | None) -> str:
    """Where a run stands within its state, or how it ended: ``applying the plan, 3 of 5``; a dash where all is well."""
    if run.state is DeploymentState.QUEUED:
        return _tr("waits for its turn")
    if run.state is DeploymentState.AWAITING_APPROVAL:
        return _tr("waits for a decision")
    if run.state.is_final:
        return run.error_message or "–"
    words = phase_word(progress.phase if progress is not None else run.phase_detail)
    if progress is None or not progress.total:
        return words
    return _tr("{0}, {1} of {2}").format(words, progress.done, progress.total)
