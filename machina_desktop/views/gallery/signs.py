"""The gallery's pages of small things to look at: badges, avatars, marks, progress, text."""

from __future__ import annotations

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QLinearGradient, QPainter, QPixmap
from PySide6.QtWidgets import QWidget

from machina_desktop.core.domain.deployment import DeploymentState
from machina_desktop.core.domain.machine import MachineStatus
from machina_desktop.core.domain.provider import ACCOUNT_COLOURS, ProviderType
from machina_desktop.views import theme
from machina_desktop.views.gallery.samples import ARABIC, LONG_NAME
from machina_desktop.views.gallery.specimens import Section, Specimens, column, hovered, off, part, right_to_left, row
from machina_desktop.views.theme import Type
from machina_desktop.views.widgets.feedback import Avatar, Badge, Progress, Skeleton, Spinner
from machina_desktop.views.widgets.layout import Card, Divider
from machina_desktop.views.widgets.provider_icon import AccountDot, ProviderIcon
from machina_desktop.views.widgets.status import Status, StatusBadge
from machina_desktop.views.widgets.text import CopyLabel, ElidedLabel, IconLabel, KeyValueList, Label

_TONES = ("neutral", "accent", "success", "warning", "error")


def _badges() -> QWidget:
    tones = Specimens(cell=140)
    for tone in _TONES:
        tones.add(tone, Badge(tone, tone=tone))
    tones.add("number", Badge("1,284")).add("with icon", Badge("practice", icon_name="flask-conical"))
    return tones.add("right to left", right_to_left(Badge(ARABIC, icon_name="tag")))


def _statuses() -> QWidget:
    machines, runs = Specimens(cell=140), Specimens(cell=140)
    for status in MachineStatus:
        machines.add("machine", StatusBadge(status))
    for state in DeploymentState:
        runs.add("deployment", StatusBadge(state))
    differing = Specimens(cell=240)
    differing.add("stopped, should run", StatusBadge(Status(MachineStatus.STOPPED, MachineStatus.RUNNING)))
    differing.add("runs, should stop", StatusBadge(Status(MachineStatus.RUNNING, MachineStatus.STOPPED)))
    return column(
        part("Machines", machines, hint="a shape and a word, never colour alone"),
        part("Deployments", runs),
        part("What is wanted differs", differing),
    )


def _avatars() -> QWidget:
    pictured = Avatar("Ada Lovelace", size=40)
    pictured.set_picture(_portrait())
    states = Specimens(cell=120)
    states.add("initials", Avatar("Ada Lovelace")).add("one word", Avatar("Acme")).add("picture", pictured)
    states.add("small", Avatar("Grace Hopper", size=20)).add("large", Avatar("Grace Hopper", size=40))
    return states.add("no name", Avatar("")).add("Arabic", Avatar(ARABIC))


def _portrait() -> QPixmap:
    """A picture that is plainly no photograph."""
    made = QPixmap(96, 96)
    painter = QPainter(made)
    sky = QLinearGradient(0, 0, 96, 96)
    sky.setColorAt(0, theme.color("accent-warning"))
    sky.setColorAt(1, theme.color("accent-error"))
    painter.fillRect(made.rect(), sky)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(theme.color("background"))
    painter.drawEllipse(QRectF(30, 20, 36, 36))
    painter.drawEllipse(QRectF(14, 62, 68, 60))
    painter.end()
    return made


def _providers() -> QWidget:
    states = Specimens(cell=140)
    for provider in ProviderType:
        states.add(provider.value, row(*(ProviderIcon(provider, name=provider.value, size=size) for size in (24, 32))))
    states.add("disabled", off(ProviderIcon("aws"))).add("not known", ProviderIcon("other"))
    for colour in ACCOUNT_COLOURS:
        states.add(f"account, {colour}", AccountDot(f"account-{colour}"))
    return states


def _progress() -> QWidget:
    done, part_way, unknown, none = (Progress(name="Applying") for _ in range(4))
    done.set_progress(5, 5)
    part_way.set_progress(3, 5)
    unknown.set_progress(0, 0)
    none.set_progress(0, 5)
    bars, turning = Specimens(cell=220), Specimens(cell=140)
    bars.add("not begun", none).add("3 of 5", part_way).add("done", done).add("of unknown length", unknown)
    for size in (14, 16, 24, 32):
        turning.add(f"{size} px", Spinner(size=size))
    return column(
        part("Progress", bars, hint="determinate wherever the number is known"),
        part("Spinner", turning),
        part("Skeleton", Skeleton(rows=5), hint="in the place of rows that are coming"),
    )


def _texts() -> QWidget:
    styles, tones, long = Specimens(cell=240), Specimens(cell=140), Specimens(cell=300)
    for style in Type:
        styles.add(style.value, Label("The quick brown fox 0123", style=style))
    for tone in ("", "secondary", "accent", "success", "warning", "error"):
        tones.add(tone or "primary", Label("What it says", tone=tone))
    tones.add("disabled", off(Label("What it says"))).add("icon", IconLabel("server", size=20))
    long.add("shortened, whole in its tooltip", ElidedLabel(LONG_NAME))
    long.add("wrapped", Label("A sentence that is longer than its column goes on in the next line.", wraps=True))
    long.add("to copy", CopyLabel("SHA256:uNiVztksCsDhcc0u9e8BgrJXVGDT", name="host key"))
    long.add("nothing to copy", CopyLabel("", name="address")).add("line", Divider())
    return column(styles, tones, long)


def _cards() -> QWidget:
    states = Specimens(cell=320)
    plain, pressable, over = _card(), _card(is_clickable=True), _card(is_clickable=True)
    return states.add("to look at", plain).add("to press", pressable).add("hover", hovered(over))


def _card(*, is_clickable: bool = False) -> Card:
    card = Card(is_clickable=is_clickable, name="web-1")
    card.column.addWidget(row(Label("web-1", style=Type.STRONG), StatusBadge(MachineStatus.RUNNING)))
    facts = KeyValueList()
    facts.add_copyable("address", "Public address", "203.0.113.7")
    facts.add_text("size", "Size", "s-2vcpu-4gb", is_mono=True)
    facts.add_text("name", "Name", LONG_NAME)
    facts.add_text("zone", "Zone")
    facts.add_widget("status", "Status", StatusBadge(Status(MachineStatus.STOPPED, MachineStatus.RUNNING)))
    card.column.addWidget(facts)
    return card


SECTIONS = (
    Section(key="text", title="Text", build=_texts, icon_name="wrap-text"),
    Section(key="card", title="Card", build=_cards, icon_name="box", hint="A border and a step of surface."),
    Section(key="badge", title="Badge", build=_badges, icon_name="tag"),
    Section(key="status", title="StatusBadge", build=_statuses, icon_name="activity"),
    Section(key="avatar", title="Avatar", build=_avatars, icon_name="user"),
    Section(key="provider", title="ProviderIcon", build=_providers, icon_name="cloud", hint="Signs of our own."),
    Section(key="progress", title="Progress", build=_progress, icon_name="loader-circle"),
)
