"""The gallery's page of what opens over a window: modals, menus, tooltips, toasts."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtWidgets import QVBoxLayout, QWidget

from machina_desktop.views.gallery.specimens import Section, Specimens, column, off, part
from machina_desktop.views.notices import Notices
from machina_desktop.views.theme import Space
from machina_desktop.views.toast import Notice
from machina_desktop.views.widgets.buttons import Button, ButtonKind, IconButton
from machina_desktop.views.widgets.dialogs import ConfirmDialog, Dialog
from machina_desktop.views.widgets.inputs import Input, Select
from machina_desktop.views.widgets.menus import Dropdown
from machina_desktop.views.widgets.modal import Modal
from machina_desktop.views.widgets.text import Label
from machina_desktop.views.widgets.tooltip import show_tooltip

_LONG_TIP = (
    "Refreshes what is known of every machine of the team. Machines whose provider does not answer keep what was last "
    "known of them, and say so."
)


def _nothing() -> None:
    """What a made-up action does."""


def _opener(text: str, open_: Callable[[QWidget], object], name: str) -> Button:
    button = Button(text)
    button.setObjectName(f"gallery.open.{name}")
    button.clicked.connect(lambda: open_(button))
    return button


def _modals() -> QWidget:
    states = Specimens(cell=180)
    states.add("a form", _opener("Rename…", _open_form, "form"))
    states.add("a question", _opener("Stop web-1…", _open_question, "question"))
    states.add("something is lost", _opener("Destroy web-1…", _open_danger, "danger"))
    states.add("busy, then an error", _opener("Save…", _open_failing, "failing"))
    states.add("more than the screen holds", _opener("Many fields…", _open_tall, "tall"))
    return states.add("contents of its own", _opener("Details…", _open_bare, "bare"))


def _open_form(anchor: QWidget) -> None:
    dialog = Dialog(
        "Rename the machine", text="Its address and disk stay as they are.", primary="Rename", parent=anchor
    )
    dialog.column.addWidget(Input("Name", text="web-1", help_text="Lower-case letters, digits and hyphens."))
    dialog.primary.clicked.connect(dialog.accept)
    dialog.open()


def _open_question(anchor: QWidget) -> None:
    text = "Programs on it end. Its disk and its address stay."
    ConfirmDialog("Stop web-1?", text=text, confirm="Stop", is_danger=False, parent=anchor).open()


def _open_danger(anchor: QWidget) -> None:
    ConfirmDialog(
        "Destroy web-1?",
        text="The machine and everything on it goes away. This cannot be undone.",
        losses=("its disk of 80 GB", "its address 203.0.113.7"),
        confirm="Destroy web-1",
        type_to_confirm="web-1",
        parent=anchor,
    ).open()


def _open_failing(anchor: QWidget) -> None:
    dialog = Dialog("Save the profile", primary="Save", parent=anchor)
    dialog.column.addWidget(Input("Name", text="web"))
    dialog.add_button(Button("Start over", kind=ButtonKind.GHOST))
    dialog.primary.clicked.connect(lambda: dialog.show_error("The name is taken. Choose another one."))
    dialog.open()
    dialog.show_error("The name is taken. Choose another one.")


def _open_tall(anchor: QWidget) -> None:
    dialog = Dialog("Many fields", primary="Save", width=520, parent=anchor)
    for number in range(14):
        dialog.column.addWidget(Input(f"Field {number + 1}", help_text="The column scrolls; the buttons stay."))
    dialog.primary.clicked.connect(dialog.accept)
    dialog.open()


def _open_bare(anchor: QWidget) -> None:
    modal = Modal("Contents of its own", width=520, parent=anchor)
    inside = QVBoxLayout(modal.body)
    inside.setContentsMargins(Space.XL, Space.M, Space.XL, Space.XL)
    inside.addWidget(Label("A modal is a frame: header, title, a way out, and room for anything.", wraps=True))
    inside.addWidget(Select("Region", choices=(("fra1", "Frankfurt 1"), ("nyc3", "New York 3"))))
    modal.open()


def _dropdowns() -> QWidget:
    actions, plain = Dropdown("Actions", icon_name="server"), Dropdown("Sort by", kind=ButtonKind.GHOST)
    actions.setObjectName("gallery.open.dropdown")
    items = actions.items
    items.add_heading("web-1")
    items.add_item("Open terminal", _nothing, icon_name="square-terminal", keys="Ctrl+T")
    items.add_item("Copy address", _nothing, icon_name="copy", keys="Ctrl+Shift+C")
    further = items.add_menu("Connect with", icon_name="link")
    further.add_item("SSH", _nothing, icon_name="terminal")
    further.add_item("Browser", _nothing, icon_name="globe")
    items.add_item("Start", _nothing, icon_name="play", is_enabled=False)
    items.addSeparator()
    items.add_item("Destroy…", _nothing, icon_name="trash-2", keys="Ctrl+Del", is_danger=True)
    for text, is_checked in (("Name", True), ("Status", False), ("Price", False)):
        plain.items.add_item(text, _nothing, is_checked=is_checked)
    states = Specimens(cell=180)
    return states.add("icons, keys, danger", actions).add("ticks", plain).add("disabled", off(Dropdown("Actions")))


def _tooltips() -> QWidget:
    wide = Button("Rest here")
    wide.setToolTip(_LONG_TIP)
    shown = _opener("Show one", lambda anchor: show_tooltip(anchor, "Copy the address  Ctrl+Shift+C"), "tooltip")
    states = Specimens(cell=180)
    states.add("name and shortcut", IconButton("copy", "Copy the address", shortcut="Ctrl+Shift+C"))
    return states.add("long text wraps", wide).add("now", shown)


def _toasts() -> QWidget:
    states = Specimens(cell=180)

    def opener(notice: Notice) -> Button:
        return _opener(notice.kind.capitalize(), lambda anchor: _toast(anchor, notice), f"toast.{notice.kind}")

    for kind, text, detail, action in (
        ("info", "web-1 is asked to reboot.", "", ""),
        ("success", "web-1 is running.", "203.0.113.7", "Open"),
        ("warning", "The plan for db-1 waits for approval.", "It replaces one disk.", "Review"),
        ("error", "web-2 could not be made.", "The provider has no stock of this size. Choose another one.", "Details"),
    ):
        notice = Notice(kind=kind, text=text, detail=detail, action=action, on_action=_nothing)
        states.add(kind, opener(notice))
    return states


def _toast(anchor: QWidget, notice: Notice) -> None:
    window = anchor.window()
    notices = window.findChild(Notices) or Notices(window, over=window)
    notices.tell(notice)


def _overlays() -> QWidget:
    return column(
        part("Modal", _modals(), hint="Esc closes; a click beside it loses nothing"),
        part("Dropdown", _dropdowns()),
        part("Tooltip", _tooltips()),
        part("Toast", _toasts()),
    )


SECTIONS = (
    Section(key="overlay", title="Modal and menus", build=_overlays, icon_name="layers", hint="Press to open."),
)
