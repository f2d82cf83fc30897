"""What is done to the files of one side: new folders, names, permissions, deletions; whether copies differ."""

from __future__ import annotations

import threading
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QWidget

from machina_desktop.bridge import Bridge
from machina_desktop.core.domain.transfer import base_name, shown_name
from machina_desktop.core.errors import MachinaError
from machina_desktop.views import tasks
from machina_desktop.views.terminal_files.file_dialogs import NameDialog, PermissionsDialog
from machina_desktop.views.terminal_files.pane import FilePane
from machina_desktop.views.widgets.dialogs import ConfirmDialog

_NAMED = 6


class SideDeeds(QObject):
    """Asks what has to be asked, does it, and has the folder read anew.

    Signals:
        said(str): Something worth a line happened.
        deleting(bool): A deletion that may be stopped has begun, or there is none any more.
    """

    said = Signal(str)
    deleting = Signal(bool)

    def __init__(self, bridge: Bridge, machine_id: str, panel: QWidget) -> None:
        super().__init__(panel)
        self._bridge = bridge
        self._machine_id = machine_id
        self._panel = panel
        self._deleting = threading.Event()

    def ask_folder(self, pane: FilePane) -> None:
        """Ask for the name of a new folder, and make it."""
        if not pane.path:
            return
        dialog = NameDialog(
            self.tr("New folder"), label=self.tr("Name"), confirm=self.tr("Make folder"), parent=self._panel.window()
        )
        dialog.accepted.connect(lambda: self.make_folder(pane, dialog.name))
        dialog.open()

    def make_folder(self, pane: FilePane, name: str) -> None:
        """Make a folder, and stand on it."""
        if pane.side is not None:
            self._work(pane, pane.side.make_folder(pane.side.join(pane.path, name)), select=name)

    def ask_rename(self, pane: FilePane) -> None:
        """Ask for another name of what is selected."""
        chosen = pane.selected()
        if len(chosen) != 1 or pane.side is None:
            return
        path, side = pane.path_of(chosen[0]), pane.side
        name = shown_name(chosen[0].name)
        dialog = NameDialog(
            self.tr("Rename {0}").format(name),
            label=self.tr("New name"),
            confirm=self.tr("Rename"),
            name=name,
            parent=self._panel.window(),
        )
        dialog.accepted.connect(lambda: self._work(pane, side.rename(path, dialog.name), select=dialog.name))
        dialog.open()

    def ask_permissions(self, pane: FilePane) -> None:
        """Ask who may do what with what is selected."""
        chosen = pane.selected()
        if len(chosen) != 1 or pane.side is None:
            return
        path, side = pane.path_of(chosen[0]), pane.side
        dialog = PermissionsDialog(chosen[0], parent=self._panel.window())
        dialog.accepted.connect(lambda: self._work(pane, side.set_permissions(path, dialog.mode)))
        dialog.open()

    def ask_delete(self, pane: FilePane) -> None:
        """Ask whether what is selected shall go for good."""
        chosen = pane.selected()
        if not chosen:
            return
        names = tuple(shown_name(each.name) for each in chosen[:_NAMED])
        if len(chosen) > _NAMED:
            names = (*names, self.tr("and {0} more").format(len(chosen) - _NAMED))
        where = self.tr("this computer") if pane.is_local else self.tr("the machine")
        title = self.tr("Delete {0}?").format(names[0]) if len(chosen) == 1 else self.tr("Delete these {0}?")
        dialog = ConfirmDialog(
            title.format(len(chosen)) if len(chosen) > 1 else title,
            text=self.tr("They are removed from {0} for good, folders with all that is in them.").format(where),
            losses=names,
            confirm=self.tr("Delete"),
            parent=self._panel.window(),
        )
        paths = tuple(pane.path_of(each) for each in chosen)
        dialog.accepted.connect(lambda: self.delete(pane, paths))
        dialog.open()

    def delete(self, pane: FilePane, paths: tuple[str, ...]) -> None:
        """Delete files, and folders with all that is in them."""
        if pane.side is not None:
            told = self.tr("{0} deleted")
            self._deleting = threading.Event()
            self.deleting.emit(True)
            work = pane.side.remove(paths, lambda gone: self.said.emit(told.format(gone)), self._deleting)
            self._work(pane, work)

    def stop(self) -> None:
        """Leave what has not been deleted yet."""
        self._deleting.set()
        self.deleting.emit(False)

    def compare(self, here: str, there: str) -> None:
        """Tell whether a file here and one on the machine have the same content."""
        name = shown_name(base_name(there))
        words = {
            True: self.tr("{0} is the same on both sides (SHA-256)."),
            False: self.tr("{0} differs: the two sides have another SHA-256."),
            None: self.tr("{0} was not compared: the machine has no sha256sum."),
        }
        self.said.emit(self.tr("Comparing {0}…").format(name))
        tasks.run(
            self._bridge,
            self._bridge.files.side(self._machine_id).is_same(there, Path(here)),
            owner=self,
            name="compare a file with its copy",
            done=lambda is_same: self.said.emit(words[is_same].format(name)),
            failed=lambda error: self.said.emit(str(error)),
        )

    def _work(self, pane: FilePane, work: object, *, select: str = "") -> None:
        """Do something to a side's files, then read its folder anew."""
        tasks.run(
            self._bridge,
            work,  # type: ignore[arg-type]
            owner=self,
            name="change files",
            done=partial(self._on_changed, pane, select),
            failed=partial(self._on_refused, pane),
        )

    def _on_changed(self, pane: FilePane, select: str, _nothing: object) -> None:
        self.deleting.emit(False)
        if select:
            pane.go(pane.path, select=select)
        else:
            pane.refresh()

    def _on_refused(self, pane: FilePane, error: MachinaError) -> None:
        self.deleting.emit(False)
        tasks.PRESENTER.show(error)
        pane.refresh()
