"""How a deployment is spoken of: what it does, where it stands, what its plan counts."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication

from machina_desktop.bridge import Bridge
from machina_desktop.core.domain.deployment import Deployment, DeploymentState, DeploymentType
from machina_desktop.core.events import ProgressMade
from machina_desktop.views import wording
from machina_desktop.views.run_words import kind_word


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
        DeploymentType.REBUILD: "layers",
        DeploymentType.SNAPSHOT: "image",
        DeploymentType.RESCUE: "shield-alert",
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
