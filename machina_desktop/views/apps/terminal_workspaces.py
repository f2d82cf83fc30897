"""Workspaces by name: keeping how the terminals stand, and having it again."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QCoreApplication, Signal
from PySide6.QtWidgets import QHBoxLayout, QWidget

from machina_desktop.views.detail_panel import WidgetList
from machina_desktop.views.terminal.workspace import Workspace, WorkspaceStore
from machina_desktop.views.theme import Space, Type
from machina_desktop.views.widgets.buttons import Button, IconButton
from machina_desktop.views.widgets.dialogs import Dialog
from machina_desktop.views.widgets.inputs import Input
from machina_desktop.views.widgets.text import ElidedLabel, Label

_LONGEST = 60


def _tr(text: str) -> str:
    return QCoreApplication.translate("Workspaces", text)


def size_words(workspace: Workspace) -> str:
    """How much is in a workspace."""
    tabs, panes = workspace.tab_count, workspace.pane_count
    words = [_tr("one tab") if tabs == 1 else _tr("{0} tabs").format(tabs)]
    if panes > tabs:
        words.append(_tr("{0} panes").format(panes))
    if len(workspace.windows) > 1:
        words.append(_tr("{0} windows").format(len(workspace.windows)))
    return ", ".join(words)


class SaveWorkspaceDialog(Dialog):
    """Asks for a name and keeps a workspace under it."""

    def __init__(self, store: WorkspaceStore, workspace: Workspace, parent: QWidget) -> None:
        super().__init__(
            _tr("Save the workspace"),
            text=_tr("Tabs, panes, machines and windows are kept, on this computer. What runs in them is not."),
            primary=_tr("Save"),
            parent=parent,
        )
        self.setObjectName("terminal.workspace_save")
        self._store, self._workspace = store, workspace
        self.name = Input(self.tr("Name"), help_text=size_words(workspace))
        self.name.control.setObjectName("terminal.workspace_name")
        self.name.control.setMaxLength(_LONGEST)
        self.name.changed.connect(self._on_changed)
        self.column.addWidget(self.name)
        self.primary.clicked.connect(self._on_save)
        self._on_changed("")
        self.name.control.setFocus()

    def _on_changed(self, text: str) -> None:
        is_taken = text.strip() in self._store.names()
        self.primary.setEnabled(bool(text.strip()))
        self.primary.setText(_tr("Replace") if is_taken else _tr("Save"))

    def _on_save(self) -> None:
        self._store.save_as(self.name.text().strip(), self._workspace)
        self.accept()


class WorkspacesDialog(Dialog):
    """The workspaces that were saved: to open one, or to delete it.

    Signals:
        chosen(str): The name of the one to open; the dialog is closed.
        save_wanted(): How the terminals stand shall be saved; the dialog is closed.
    """

    chosen = Signal(str)
    save_wanted = Signal()

    def __init__(self, store: WorkspaceStore, parent: QWidget) -> None:
        super().__init__(_tr("Workspaces"), primary=_tr("Save what is open…"), width=520, parent=parent)
        self.setObjectName("terminal.workspaces")
        self._store = store
        self.cancel.setText(self.tr("Close"))
        self.rows = WidgetList()
        self.column.addWidget(self.rows)
        self.primary.clicked.connect(self._on_save)
        self._fill()

    def _fill(self) -> None:
        lines = [self._line(name) for name in self._store.names()]
        nothing = Label(self.tr("None is saved yet. One keeps tabs, panes and machines under a name."), wraps=True)
        self.rows.fill(*(lines or [nothing]))

    def _line(self, name: str) -> QWidget:
        line = QWidget()
        row = QHBoxLayout(line)
        row.setContentsMargins(0, Space.XS, 0, Space.XS)
        row.setSpacing(Space.S)
        row.addWidget(ElidedLabel(name, style=Type.MEDIUM), 1)
        workspace = self._store.named(name)
        row.addWidget(Label(size_words(workspace) if workspace is not None else "", tone="secondary"))
        button = Button(self.tr("Open"))
        button.setAccessibleName(self.tr("Open {0}").format(name))
        button.clicked.connect(partial(self._on_open, name))
        row.addWidget(button)
        remove = IconButton("trash-2", self.tr("Delete {0}").format(name))
        remove.clicked.connect(partial(self._on_delete, name))
        row.addWidget(remove)
        return line

    def _on_open(self, name: str) -> None:
        self.accept()
        self.chosen.emit(name)

    def _on_delete(self, name: str) -> None:
        self._store.delete(name)
        self._fill()

    def _on_save(self) -> None:
        self.accept()
        self.save_wanted.emit()
