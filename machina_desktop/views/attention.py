"""What needs the person, app by app, whether or not its page was ever opened: counted here, shown in the sidebar."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal

from machina_desktop.bridge import Bridge
from machina_desktop.core.domain.deployment import Deployment
from machina_desktop.core.domain.machine import Machine, MachineStatus
from machina_desktop.core.domain.provider import CredentialStatus, ProviderAccount
from machina_desktop.core.services.machines import ListMachines
from machina_desktop.core.services.providers import ListAccounts
from machina_desktop.views.models.live_query import LiveQuery
from machina_desktop.views.run_watch import RunWatch


class Attention(QObject):
    """Machines in error, accounts whose credentials are refused, plans that wait, in the team in view.

    Signals:
        changed(str, int, str, str): An app's name, how many things need the person there, the tone (``warning`` or
            ``error``), and what they are in words: ``2 machines with errors``.
        accounts_seen(tuple): The team's accounts as they are now.
    """

    changed = Signal(str, int, str, str)
    accounts_seen = Signal(object)

    def __init__(self, bridge: Bridge, runs: RunWatch, *, parent: QObject) -> None:
        super().__init__(parent)
        self._bridge = bridge
        self._machines: LiveQuery[tuple[Machine, ...]] | None = None
        self._accounts: LiveQuery[tuple[ProviderAccount, ...]] | None = None
        runs.open_changed.connect(lambda _runs: self._on_waiting(runs.waiting))
        bridge.team_changed.connect(lambda _team_id: self._ask_anew())

    def start(self) -> None:
        """Begin to ask. Only after the bridge has settled."""
        self._machines = LiveQuery(
            self._bridge,
            self._ask_machines(),
            depends=frozenset({"machine"}),
            on_answer=self._on_machines,
            on_error=lambda _error: None,
            parent=self,
        )
        self._accounts = LiveQuery(
            self._bridge,
            self._ask_accounts(),
            depends=frozenset({"provider_account"}),
            on_answer=self._on_accounts,
            on_error=lambda _error: None,
            parent=self,
        )

    def _ask_anew(self) -> None:
        if self._machines is not None and self._accounts is not None:
            self._machines.ask(self._ask_machines())
            self._accounts.ask(self._ask_accounts())

    def _ask_machines(self) -> ListMachines:
        return ListMachines(team_id=self._bridge.team_id, status=MachineStatus.ERROR)

    def _ask_accounts(self) -> ListAccounts:
        return ListAccounts(team_id=self._bridge.team_id)

    def _on_machines(self, machines: tuple[Machine, ...]) -> None:
        count = len(machines)
        one, many = self.tr("1 machine with an error"), self.tr("{0} machines with errors")
        self.changed.emit("machines", count, "error", one if count == 1 else many.format(count))

    def _on_accounts(self, accounts: tuple[ProviderAccount, ...]) -> None:
        self.accounts_seen.emit(accounts)
        count = sum(account.credential_status is CredentialStatus.INVALID for account in accounts)
        one = self.tr("1 account whose credentials are refused")
        many = self.tr("{0} accounts whose credentials are refused")
        self.changed.emit("providers", count, "error", one if count == 1 else many.format(count))

    def _on_waiting(self, waiting: tuple[Deployment, ...]) -> None:
        count = len(waiting)
        one, many = self.tr("1 plan awaits approval"), self.tr("{0} plans await approval")
        self.changed.emit("deployments", count, "warning", one if count == 1 else many.format(count))
