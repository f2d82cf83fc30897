"""What the sidekick shows of an SSH key: what it is, who relies on it, and what can be done with it."""

from __future__ import annotations

from collections.abc import Iterable

from machina_desktop.bridge import Bridge
from machina_desktop.core.domain.key import SSHKey
from machina_desktop.core.domain.machine import Machine
from machina_desktop.core.services.keys import DeleteKey, GetKey
from machina_desktop.core.services.machines import ListMachines
from machina_desktop.views import tasks, wording
from machina_desktop.views.apps.base import Detail, Window
from machina_desktop.views.apps.key_accounts import KeyAccounts
from machina_desktop.views.apps.key_dialogs import kind_of
from machina_desktop.views.apps.key_export import KeyExport
from machina_desktop.views.apps.key_places import OF_RIGHTS, Place, count_words
from machina_desktop.views.commands import Command
from machina_desktop.views.detail_panel import DetailPanel, MachineLinks, Sections
from machina_desktop.views.models.live_query import LiveQuery
from machina_desktop.views.rights import allow, why_not
from machina_desktop.views.server_custody import (
    CustodyActions,
    can_share,
    can_stop_sharing,
    custody_words,
    device_of,
)
from machina_desktop.views.server_watch import servers_of
from machina_desktop.views.theme import Space
from machina_desktop.views.widgets.buttons import Button, ButtonKind
from machina_desktop.views.widgets.checkbox import Checkbox
from machina_desktop.views.widgets.dialogs import ConfirmDialog
from machina_desktop.views.widgets.feedback import Badge
from machina_desktop.views.widgets.text import KeyValueList, copy_text


class KeyDetail(Detail):
    """One key."""

    def __init__(self, bridge: Bridge, window: Window, key: str) -> None:
        super().__init__(bridge, window, key)
        self.setObjectName("key")
        self._key: SSHKey | None = None
        self._half = Badge()
        self._spread = Badge(icon_name="cloud")
        self._spread.setObjectName("key.spread")
        self._spread.hide()
        self._facts = KeyValueList()
        self._users = MachineLinks(name="key.machine", nothing=self.tr("No machine uses it."))
        self._users.chosen.connect(lambda machine_id: window.inspect("machine", machine_id))
        self._accounts = KeyAccounts(bridge, window, parent=self)
        self._accounts.counted.connect(self._on_counted)
        self._sections = Sections()
        self._panel = DetailPanel(self._sections, parent=self)
        self._exporting = KeyExport(bridge, window, self)
        self._exporting.failed.connect(self._panel.show_problem)
        self._build()
        self._query = LiveQuery(
            bridge,
            GetKey(key_id=key),
            depends=frozenset({"ssh_key"}),
            on_answer=self._on_key,
            on_error=self._panel.show_error,
            parent=self,
        )
        self._panel.retried.connect(self._query.refresh)
        bridge.changed.connect(self._on_changed)
        servers_of(bridge).changed.connect(self._show_rights)
        LiveQuery(
            bridge,
            ListMachines(team_id=bridge.team_id),
            depends=frozenset({"machine"}),
            on_answer=self._on_machines,
            parent=self,
        )

    @property
    def title(self) -> str:
        return self._key.name if self._key is not None else self.tr("Key")

    def commands(self) -> Iterable[Command]:
        key = self._key
        if key is None:
            return
        for name, title, icon_name, act in (
            ("copy_public", self.tr("Copy the public key of {0}"), "copy", self._on_copy),
            ("export", self.tr("Export the private key of {0}…"), "upload", self._on_export),
            ("delete", self.tr("Delete the key {0}…"), "trash-2", self._on_delete),
        ):
            if name != "export" or key.has_private_key:
                yield Command(
                    name=f"key.{name}",
                    title=title.format(key.name),
                    group=self.tr("Keys"),
                    icon=icon_name,
                    run=act,
                    is_available=self._delete.isEnabled if name == "delete" else lambda: True,
                )
        yield from self._accounts.commands()

    def _build(self) -> None:
        self._facts.add_text("kind", self.tr("Type"))
        self._facts.add_copyable("fingerprint", self.tr("Fingerprint"))
        self._facts.add_copyable("public", self.tr("Public key"))
        self._facts.add_text("custody", self.tr("Private half"))
        self._facts.add_text("created", self.tr("Created"))
        self._facts.add_copyable("id", self.tr("Key id"))
        self._panel.problem.setObjectName("key.problem")
        self._panel.add_to_header(self._half, self._spread)
        self._sections.add(self.tr("Key"), self._facts)
        self._sections.add(self.tr("Accounts"), self._accounts)
        self._sections.add(self.tr("Used by"), self._users)
        copy = Button(self.tr("Copy public key"))
        copy.setObjectName("key.copy_public")
        copy.clicked.connect(self._on_copy)
        self._export = Button(self.tr("Export…"))
        self._export.setObjectName("key.export")
        self._export.clicked.connect(self._on_export)
        self._delete = Button(self.tr("Delete…"), kind=ButtonKind.DANGER)
        self._delete.setObjectName("key.delete")
        self._delete.clicked.connect(self._on_delete)
        self._custody = CustodyActions(
            self.bridge,
            tell=lambda text: self.window_door.notify(text, kind="success"),
            failed=self._panel.show_problem,
            parent=self,
        )
        self._share = Button(self.tr("Share with the server…"))
        self._share.setObjectName("key.share")
        self._share.clicked.connect(self._on_share)
        self._unshare = Button(self.tr("Stop sharing…"))
        self._unshare.setObjectName("key.stop_sharing")
        self._unshare.clicked.connect(self._on_stop_sharing)
        self._panel.add_actions(copy, self._export, self._share, self._unshare, self._delete)

    def _on_key(self, key: SSHKey) -> None:
        self._key = key
        self._facts.set_values(
            {
                "kind": kind_of(key),
                "fingerprint": key.fingerprint,
                "public": key.public_key,
                "custody": custody_words(key, device_of(self.bridge)),
                "created": wording.full_moment(key.created_at),
                "id": key.ssh_key_id,
            }
        )
        self._half.set_text(self.tr("private half in the vault") if key.has_private_key else self.tr("public only"))
        self._half.set_tone("success" if key.has_private_key else "neutral")
        device = device_of(self.bridge)
        self._facts.set_row_visible("custody", bool(custody_words(key, device)))
        self._share.setVisible(key.has_private_key and can_share(key, device))
        self._unshare.setVisible(can_stop_sharing(key, device))
        self._export.setVisible(key.has_private_key)
        self._accounts.show_key(key)
        self._show_rights()
        self._panel.show_content()
        self.setWindowTitle(self.title)

    def _on_changed(self, entities: frozenset[str]) -> None:
        if entities & OF_RIGHTS:
            self._show_rights()

    def _show_rights(self) -> None:
        if self._key is not None:
            allow(self._delete, why_not(self.bridge, "ssh_key.delete", self._key.team_id))

    def _on_machines(self, machines: tuple[Machine, ...]) -> None:
        users = tuple(machine for machine in machines if self.key in machine.ssh_key_ids)
        self._users.show_machines(users)
        self._accounts.show_machines(users)

    def _on_counted(self, count: int) -> None:
        self._spread.set_text(count_words(count))
        self._spread.setVisible(count > 0)

    def _on_copy(self) -> None:
        if self._key is not None:
            copy_text(self._key.public_key)
            self.window_door.notify(self.tr("Public key of {0} copied").format(self._key.name), kind="success")

    def _on_share(self) -> None:
        if self._key is not None:
            self._custody.share(self._key, busy=self._share)

    def _on_stop_sharing(self) -> None:
        if self._key is not None:
            self._custody.stop_sharing(self._key, busy=self._unshare)

    def _on_export(self) -> None:
        if self._key is not None:
            self._exporting.begin(self._key, busy=self._export)

    def _on_delete(self) -> None:
        if self._key is None:
            return
        losses = [self.tr("Its private half is wiped from the vault; there is no undo.")]
        if not self._key.has_private_key:
            losses = [self.tr("Only the record here goes; machines that already trust the key go on trusting it.")]
        question = ConfirmDialog(
            self.tr("Delete the key {0}?").format(self._key.name),
            losses=tuple(losses),
            confirm=self.tr("Delete key"),
            parent=self,
        )
        question.setObjectName("delete_key")
        question.primary.setObjectName("delete_key.confirm")
        from_accounts = self._add_accounts(question, self._accounts.places())
        question.accepted.connect(lambda: self._on_delete_confirmed(from_accounts=from_accounts.isChecked()))
        question.open()

    def _add_accounts(self, question: ConfirmDialog, places: tuple[Place, ...]) -> Checkbox:
        """Ask whether it goes out of its accounts as well; hidden where it lies at none."""
        names = ", ".join(place.account.label for place in places)
        chosen = Checkbox(self.tr("Take it out of its accounts first: {0}").format(names))
        chosen.setObjectName("delete_key.from_accounts")
        chosen.setVisible(bool(places))
        question.column.addSpacing(Space.S if places else 0)
        question.column.addWidget(chosen)
        return chosen

    def _on_delete_confirmed(self, *, from_accounts: bool) -> None:
        tasks.ask(
            self.bridge,
            DeleteKey(key_id=self.key, from_accounts=from_accounts),
            owner=self,
            done=lambda _none: self._on_deleted(),
            failed=self._panel.show_problem,
            busy=self._delete,
        )

    def _on_deleted(self) -> None:
        self.window_door.notify(self.tr("{0} is deleted").format(self.title), kind="success")
