"""The gallery's pages of things to press and to fill in."""

from __future__ import annotations

from PySide6.QtCore import QDate, Qt
from PySide6.QtWidgets import (
    QComboBox,
    QDoubleSpinBox,
    QLineEdit,
    QSlider,
    QSpinBox,
    QTextEdit,
    QWidget,
)

from machina_desktop.core.domain.provider import AccountField
from machina_desktop.views.choice_card import ChoiceCard
from machina_desktop.views.gallery.samples import ARABIC, LONG_NAME
from machina_desktop.views.gallery.specimens import Section, Specimens, column, hovered, off, part, right_to_left
from machina_desktop.views.widgets.buttons import Button, ButtonKind, IconButton, Segment, Segmented
from machina_desktop.views.widgets.checkbox import Checkbox
from machina_desktop.views.widgets.day_edit import Calendar, DayEdit, DayRange
from machina_desktop.views.widgets.form import Form
from machina_desktop.views.widgets.inputs import Input, PasswordInput, SecretArea, Select, TextArea
from machina_desktop.views.widgets.key_caps import Keys
from machina_desktop.views.widgets.tabs import Tab, TabBar, Tabs
from machina_desktop.views.widgets.text import Label
from machina_desktop.views.widgets.toggles import Radio, Switch

_KINDS = (
    (ButtonKind.PRIMARY, "Deploy machine", "plus"),
    (ButtonKind.SECONDARY, "Refresh", "refresh-cw"),
    (ButtonKind.DANGER, "Destroy", "trash-2"),
    (ButtonKind.GHOST, "Cancel", ""),
)


def _buttons() -> QWidget:
    return column(*(_button_states(*kind) for kind in _KINDS), _icon_buttons())


def _button_states(kind: ButtonKind, text: str, icon_name: str) -> QWidget:
    def made() -> Button:
        return Button(text, kind=kind, icon_name=icon_name)

    pressed, busy, plain = made(), made(), Button(text, kind=kind)
    pressed.setDown(True)
    busy.set_busy(True)
    states = Specimens(cell=160)
    states.add("normal", made()).add("hover", hovered(made())).add("pressed", pressed)
    states.add("disabled", off(made())).add("busy", busy).add("without icon", plain)
    states.add("right to left", right_to_left(made()))
    return part(kind.value.capitalize(), states)


def _icon_buttons() -> QWidget:
    pinned, down = IconButton("pin", "Pin", is_checkable=True), IconButton("panel-right", "Details")
    pinned.setChecked(True)
    down.setDown(True)
    states = Specimens(cell=160)
    states.add("normal", IconButton("panel-right", "Details", shortcut="Ctrl+I"))
    states.add("hover", hovered(IconButton("panel-right", "Details"))).add("pressed", down)
    states.add("checked", pinned).add("disabled", off(IconButton("copy", "Copy")))
    return part("Icon button", states, hint="its name and shortcut are its tooltip")


def _inputs() -> QWidget:
    wrong = Input("Name", text="Web_1")
    wrong.set_error("Use lower-case letters, digits and hyphens; begin and end with a letter or digit.")
    password = PasswordInput("API token")
    password.set_text("dop_v1_0123456789")
    fixed, arabic = Input("Machine id", text="0192-7f3a", is_mono=True), Input("Name", text=ARABIC)
    fixed.control.setReadOnly(True)
    states = Specimens(cell=260)
    states.add("empty, with help", Input("Host", placeholder="203.0.113.7", help_text="Address or name."))
    states.add("filled", Input("Label", text="Production")).add("hover", _hovered_input()).add("error", wrong)
    states.add("disabled", off(Input("Region", text="fra1"))).add("read-only", fixed)
    states.add("long text", Input("Name", text=LONG_NAME)).add("right to left", right_to_left(arabic))
    states.add("password", password)
    return column(states, part("Several lines", _areas()), part("Numbers and dates", _numbers()))


def _hovered_input() -> Input:
    made = Input("Label", text="Production")
    hovered(made.control)
    return made


def _areas() -> QWidget:
    secret, wrong = SecretArea("Private key", help_text="Dots once the field is left."), TextArea("Public key")
    secret.set_text("-----BEGIN OPENSSH PRIVATE KEY-----")
    wrong.set_error("This is no public key: it should begin with ssh-ed25519, ssh-rsa or ecdsa-sha2.")
    script, rich = TextArea("Script", text="#!/bin/sh\napt-get update\n", rows=4), QTextEdit("Plain *Qt* text edit")
    rich.setAccessibleName("Notes")
    rich.setMaximumHeight(112)
    states = Specimens(cell=320)
    states.add("monospaced", script).add("secret", secret).add("error", wrong)
    states.add("disabled", off(TextArea("Script", text="#!/bin/sh", rows=3))).add("text edit", rich)
    return states


def _numbers() -> QWidget:
    slider, quiet, today = QSlider(Qt.Orientation.Horizontal), QSlider(Qt.Orientation.Horizontal), QDate(2026, 11, 22)
    slider.setValue(40)
    quiet.setValue(40)
    calendar = Calendar(name="Calendar")
    calendar.setSelectedDate(today)
    calendar.setFixedSize(296, 240)
    states = Specimens(cell=220)
    states.add("spin box", _named(QSpinBox(), "Count")).add("with decimals", _named(QDoubleSpinBox(), "Price"))
    states.add("disabled", off(_named(QSpinBox(), "Count"))).add("day", DayEdit(today, name="Day"))
    states.add("days", DayRange("gallery"))
    states.add("slider", _named(slider, "Share")).add("disabled", off(_named(quiet, "Share")))
    return states.add("calendar", calendar)


def _named(widget: QWidget, name: str) -> QWidget:
    widget.setAccessibleName(name)
    return widget


def _selects() -> QWidget:
    choices = (("fra1", "Frankfurt 1"), ("nyc3", "New York 3"), ("sgp1", "Singapore 1"))
    wrong, long = Select("Region", choices=choices), Select("Name", choices=(("x", LONG_NAME), ("y", "short")))
    wrong.set_error("This region has no stock of the chosen size.")
    writable, line = QComboBox(), QLineEdit()
    line.setAccessibleName("Region")
    writable.setLineEdit(line)
    writable.addItems([title for _value, title in choices])
    over = Select("Region", choices=choices)
    hovered(over.control)
    states = Specimens(cell=240)
    states.add("normal", Select("Region", choices=choices, help_text="Nearest first."))
    states.add("hover", over).add("error", wrong).add("disabled", off(Select("Region", choices=choices)))
    states.add("nothing to choose", Select("Region")).add("long text", long)
    states.add("editable", _named(writable, "Region"))
    states.add("right to left", right_to_left(Select("Region", choices=choices)))
    return states


def _checks() -> QWidget:
    ticked, part_way = Checkbox("Only mine"), Checkbox("Some of them")
    ticked.setChecked(True)
    part_way.setCheckState(Qt.CheckState.PartiallyChecked)
    both, locked = Checkbox("Ticked and locked"), Radio("Locked")
    both.setChecked(True)
    chosen, right = Radio("Passphrase"), Checkbox(ARABIC)
    chosen.setChecked(True)
    checks, radios, switches = Specimens(cell=180), Specimens(cell=180), Specimens(cell=180)
    checks.add("unchecked", Checkbox("Only mine")).add("checked", ticked).add("partly", part_way)
    checks.add("hover", hovered(Checkbox("Only mine"))).add("disabled", off(Checkbox("Agent online")))
    checks.add("checked, disabled", off(both)).add("right to left", right_to_left(right))
    radios.add("chosen", chosen).add("not chosen", Radio("Key file")).add("disabled", off(locked))
    radios.add("hover", hovered(Radio("System keyring")))
    switches.add("off", Switch("Follow the log")).add("on", Switch("Follow the log", is_on=True))
    switches.add("hover", hovered(Switch("Notifications", is_on=True))).add("disabled", off(Switch("Locked")))
    switches.add("on, disabled", off(Switch("Locked", is_on=True)))
    switches.add("right to left", right_to_left(Switch(ARABIC, is_on=True)))
    return column(checks, part("Radio", radios), part("Switch", switches, hint="takes effect at once"))


def _choices() -> QWidget:
    view = (
        Segment(key="cards", title="Cards", icon_name="layout-grid"),
        Segment(key="table", title="Table", icon_name="list"),
    )
    looks = tuple(Segment(key=name.lower(), title=name) for name in ("Dark", "Light", "System"))
    chosen = ChoiceCard("lock", "Passphrase", "Asked for once per start.", note="recommended")
    chosen.setChecked(True)
    segments, cards = Specimens(cell=220), Specimens(cell=300)
    segments.add("icons", Segmented(view, name="View")).add("words", Segmented(looks, name="Look"))
    segments.add("disabled", off(Segmented(looks, name="Look")))
    cards.add("chosen", chosen).add("not chosen", ChoiceCard("key-round", "Key file", "Kept beside the vault."))
    cards.add("disabled", off(ChoiceCard("shield", "System keyring", "No keyring answers on this computer.")))
    return column(segments, part("Choice card", cards))


def _tabs() -> QWidget:
    tabs = Tabs(name="Settings")
    for key, title, icon_name, count in (
        ("profile", "Profile", "user", None),
        ("account", "Account", "wallet", 3),
        ("settings", "Settings", "settings", 1284),
    ):
        tabs.add_page(key, title, Label(f"The page of {title}.", tone="secondary"), icon_name=icon_name, count=count)
    many = tuple(Tab(key=str(number), title=f"web-{number}") for number in range(24))
    partly = TabBar((Tab(key="plan", title="Plan"), Tab(key="log", title="Log", count=12)), name="Run")
    partly.setTabEnabled(1, False)
    states = Specimens(cell=420)
    states.add("icons and counts", tabs).add("one disabled", partly)
    states.add("long title", TabBar((Tab(key="a", title=LONG_NAME), Tab(key="b", title="Short")), name="Machines"))
    states.add("too many", TabBar(many, name="Terminals"))
    arabic = TabBar((Tab(key="a", title=ARABIC, count=2), Tab(key="b", title="Log")), name="Tabs")
    return states.add("right to left", right_to_left(arabic)).add("disabled", off(TabBar(many[:3], name="Off")))


def _keys() -> QWidget:
    states = Specimens(cell=160)
    for keys in ("Ctrl+K", "Ctrl+Shift+D", "F1", "Esc", "Return", "Ctrl++", "Alt+Left", "G, M"):
        states.add(keys, Keys(keys))
    return states.add("right to left", right_to_left(Keys("Ctrl+K")))


def _form() -> QWidget:
    fields = (
        AccountField(name="label", title="Label", is_required=True, placeholder="rack"),
        AccountField(name="api_token", title="API token", is_secret=True, help="Read and write scope."),
        AccountField(name="key", title="Private key", is_secret=True, is_multiline=True),
    )
    checked = Form(fields)
    checked.validate()
    return Specimens(cell=360).add("to be filled in", Form(fields)).add("with an error", checked)


SECTIONS = (
    Section(key="button", title="Button", build=_buttons, icon_name="square", hint="One primary a page."),
    Section(key="input", title="Input", build=_inputs, icon_name="pencil", hint="Errors stand at the field, in words."),
    Section(key="select", title="Select", build=_selects, icon_name="chevrons-up-down"),
    Section(key="checkbox", title="Checkbox", build=_checks, icon_name="check"),
    Section(key="choice", title="Choice", build=_choices, icon_name="list"),
    Section(key="tabs", title="Tabs", build=_tabs, icon_name="folder"),
    Section(key="keys", title="Keys", build=_keys, icon_name="keyboard", hint="Told wherever an action is offered."),
    Section(key="form", title="Form", build=_form, icon_name="rows-3", hint="Drawn from field descriptions."),
)
