"""What is done with the files of machines, as the audit trail has it; the files go straight from one to the other."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from machina_desktop.core.domain.machine import Machine
from machina_desktop.core.domain.team import Actor, is_granted
from machina_desktop.core.errors import Forbidden, NotFound
from machina_desktop.core.services.use_case import Request, use_case
from machina_desktop.core.store.transaction import Transaction

FILES = "machine.files"
DETAIL_LIMIT = 300


class FileDeed(StrEnum):
    """What somebody does with files of a machine."""

    UPLOAD = "upload"
    DOWNLOAD = "download"
    DELETE = "delete"
    RENAME = "rename"
    PERMISSIONS = "permissions"
    FOLDER = "folder"
    EDIT = "edit"


@dataclass(frozen=True, kw_only=True)
class RecordFiles(Request[None]):
    """Note what somebody does with files of a machine, before it is done; ``about`` are names and sizes in words."""

    team_id: str
    machine_id: str
    deed: FileDeed
    about: str = ""

    @property
    def audit_detail(self) -> str:
        """The deed and what it is about."""
        return f"{self.deed} {self.about}".strip()[:DETAIL_LIMIT]


@use_case(FILES, "POST /api/machines/{machine_id}/file-deeds", is_for_devices=True)
def record_files(tx: Transaction, actor: Actor, ask: RecordFiles) -> None:
    """Leaves its trace in the audit trail; the machine stays as it is."""
    machine = tx.find(Machine, machine_id=ask.machine_id, team_id=ask.team_id)
    if machine is None:
        raise NotFound("The team has no such machine.")
    if not is_granted(actor, FILES, machine.team_id, is_read=False, tags=machine.tags):
        raise Forbidden(
            f"You may not work with the files of {machine.name}.",
            hint="Ask an administrator of the team for the right.",
        )
