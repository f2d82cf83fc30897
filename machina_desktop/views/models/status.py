"""How each status looks and reads: shape, colour token, word. Nothing is painted here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from PySide6.QtCore import QCoreApplication

from machina_desktop.core.domain.audit import AuditOutcome
from machina_desktop.core.domain.deployment import DeploymentState
from machina_desktop.core.domain.intent import IntentState
from machina_desktop.core.domain.invite import InviteState
from machina_desktop.core.domain.machine import AgentStatus, MachineStatus
from machina_desktop.core.domain.provider import CredentialStatus
from machina_desktop.core.domain.server import Connection
from machina_desktop.core.domain.tunnel import TunnelState


class Shape(StrEnum):
    """The form that tells a status apart without colour."""

    DISC = "disc"
    HALF = "half"
    RING = "ring"
    SQUARE = "square"
    CROSS = "cross"
    TRIANGLE = "triangle"
    DIAMOND = "diamond"


@dataclass(frozen=True)
class StatusMark:
    """How one status looks: its shape, colour token, and whether it moves."""

    shape: Shape
    token: str
    is_moving: bool = False

    @property
    def tint(self) -> str:
        """Token of the quiet fill under a badge of this colour."""
        return _TINTS[self.token]


_TINTS = {
    "accent-primary": "tint-accent",
    "accent-success": "tint-success",
    "accent-warning": "tint-warning",
    "accent-error": "tint-error",
    "text-secondary": "tint-neutral",
}
_UNKNOWN = StatusMark(Shape.RING, "text-secondary")
_MARKS: Mapping[StrEnum, StatusMark] = {
    MachineStatus.PENDING: StatusMark(Shape.RING, "text-secondary"),
    MachineStatus.PROVISIONING: StatusMark(Shape.HALF, "accent-primary", True),
    MachineStatus.RUNNING: StatusMark(Shape.DISC, "accent-success"),
    MachineStatus.STOPPING: StatusMark(Shape.HALF, "accent-primary", True),
    MachineStatus.STOPPED: StatusMark(Shape.SQUARE, "text-secondary"),
    MachineStatus.REBOOTING: StatusMark(Shape.HALF, "accent-primary", True),
    MachineStatus.TERMINATING: StatusMark(Shape.HALF, "accent-error", True),
    MachineStatus.TERMINATED: StatusMark(Shape.CROSS, "text-secondary"),
    MachineStatus.ERROR: StatusMark(Shape.TRIANGLE, "accent-error"),
    DeploymentState.QUEUED: StatusMark(Shape.RING, "text-secondary"),
    DeploymentState.PLANNING: StatusMark(Shape.HALF, "accent-primary", True),
    DeploymentState.AWAITING_APPROVAL: StatusMark(Shape.DIAMOND, "accent-warning"),
    DeploymentState.APPLYING: StatusMark(Shape.HALF, "accent-primary", True),
    DeploymentState.SUCCEEDED: StatusMark(Shape.DISC, "accent-success"),
    DeploymentState.FAILED: StatusMark(Shape.TRIANGLE, "accent-error"),
    DeploymentState.CANCELLED: StatusMark(Shape.CROSS, "text-secondary"),
    AgentStatus.NOT_INSTALLED: StatusMark(Shape.RING, "text-secondary"),
    AgentStatus.INSTALLING: StatusMark(Shape.HALF, "accent-primary", True),
    AgentStatus.ONLINE: StatusMark(Shape.DISC, "accent-success"),
    AgentStatus.OFFLINE: StatusMark(Shape.SQUARE, "accent-warning"),
    AgentStatus.ERROR: StatusMark(Shape.TRIANGLE, "accent-error"),
    CredentialStatus.UNVERIFIED: StatusMark(Shape.RING, "text-secondary"),
    CredentialStatus.VALID: StatusMark(Shape.DISC, "accent-success"),
    CredentialStatus.INVALID: StatusMark(Shape.TRIANGLE, "accent-error"),
    CredentialStatus.UNKNOWN: StatusMark(Shape.DIAMOND, "accent-warning"),
    AuditOutcome.REFUSED: StatusMark(Shape.DIAMOND, "accent-warning"),
    InviteState.OPEN: StatusMark(Shape.RING, "accent-primary"),
    InviteState.USED: StatusMark(Shape.DISC, "accent-success"),
    InviteState.EXPIRED: StatusMark(Shape.SQUARE, "text-secondary"),
    InviteState.REVOKED: StatusMark(Shape.CROSS, "text-secondary"),
    Connection.CONNECTING: StatusMark(Shape.HALF, "accent-primary", True),
    Connection.LIVE: StatusMark(Shape.DISC, "accent-success"),
    Connection.SIGNED_OUT: StatusMark(Shape.DIAMOND, "accent-warning"),
    Connection.OUTDATED: StatusMark(Shape.TRIANGLE, "accent-error"),
    Connection.LOCKED: StatusMark(Shape.RING, "accent-warning"),
    IntentState.WAITING: StatusMark(Shape.RING, "text-secondary"),
    IntentState.LOST: StatusMark(Shape.TRIANGLE, "accent-error"),
    TunnelState.LISTENING: StatusMark(Shape.DISC, "accent-success"),
    TunnelState.RECONNECTING: StatusMark(Shape.HALF, "accent-warning", True),
}


@dataclass(frozen=True)
class Status:
    """A status to show, and the one that is wanted where it differs.

    Members of the status enums with equal text, such as ``error``, look alike on purpose: `StrEnum` members
    compare as their text.
    """

    actual: StrEnum
    desired: StrEnum | None = None

    @property
    def is_split(self) -> bool:
        """Whether two parts are shown."""
        return self.desired is not None and self.desired != self.actual and not self.mark.is_moving

    @property
    def mark(self) -> StatusMark:
        """How the actual status looks."""
        return mark_of(self.actual)

    def words(self) -> str:
        """The status in words, for screen readers and search: ``stopped, should be running``."""
        if not self.is_split or self.desired is None:
            return word_of(self.actual)
        text = QCoreApplication.translate("StatusBadge", "{actual}, should be {desired}")
        return text.format(actual=word_of(self.actual), desired=word_of(self.desired))


def mark_of(status: StrEnum) -> StatusMark:
    """How ``status`` looks; a plain grey ring for one nobody has described."""
    return _MARKS.get(status, _UNKNOWN)


def word_of(status: StrEnum) -> str:
    """The status as a word, in the user's language: ``awaiting approval``."""
    return QCoreApplication.translate("Status", status.value.replace("_", " "))
