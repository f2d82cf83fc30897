"""The accounts at which a key can lie, and why it cannot lie at others."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QCoreApplication, QLocale, QObject, Signal

from machina_desktop.bridge import Bridge
from machina_desktop.core.domain.key import SSHKey
from machina_desktop.core.domain.provider import CredentialStatus, ProviderAccount, ProviderInfo, ProviderType
from machina_desktop.core.services.providers import ListAccounts, ListProviders
from machina_desktop.views.models.live_query import LiveQuery
from machina_desktop.views.provider_words import provider_title
from machina_desktop.views.server_custody import device_of
from machina_desktop.views.server_watch import servers_of

OF_RIGHTS = frozenset({"team_member", "grant", "user"})
"""Entities whose changes may change who may do what."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """One account, as seen by somebody who wants a key to lie there.

    Attributes:
        obstacle: Why no key can be put there or taken away now, in whole sentences; empty when it can.
        is_curable: Something can be done about the obstacle at the account.
        rank: Where it stands among others: what can be used, then what can be put right, then the rest.
    """

    account: ProviderAccount
    obstacle: str = ""
    is_curable: bool = False

    @property
    def account_id(self) -> str:
        """Of the account."""
        return self.account.provider_account_id

    @property
    def is_ready(self) -> bool:
        """Whether keys can be put there and taken away."""
        return not self.obstacle

    @property
    def rank(self) -> int:
        """0 for the first ones."""
        return 0 if self.is_ready else 1 if self.is_curable else 2

    def knows(self, key: SSHKey) -> str:
        """The account's id of the key; empty when it lies there not."""
        return key.provider_key_ids.get(self.account_id, "")


class Places(QObject):
    """The team's accounts as places for keys, kept current by the events of the core.

    Signals:
        changed(): They are known, or other ones than before.
        failed(object): They could not be asked for (MachinaError).
    """

    changed = Signal()
    failed = Signal(object)

    def __init__(self, bridge: Bridge, parent: QObject) -> None:
        super().__init__(parent)
        self._bridge = bridge
        self._accounts: tuple[ProviderAccount, ...] | None = None
        self._infos: tuple[ProviderInfo, ...] | None = None
        self._all: tuple[Place, ...] = ()
        bridge.when_settled(self._start)

    @property
    def is_known(self) -> bool:
        """Whether there has been an answer."""
        return self._accounts is not None and self._infos is not None

    def all(self) -> tuple[Place, ...]:
        """Every account of the team, the most useful first; none before they are known."""
        return self._all

    def _ranked(self) -> tuple[Place, ...]:
        infos = {info.type: info for info in self._infos or ()}
        device = device_of(self._bridge)
        found = (_place(account, infos.get(account.provider_type), device) for account in self._accounts or ())
        return tuple(sorted(found, key=lambda place: (place.rank, place.account.label.casefold())))

    def refresh(self) -> None:
        """Ask again now."""
        self._account_query.refresh()
        self._provider_query.refresh()

    def _start(self) -> None:
        self._provider_query = LiveQuery(
            self._bridge,
            ListProviders(),
            depends=frozenset(),
            on_answer=self._on_infos,
            on_error=self.failed.emit,
            parent=self,
        )
        self._account_query = LiveQuery(
            self._bridge,
            ListAccounts(team_id=self._bridge.team_id),
            depends=frozenset({"provider_account"}),
            on_answer=self._on_accounts,
            on_error=self.failed.emit,
            parent=self,
        )
        servers_of(self._bridge).changed.connect(self._tell)

    def _on_infos(self, infos: tuple[ProviderInfo, ...]) -> None:
        self._infos = infos
        self._tell()

    def _on_accounts(self, accounts: tuple[ProviderAccount, ...]) -> None:
        self._accounts = accounts
        self._tell()

    def _tell(self) -> None:
        if self.is_known:
            # Kept, for a list asks with each cell that it paints.
            self._all = self._ranked()
            self.changed.emit()


def counted(key: SSHKey, places: tuple[Place, ...]) -> tuple[int, int]:
    """At how many accounts the key lies, and how many could have it: those where it is, and those that are ready."""
    there = sum(bool(place.knows(key)) for place in places)
    return there, sum(bool(place.knows(key)) or place.is_ready for place in places)


def count_words(count: int) -> str:
    """At how many accounts, as a badge says it."""
    return _tr("in one account") if count == 1 else _tr("in {0} accounts").format(QLocale().toString(count))


def _place(account: ProviderAccount, info: ProviderInfo | None, device_id: str) -> Place:
    title = provider_title(account.provider_type)
    if info is None or not info.has_keys:
        return Place(account=account, obstacle=_why_never(account.provider_type))
    if info.unavailable_reason:
        return Place(account=account, obstacle=info.unavailable_reason)
    if account.keeper != device_id:
        return Place(account=account, obstacle=_why_elsewhere(account))
    if account.credential_status is CredentialStatus.INVALID:
        reason = account.status_reason or _tr("Correct them there, and verify the account again.")
        refused = _tr("{0} refuses its credentials. {1}").format(title, reason)
        return Place(account=account, obstacle=refused, is_curable=True)
    if account.scopes == ("read",):
        only_reads = _tr("Its token may only read. Give the account one that may write.")
        return Place(account=account, obstacle=only_reads, is_curable=True)
    return Place(account=account)


def _why_never(kind: ProviderType) -> str:
    if kind is ProviderType.BAREMETAL:
        return _tr("Holds no keys: a server of your own has them itself.")
    if kind is ProviderType.SANDBOX:
        return _tr("Holds no keys: practice machines are given theirs as they are made.")
    return _tr("Holds no keys: each machine is given its own.")


def _why_elsewhere(account: ProviderAccount) -> str:
    if not account.keeper:
        return _tr("Its credentials are sealed for the team's server, so it cannot be asked from here.")
    return _tr("Its credentials are on another computer: do it there.")


def _tr(text: str) -> str:
    return QCoreApplication.translate("KeyPlaces", text)
