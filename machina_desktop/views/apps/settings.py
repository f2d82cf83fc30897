"""The settings page: what can be set, which Terraform serves, the vault, and where everything lies."""

from __future__ import annotations

from itertools import pairwise

from PySide6.QtCore import QCoreApplication, Qt, QUrl, Signal
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

import machina_desktop
from machina_desktop.bridge import Bridge
from machina_desktop.core.config import ENGINE, Paths
from machina_desktop.core.domain.engine import EngineStatus
from machina_desktop.core.errors import MachinaError
from machina_desktop.core.services.device import GetEngine, GetVault, ListSettings, SettingValue, VaultStatus
from machina_desktop.views import tasks
from machina_desktop.views.apps.base import App, Page, Window
from machina_desktop.views.callout import Callout
from machina_desktop.views.models.live_query import LiveQuery
from machina_desktop.views.setting_row import SettingRow
from machina_desktop.views.theme import Space, Type
from machina_desktop.views.widgets.buttons import Button
from machina_desktop.views.widgets.feedback import Badge, Skeleton
from machina_desktop.views.widgets.layout import Card, Divider, PageHeader, SectionHeader
from machina_desktop.views.widgets.states import ErrorState
from machina_desktop.views.widgets.text import CopyLabel, KeyValueList, Label

WIDTH = 760
_NAME_WIDTH = 96


class SettingsPage(Page):
    """Rows are made from the declared settings, so a new one needs no code here.

    Signals:
        engine_checked(object): The :class:`EngineStatus` after the person had it looked for again.
        vault_wanted(): The person wants to lock, unlock or set up the vault.
    """

    engine_checked = Signal(object)
    vault_wanted = Signal()

    def __init__(self, bridge: Bridge, window: Window) -> None:
        super().__init__(bridge, window)
        self.setObjectName("settings")
        self._rows: dict[str, SettingRow] = {}
        self._skeleton = Skeleton(rows=4, row_height=56)
        self._failure = ErrorState()
        self._general = Card(name=self.tr("General"))
        self._engine = _EngineCard()
        self._vault = _VaultCard()
        self._build()
        self._failure.retried.connect(self._ask_settings)
        self._engine.look_again.clicked.connect(self._ask_engine)
        self._vault.act.clicked.connect(self.vault_wanted)
        self._vault_query = LiveQuery(
            bridge, GetVault(), depends=frozenset(), on_answer=self._vault.show_status, parent=self
        )
        bridge.vault_changed.connect(lambda _is_open: self._vault_query.refresh())
        self._ask_settings()
        self._ask_engine()

    def shown(self) -> None:
        """What may have changed elsewhere is asked again."""
        self._vault_query.refresh()
        self._ask_settings()

    @property
    def has_rows(self) -> bool:
        """Whether the settings are known."""
        return bool(self._rows)

    def row(self, key: str) -> SettingRow:
        """The row of a setting, once the settings are known."""
        return self._rows[key]

    def _build(self) -> None:
        content = QWidget()
        content.setMaximumWidth(WIDTH)
        column = QVBoxLayout(content)
        column.setContentsMargins(0, 0, Space.L, Space.XL)
        column.setSpacing(Space.S)
        self._general.column.addWidget(self._skeleton)
        self._failure.hide()
        for title, card in (
            (self.tr("General"), self._general),
            (self.tr("Terraform"), self._engine),
            (self.tr("Vault"), self._vault),
            (self.tr("Files"), self._build_files()),
        ):
            column.addWidget(SectionHeader(title))
            column.addWidget(card)
            column.addSpacing(Space.M)
        column.insertWidget(2, self._failure)
        column.addStretch()
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(content)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(Space.XL, Space.L, Space.S, 0)
        whole.setSpacing(Space.L)
        whole.addWidget(PageHeader(self.tr("Settings"), has_search=False))
        whole.addWidget(scroll, 1)

    def _build_files(self) -> Card:
        paths = Paths.default()
        card = Card(name=self.tr("Files"))
        for name, folder in ((self.tr("Data folder"), paths.home), (self.tr("Logs"), paths.logs)):
            open_ = Button(self.tr("Open"), icon_name="folder-open")
            open_.setAccessibleName(self.tr("Open {0}").format(name))
            address = QUrl.fromLocalFile(str(folder))
            open_.clicked.connect(lambda _checked=False, address=address: QDesktopServices.openUrl(address))
            card.column.addLayout(_named(name, CopyLabel(str(folder), name=name), open_))
        card.column.addWidget(Divider())
        version = CopyLabel(machina_desktop.__version__, name=self.tr("version"))
        card.column.addLayout(_named(self.tr("Version"), version))
        return card

    def _ask_settings(self) -> None:
        tasks.run(
            self.bridge,
            self.bridge.call(ListSettings()),
            owner=self,
            name="list settings",
            done=self._on_settings,
            failed=self._on_settings_failed,
        )

    def _ask_engine(self) -> None:
        tasks.run(
            self.bridge,
            self.bridge.call(GetEngine()),
            owner=self,
            name="look for terraform",
            done=self._on_engine,
            busy=self._engine.look_again,
        )

    def _on_settings(self, values: tuple[SettingValue, ...]) -> None:
        self._failure.hide()
        self._general.show()
        self._skeleton.hide()
        for value in values:
            if value.key in self._rows:
                self._rows[value.key].set_value(value.value)
            else:
                self._add_row(value)
        engine = self._rows.get(ENGINE.key)
        general = [row.control for key, row in self._rows.items() if key != ENGINE.key]
        for first, second in pairwise((*general, self._engine.look_again)):
            self.setTabOrder(first, second)
        if engine is not None:
            self.setTabOrder(self._engine.look_again, engine.control)

    def _add_row(self, value: SettingValue) -> None:
        row = SettingRow(self.bridge, value)
        row.changed.connect(self._on_changed)
        self._rows[value.key] = row
        if value.key == ENGINE.key:
            self._engine.add_choice(row)
            return
        if self._general.column.count() > 1:
            self._general.column.addWidget(Divider())
        self._general.column.addWidget(row)

    def _on_settings_failed(self, error: MachinaError) -> None:
        self._failure.set_error(error)
        self._failure.setVisible(not self._rows)
        self._general.setVisible(bool(self._rows))

    def _on_changed(self, key: str) -> None:
        if key == ENGINE.key:
            self._ask_engine()

    def _on_engine(self, engine: EngineStatus) -> None:
        self._engine.show_engine(engine)
        self.engine_checked.emit(engine)


class _EngineCard(Card):
    """Which Terraform serves, or why none does."""

    def __init__(self) -> None:
        super().__init__(name="Terraform")
        self._chosen: SettingRow | None = None
        self.look_again = Button(self.tr("Re-check"), icon_name="refresh-cw")
        self.look_again.setObjectName("settings.engine.check")
        self._name = Label(self.tr("Looking for Terraform …"), style=Type.STRONG)
        self._badge = Badge()
        self._problem = Callout("error")
        self._problem.setObjectName("settings.engine.problem")
        self._facts = KeyValueList()
        self._facts.add_text("version", self.tr("Version"))
        self._facts.add_text("origin", self.tr("Found"))
        self._facts.add_copyable("path", self.tr("Path"))
        self._note = Label("", style=Type.SECONDARY, tone="secondary", wraps=True)
        self.column.addLayout(_head(self._name, self._badge, self.look_again))
        for widget in (self._problem, self._facts, self._note):
            self.column.addWidget(widget)
        for unknown in (self._badge, self._facts, self._note):
            unknown.hide()

    def add_choice(self, row: SettingRow) -> None:
        """Put the setting that chooses another program below."""
        self._chosen = row
        self.column.addWidget(Divider())
        self.column.addWidget(row)

    def show_engine(self, engine: EngineStatus) -> None:
        """Show what was found."""
        is_missing = bool(engine.problem)
        name = "OpenTofu" if engine.name == "tofu" else "Terraform"
        self._name.setText(self.tr("No Terraform can be used") if is_missing else name)
        self._badge.set_text(self.tr("not usable") if is_missing else self.tr("in use"))
        self._badge.set_tone("error" if is_missing else "success")
        self._badge.show()
        self._facts.setVisible(not is_missing)
        self._facts.set_values({"version": engine.version, "origin": self._origin_of(engine), "path": engine.path})
        self._note.setText(engine.note)
        self._note.setVisible(bool(engine.note) and not is_missing)
        if is_missing:
            self._problem.say(engine.problem, engine.hint)
        else:
            self._problem.clear()

    def _origin_of(self, engine: EngineStatus) -> str:
        if engine.is_bundled:
            return self.tr("bundled with Machina")
        if self._chosen is not None and self._chosen.value():
            return self.tr("chosen below")
        return self.tr("on this computer's search path")


class _VaultCard(Card):
    """How the vault stands and opens."""

    def __init__(self) -> None:
        super().__init__(name="Vault")
        self.act = Button(self.tr("Lock now"), icon_name="lock")
        self.act.setEnabled(False)
        self._state = Badge()
        self._state.hide()
        self._ways = Label("", tone="secondary", wraps=True)
        title = Label(self.tr("Credentials and private keys"), style=Type.STRONG)
        self.column.addLayout(_head(title, self._state, self.act))
        self.column.addWidget(self._ways)

    def show_status(self, status: VaultStatus) -> None:
        """Show how it stands now."""
        if not status.exists:
            word, tone, act, icon = self.tr("not set up"), "warning", self.tr("Set up…"), "shield"
        elif status.is_open:
            word, tone, act, icon = self.tr("open"), "success", self.tr("Lock now"), "lock"
        else:
            word, tone, act, icon = self.tr("locked"), "warning", self.tr("Unlock…"), "lock-open"
        self._state.set_text(word)
        self._state.set_tone(tone)
        self._state.show()
        self.act.setText(act)
        self.act.set_icon_name(icon)
        self.act.setEnabled(True)
        self._ways.setText(_ways_text(status))


def _ways_text(status: VaultStatus) -> str:
    if not status.exists:
        return _tr("Nothing can be stored until you choose how it opens.")
    names = {
        "keyring": _tr("the system's keyring"),
        "passphrase": _tr("a passphrase"),
        "key-file": _tr("a key file"),
    }
    text = _tr("Opens with {0}.").format(_tr(" or ").join(names.get(slot, slot) for slot in status.slots))
    if status.slots == ("key-file",):
        text += " " + _tr("Anyone who copies the data folder can read the credentials.")
    return text


def _head(title: QWidget, badge: QWidget, button: QWidget) -> QHBoxLayout:
    row = QHBoxLayout()
    row.setSpacing(Space.S)
    row.addWidget(title)
    row.addWidget(badge)
    row.addStretch()
    row.addWidget(button)
    return row


def _named(name: str, value: QWidget, button: QWidget | None = None) -> QHBoxLayout:
    row = QHBoxLayout()
    row.setSpacing(Space.M)
    label = Label(name)
    label.setFixedWidth(_NAME_WIDTH)
    row.addWidget(label)
    row.addWidget(value, 1)
    if button is not None:
        row.addWidget(button)
    return row


def _tr(text: str) -> str:
    return QCoreApplication.translate("Settings", text)


APP = App(name="settings", title="Settings", icon="settings", page=SettingsPage)
