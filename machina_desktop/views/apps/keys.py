"""The Keys app: the team's SSH keys, generating and importing them."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from PySide6.QtCore import QCoreApplication, QLocale, QPoint, Qt

from machina_desktop.bridge import Bridge
from machina_desktop.core.domain.key import SSHKey
from machina_desktop.core.services.keys import GetKey, ListKeys
from machina_desktop.core.services.use_case import Request
from machina_desktop.views import wording
from machina_desktop.views.apps.base import App, Window
from machina_desktop.views.apps.key_detail import KeyDetail
from machina_desktop.views.apps.key_dialogs import GenerateKeyDialog, ImportKeyDialog, kind_of
from machina_desktop.views.apps.key_places import OF_RIGHTS, Place, Places, counted
from machina_desktop.views.apps.key_placing import PutKeysDialog
from machina_desktop.views.apps.key_selection import KeySelectionBar
from machina_desktop.views.apps.list_page import ListPage
from machina_desktop.views.commands import Command, install_keys
from machina_desktop.views.icons import icon
from machina_desktop.views.links import Link
from machina_desktop.views.list_panel import ListPanel, ListShape
from machina_desktop.views.models.table_model import Column
from machina_desktop.views.rights import allow, why_not
from machina_desktop.views.searches import Finding, Search, search
from machina_desktop.views.widgets.buttons import Button, ButtonKind
from machina_desktop.views.widgets.menus import Menu
from machina_desktop.views.widgets.states import EmptyState
from machina_desktop.views.widgets.text import copy_text


def _tr(text: str) -> str:
    return QCoreApplication.translate("KeysPage", text)


def _shape(places: Callable[[], tuple[Place, ...]]) -> ListShape[SSHKey]:
    return ListShape(
        name="keys",
        title=_tr("Keys"),
        search=_tr("Filter by name or fingerprint…"),
        key=lambda key: key.ssh_key_id,
        depends=frozenset({"ssh_key"}),
        columns=(
            Column(key="name", title=_tr("Name"), text=lambda key: key.name, icon=lambda _key: "key-round", width=190),
            Column(key="kind", title=_tr("Type"), text=kind_of, width=110, least=104, rank=3),
            Column(
                key="private",
                title=_tr("Private half"),
                text=lambda key: _tr("in the vault") if key.has_private_key else _tr("not here"),
                icon=lambda key: "lock" if key.has_private_key else "",
                width=124,
                least=118,
                rank=2,
            ),
            Column(
                key="accounts",
                title=_tr("Accounts"),
                text=lambda key: _spread(key, places()),
                icon=lambda key: "cloud" if counted(key, places())[0] else "",
                sort_key=lambda key: counted(key, places())[0],
                width=100,
                least=90,
                rank=1,
            ),
            Column(
                key="created",
                title=_tr("Created"),
                text=lambda key: wording.moment(key.created_at),
                sort_key=lambda key: key.created_at.timestamp(),
                is_quiet=True,
                width=120,
                least=108,
                rank=4,
            ),
            Column(
                key="fingerprint",
                title=_tr("Fingerprint"),
                text=lambda key: key.fingerprint,
                is_mono=True,
                width=150,
                least=150,
                rank=5,
            ),
        ),
    )


def _spread(key: SSHKey, places: tuple[Place, ...]) -> str:
    there, total = counted(key, places)
    return _tr("{0} of {1}").format(QLocale().toString(there), QLocale().toString(total)) if total else "–"


class KeysPage(ListPage[SSHKey]):
    """Keys by name, with *Generate* as the one primary action."""

    def __init__(self, bridge: Bridge, window: Window) -> None:
        super().__init__(bridge, window)
        self.setObjectName("keys")
        empty = EmptyState(
            icon_name="key-round",
            title=self.tr("No keys yet"),
            text=self.tr("Machina signs in to machines with an SSH key. Its private half stays in your vault."),
            action=self.tr("Generate a key"),
        )
        empty.setObjectName("keys.empty")
        empty.activated.connect(self._on_generate)
        self._places = Places(bridge, self)
        self.show_list(ListPanel(bridge, _shape(self._places.all), ask=self._request, empty=empty, parent=self))
        self.list.chosen.connect(lambda key: window.inspect("ssh_key", key))
        self.list.answered.connect(lambda _keys: self._show_rights())
        self._places.changed.connect(self._on_places)
        self._build_selection()
        bridge.changed.connect(self._on_changed)
        bring = self._bring = Button(self.tr("Import"), icon_name="download", parent=self)
        bring.setObjectName("keys.import")
        bring.clicked.connect(self._on_import)
        generate = self._generate = Button(self.tr("Generate"), kind=ButtonKind.PRIMARY, icon_name="plus", parent=self)
        generate.setObjectName("keys.generate")
        generate.clicked.connect(self._on_generate)
        self.list.header.add_action(bring)
        self.list.header.add_action(generate)
        install_keys(self, self.commands)

    def commands(self) -> Iterable[Command]:
        chosen = self.selected_keys()
        named = chosen[0].name if len(chosen) == 1 else _tr("{0} keys").format(QLocale().toString(len(chosen)))
        return (
            *_beginnings(self._on_generate, self._on_import),
            Command(
                name="key.put_selected",
                title=_tr("Put {0} in accounts…").format(named),
                group=_tr("Keys"),
                icon="cloud",
                keys="Ctrl+Shift+K",
                words=_tr("sync upload"),
                run=self._on_put,
                is_available=lambda: bool(self.selected_keys()) and not self._refusal(),
            ),
            *self.list.commands(),
        )

    def selected_keys(self) -> tuple[SSHKey, ...]:
        """The keys whose rows are selected, from the top."""
        model = self.list.model
        return tuple(model.record(model.row_of(key)) for key in self.list.table.selected_keys())

    def _build_selection(self) -> None:
        self._bar = KeySelectionBar(parent=self)
        self._bar.put.connect(self._on_put)
        self._bar.cleared.connect(self.list.table.selection.clear)
        self.list.add_below_filters(self._bar)
        self.list.table.selection.selection_changed.connect(lambda _keys: self._show_selection())
        self.list.table.menu_requested.connect(self._on_menu)

    def _show_selection(self) -> None:
        self._bar.show_selection(len(self.list.table.selected_keys()), self._refusal())

    def _show_rights(self) -> None:
        self._show_selection()
        allow(self._generate, self._refusal("generate"))
        allow(self._bring, self._refusal("import"))

    def _on_places(self) -> None:
        self.list.table.viewport().update()
        self._show_rights()

    def _on_changed(self, entities: frozenset[str]) -> None:
        if entities & OF_RIGHTS:
            self._show_rights()

    def _refusal(self, action: str = "sync") -> str:
        return why_not(self.bridge, f"ssh_key.{action}", self.bridge.team_id) if self.bridge.is_settled else ""

    def _on_menu(self, key: str, at: QPoint) -> None:
        menu = Menu(parent=self)
        menu.setObjectName("keys.menu")
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        chosen, refusal = self.selected_keys(), self._refusal()
        inspect = menu.addAction(icon("panel-right"), self.tr("Inspect"))
        inspect.triggered.connect(lambda: self.window_door.inspect("ssh_key", key))
        copy = menu.addAction(
            icon("copy"), self.tr("Copy public keys") if len(chosen) > 1 else self.tr("Copy public key")
        )
        copy.triggered.connect(lambda: copy_text("\n".join(each.public_key for each in chosen)))
        menu.addSeparator()
        put = menu.addAction(icon("cloud"), self.tr("Put in accounts…"))
        put.setObjectName("keys.menu.put")
        put.setEnabled(not refusal)
        put.setToolTip(refusal)
        put.triggered.connect(self._on_put)
        menu.popup(at)

    def _on_put(self) -> None:
        chosen = self.selected_keys()
        if chosen and not self._refusal():
            dialog = PutKeysDialog(
                self.bridge, chosen, lead=lambda: self.window_door.open_app("providers"), parent=self
            )
            dialog.placed.connect(lambda text: self.window_door.notify(text, kind="success"))
            dialog.open()

    def _request(self, search: str, _filters: dict[str, str]) -> Request[tuple[SSHKey, ...]]:
        return ListKeys(team_id=self.bridge.team_id, search=search)

    def _on_generate(self) -> None:
        dialog = GenerateKeyDialog(self.bridge, parent=self)
        dialog.kept.connect(self._on_kept)
        dialog.open()

    def _on_import(self) -> None:
        dialog = ImportKeyDialog(self.bridge, parent=self)
        dialog.kept.connect(self._on_kept)
        dialog.open()

    def _on_kept(self, key: SSHKey) -> None:
        self.window_door.notify(self.tr("{0} is kept").format(key.name), kind="success")
        self.window_door.inspect("ssh_key", key.ssh_key_id)


def _beginnings(generate: Callable[[], None], bring: Callable[[], None]) -> tuple[Command, ...]:
    """What can be begun on the page and, by way of it, from anywhere."""
    return (
        Command(
            name="key.generate",
            title=_tr("Generate a key"),
            group=_tr("Keys"),
            icon="key-round",
            words=_tr("new ssh key"),
            run=generate,
        ),
        Command(
            name="key.import",
            title=_tr("Import a key"),
            group=_tr("Keys"),
            icon="download",
            words=_tr("ssh key file paste"),
            run=bring,
        ),
    )


def _anywhere(window: Window) -> tuple[Command, ...]:
    return _beginnings(lambda: window.do("keys", "key.generate"), lambda: window.do("keys", "key.import"))


def _finding(key: SSHKey) -> Finding:
    return Finding(
        link=Link("ssh_key", key.ssh_key_id),
        title=key.name,
        icon="key-round",
        detail=kind_of(key),
        words=f"{key.ssh_key_id} {key.fingerprint}",
    )


def _searches() -> tuple[Search, ...]:
    return (
        search(
            entity="ssh_key",
            title=_tr("Keys"),
            request=lambda team: ListKeys(team_id=team),
            depends=frozenset({"ssh_key"}),
            finding=_finding,
            one=lambda key: GetKey(key_id=key),
        ),
    )


APP = App(
    name="keys",
    title="Keys",
    icon="key-round",
    page=KeysPage,
    details={"ssh_key": KeyDetail},
    searches=_searches,
    commands=_anywhere,
)
