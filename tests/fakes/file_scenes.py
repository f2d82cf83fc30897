"""Dialogs about files, tunnels, recordings and snippets, each opened where it stands at the end of a long way."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtWidgets import QDialog, QWidget

from machina_desktop.core.domain.kept_shell import Keeper, KeptSession, KeptSessions, KeptShell
from machina_desktop.core.domain.machine import Machine
from machina_desktop.core.domain.transfer import Entry, EntryKind, FileConflict
from machina_desktop.core.domain.tunnel import ListeningPort, TunnelStatus
from machina_desktop.views.apps.terminal_kept import KeptDialog
from machina_desktop.views.recordings.policy_dialog import RecordingPolicyDialog
from machina_desktop.views.recordings.rules_dialog import RecordingRulesDialog
from machina_desktop.views.snippets.editor import SnippetDialog
from machina_desktop.views.snippets.picker import SnippetPicker
from machina_desktop.views.terminal_files.file_dialogs import (
    ConflictDialog,
    EditConflictDialog,
    NameDialog,
    PermissionsDialog,
)
from machina_desktop.views.terminal_files.tunnels_dialog import TunnelsDialog
from tests.fakes.house import House, Scene

MINE = Entry(name="§ 4730 §", kind=EntryKind.FILE, size=1_234_567, mtime=1_790_000_000, mode=0o100644)
THEIRS = Entry(name="§ 4730 §", kind=EntryKind.FILE, size=7_654_321, mtime=1_790_000_600, mode=0o100600)
CONFLICT = FileConflict(
    name=MINE.name,
    source_size=MINE.size,
    source_mtime=MINE.mtime,
    found_size=THEIRS.size,
    found_mtime=THEIRS.mtime,
)

TEXTS = (
    "systemctl restart {{service=nginx}}",
    "git checkout {{release}}",
    "release",
    "env",
    "staging",
    "production",
    "Say what release is.",
    "HTTP",
    "PostgreSQL",
)
"""Commands, the names of their places, what the core says of one that is empty; and protocols."""


class NoTunnels:
    """Nothing leads anywhere."""

    def status(self, machine_id: str = "") -> tuple[TunnelStatus, ...]:
        return ()

    def all(self, machine_id: str = "") -> tuple[TunnelStatus, ...]:
        return ()

    def leading_to(self, machine_id: str, remote_port: int) -> None:
        return None


class NoQuestions:
    """Nobody asks anything."""

    def attend(self, machine_id: str, viewer: object) -> None:
        pass

    def leave(self, machine_id: str, viewer: object) -> None:
        pass

    def shown_by(self, machine_id: str, viewer: object) -> None:
        return None


class NoFiles:
    """The files of a host whose machines cannot be reached."""

    tunnels = NoTunnels()
    questions = NoQuestions()

    async def ports(self, machine_id: str) -> tuple[ListeningPort, ...]:
        return (ListeningPort(port=80, program="§ 4737 §"), ListeningPort(port=5432))

    async def kept(self, machine_id: str) -> KeptSessions:
        kept = KeptShell(keeper=Keeper.TMUX, name="§ 4738 §")
        return KeptSessions(keepers=(Keeper.TMUX,), sessions=(KeptSession(kept=kept, windows=2),))


def _machine(house: House) -> Machine:
    return house.gateway.all(Machine)[0]


def _opened(make: Callable[[House], QDialog]) -> Scene:
    async def scene(house: House) -> QWidget:
        await house.open()
        house.bridge.attach_files(NoFiles)  # type: ignore[arg-type]
        make(house).open()
        return await house.dialog()

    return scene


SHOWN: dict[str, tuple[type[QWidget], Scene]] = {
    "recording policy": (
        RecordingPolicyDialog,
        _opened(lambda h: RecordingPolicyDialog(h.bridge, _machine(h).machine_id, "§ 4731 §", parent=h.window)),
    ),
    "recording rules": (
        RecordingRulesDialog,
        _opened(lambda h: RecordingRulesDialog(h.bridge, parent=h.window)),
    ),
    "new snippet": (SnippetDialog, _opened(lambda h: SnippetDialog(h.bridge, parent=h.window))),
    "run a snippet": (
        SnippetPicker,
        _opened(lambda h: SnippetPicker(h.bridge, known={"name": "§ 4732 §"}, target="§ 4732 §", parent=h.window)),
    ),
    "name a file": (
        NameDialog,
        _opened(lambda h: NameDialog("§ 4734 §", label="§ 4735 §", confirm="§ 4736 §", parent=h.window)),
    ),
    "permissions": (PermissionsDialog, _opened(lambda h: PermissionsDialog(MINE, parent=h.window))),
    "file conflict": (ConflictDialog, _opened(lambda h: ConflictDialog(CONFLICT, parent=h.window))),
    "edit conflict": (
        EditConflictDialog,
        _opened(lambda h: EditConflictDialog("§ 4730 §", MINE, THEIRS, parent=h.window)),
    ),
    "kept sessions": (
        KeptDialog,
        _opened(lambda h: KeptDialog(h.bridge, _machine(h).machine_id, "§ 4739 §", parent=h.window)),
    ),
    "tunnels": (
        TunnelsDialog,
        _opened(lambda h: TunnelsDialog(h.bridge, _machine(h).machine_id, "§ 4733 §", parent=h.window)),
    ),
}
