"""The Keys app: the team's SSH keys, generating and importing them."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from PySide6.QtCore import QCoreApplication
from PySide6.QtWidgets import QVBoxLayout

from machina_desktop.bridge import Bridge
from machina_desktop.core.domain.key import SSHKey
from machina_desktop.core.services.keys import GetKey, ListKeys
from machina_desktop.core.services.use_case import Request
from machina_desktop.views import wording
from machina_desktop.views.apps.base import App, Page, Window
from machina_desktop.views.apps.key_detail import KeyDetail
from machina_desktop.views.apps.key_dialogs import GenerateKeyDialog, ImportKeyDialog, kind_of
from machina_desktop.views.commands import Command
from machina_desktop.views.links import Link
from machina_desktop.views.list_panel import ListPanel, ListShape
from machina_desktop.views.models.table_model import Column
from machina_desktop.views.searches import Finding, Search, search
from machina_desktop.views.widgets.buttons import Button, ButtonKind
from machina_desktop.views.widgets.states import EmptyState


def _tr(text: str) -> str:
    return QCoreApplication.translate("KeysPage", text)


def _shape() -> ListShape[SSHKey]:
    return ListShape(
        name="keys",
        title=_tr("Keys"),
        search=_tr("Filter by name or fingerprint…"),
        key=lambda key: key.ssh_key_id,
        depends=frozenset({"ssh_key"}),
        columns=(
            Column(key="name", title=_tr("Name"), text=lambda key: key.name, icon=lambda _key: "key-round", width=190),
            Column(key="kind", title=_tr("Type"), text=kind_of, width=100),
            Column(
                key="private",
                title=_tr("Private half"),
                text=lambda key: _tr("in the vault") if key.has_private_key else _tr("not here"),
                icon=lambda key: "lock" if key.has_private_key else "",
                width=120,
            ),
            Column(
                key="created",
                title=_tr("Created"),
                text=lambda key: wording.moment(key.created_at),
                sort_key=lambda key: key.created_at.timestamp(),
                is_quiet=True,
                width=110,
            ),
            Column(
                key="fingerprint", title=_tr("Fingerprint"), text=lambda key: key.fingerprint, is_mono=True, width=150
            ),
        ),
    )


class KeysPage(Page):
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
        self.list = ListPanel(bridge, _shape(), ask=self._request, empty=empty, parent=self)
        self.list.chosen.connect(lambda key: window.inspect("ssh_key", key))
        bring = Button(self.tr("Import"), icon_name="download", parent=self)
        bring.setObjectName("keys.import")
        bring.clicked.connect(self._on_import)
        generate = Button(self.tr("Generate"), kind=ButtonKind.PRIMARY, icon_name="plus", parent=self)
        generate.setObjectName("keys.generate")
        generate.clicked.connect(self._on_generate)
        self.list.header.add_action(bring)
        self.list.header.add_action(generate)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.list)

    def shown(self) -> None:
        self.list.resume()

    def hidden(self) -> None:
        self.list.pause()

    def find(self) -> None:  # type: ignore[override]  # QWidget.find looks up window ids
        self.list.focus_search()

    def commands(self) -> Iterable[Command]:
        return (*_beginnings(self._on_generate, self._on_import), *self.list.commands())

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
