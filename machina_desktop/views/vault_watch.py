"""How the vault stands, for everything in the window that shows or needs it."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QCoreApplication, QObject, Signal

from machina_desktop.bridge import Bridge
from machina_desktop.core.services.device import GetVault, LockVault, VaultStatus
from machina_desktop.views import tasks
from machina_desktop.views.models.live_query import LiveQuery


@dataclass(frozen=True)
class VaultLook:
    """How a state of the vault is shown: words, icon, the icon's colour token, and a longer explanation."""

    title: str
    icon_name: str
    token: str
    tip: str


class VaultWatch(QObject):
    """Asks how the vault stands at the start and whenever it was opened or locked.

    Signals:
        changed(object): The new :class:`VaultStatus`.
    """

    changed = Signal(object)

    def __init__(self, bridge: Bridge, *, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._bridge = bridge
        self._query: LiveQuery[VaultStatus] | None = None
        self.status: VaultStatus | None = None
        bridge.vault_changed.connect(lambda _is_open: self.refresh())

    def refresh(self) -> None:
        """Ask again; the first time only after the bridge has settled."""
        if self._query is not None:
            self._query.refresh()
        elif self._bridge.is_settled:
            self._query = LiveQuery(
                self._bridge, GetVault(), depends=frozenset(), on_answer=self._on_answer, parent=self
            )

    def lock(self) -> None:
        """Forget the keys now."""
        tasks.ask(self._bridge, LockVault(), owner=self, done=self._on_answer)

    def look(self) -> VaultLook:
        """How to show the present state."""
        status = self.status
        if status is None:
            return VaultLook(_tr("Vault"), "lock", "text-secondary", _tr("Looking for the vault"))
        if not status.exists:
            return VaultLook(
                _tr("Vault not set up"), "shield-alert", "accent-warning", _tr("Choose how credentials are protected")
            )
        if status.is_open:
            return VaultLook(
                _tr("Vault open"), "lock-open", "text-secondary", _tr("Credentials can be used. Press to lock it.")
            )
        return VaultLook(
            _tr("Vault locked"), "lock", "accent-warning", _tr("Deployments wait until it is open. Press to unlock it.")
        )

    def is_key_file_only(self) -> bool:
        """Whether the data folder holds both lock and key, which the person must be reminded of."""
        return self.status is not None and self.status.slots == ("key-file",)

    def _on_answer(self, status: VaultStatus) -> None:
        self.status = status
        self.changed.emit(status)


def _tr(text: str) -> str:
    return QCoreApplication.translate("Vault", text)
