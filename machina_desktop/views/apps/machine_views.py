"""Views of the list of machines that a person keeps under a name: search, filters, groups and cards or table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QWidget

from machina_desktop.core.codec import from_json, to_json
from machina_desktop.core.errors import InvalidInput
from machina_desktop.views.commands import Command
from machina_desktop.views.remembered import recall, remember
from machina_desktop.views.widgets.buttons import Button
from machina_desktop.views.widgets.dialogs import Dialog
from machina_desktop.views.widgets.inputs import Input
from machina_desktop.views.widgets.menus import Menu

View = dict[str, str]
_PAGE = "machines-views"
LONGEST_NAME = 40


class SavedViews(Button):
    """A button with the menu of the views; they are kept on this computer.

    Signals:
        chosen(dict): A view is to be shown, as it was given to ``set_current``.
    """

    chosen = Signal(dict)

    def __init__(self, *, parent: QWidget | None = None) -> None:
        super().__init__("", icon_name="layers", parent=parent)
        self.setText(self.tr("Views"))
        self.setObjectName("machines.views")
        self._views = _stored()
        self._current: View = {}
        self.clicked.connect(self._open_menu)

    def set_current(self, view: Mapping[str, str]) -> None:
        """Say what is shown now, which can be kept; its name stands on the button where it has one."""
        self._current = {key: value for key, value in view.items() if value}
        self.setText(self._current_name() or self.tr("Views"))

    def commands(self) -> Iterable[Command]:
        """Each view by its name, and keeping what is shown now."""
        for name in self._views:
            yield Command(
                name=f"machines.view.{name}",
                title=self.tr("Show the view {0}").format(name),
                group=self.tr("Machines"),
                icon="layers",
                words=self.tr("saved view filters"),
                run=partial(self._show, name),
            )
        yield Command(
            name="machines.save_view",
            title=self.tr("Save this view of machines…"),
            group=self.tr("Machines"),
            icon="save",
            words=self.tr("saved view filters keep"),
            run=self._ask_name,
        )

    def _current_name(self) -> str:
        return next((name for name, view in self._views.items() if view == self._current), "")

    def _open_menu(self) -> None:
        menu = Menu(self.tr("Saved views"), parent=self)
        menu.setObjectName("machines.views.menu")
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        current = self._current_name()
        for name in self._views:
            menu.add_item(name, partial(self._show, name), is_checked=name == current)
        if self._views:
            menu.addSeparator()
        menu.add_item(self.tr("Save this view…"), self._ask_name, icon_name="save", is_enabled=not current)
        if self._views:
            part = menu.add_menu(self.tr("Delete a view"), icon_name="trash-2")
            for name in self._views:
                part.add_item(name, partial(self._delete, name), is_danger=True)
        menu.popup_under(self)

    def _show(self, name: str) -> None:
        if (view := self._views.get(name)) is not None:
            self.chosen.emit(dict(view))

    def _ask_name(self) -> None:
        dialog = Dialog(self.tr("Save this view"), primary=self.tr("Save"), parent=self.window())
        dialog.setObjectName("machines.save-view")
        dialog.primary.setObjectName("machines.save-view.confirm")
        name = Input(
            self.tr("Name"),
            placeholder=self.tr("Production in Europe"),
            help_text=self.tr(
                "It keeps search, filters, groups, and cards or table. One of the same name is replaced."
            ),
        )
        name.control.setObjectName("machines.save-view.name")
        dialog.column.addWidget(name)

        def save() -> None:
            text = " ".join(name.text().split())
            if not text or len(text) > LONGEST_NAME:
                name.set_error(self.tr("Give it a name of 1 to {0} characters.").format(LONGEST_NAME))
                return
            self._keep({**self._views, text: self._current})
            dialog.accept()

        dialog.primary.clicked.connect(save)
        name.submitted.connect(save)
        dialog.open()
        name.control.setFocus()

    def _delete(self, name: str) -> None:
        self._keep({known: view for known, view in self._views.items() if known != name})

    def _keep(self, views: Mapping[str, View]) -> None:
        self._views = dict(sorted(views.items(), key=lambda each: each[0].casefold()))
        remember(_PAGE, {"views": to_json(self._views).decode()})
        self.set_current(self._current)


def _stored() -> dict[str, View]:
    """The views by name; what is not understood counts as none."""
    try:
        return from_json(recall(_PAGE).get("views", "{}").encode(), dict[str, View])
    except InvalidInput:
        return {}
