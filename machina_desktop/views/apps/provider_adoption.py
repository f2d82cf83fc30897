"""What runs in the team's cloud accounts and is in nobody's care here: one table over all accounts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import QCoreApplication, QLocale, Signal
from PySide6.QtWidgets import QAbstractItemView, QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from machina_desktop.bridge import Bridge
from machina_desktop.core.domain.machine import MachineStatus
from machina_desktop.core.domain.provider import Instance, ProviderAccount, ProviderInfo, ProviderType
from machina_desktop.core.errors import Locked, MachinaError
from machina_desktop.core.services.inventory import ImportMachine, Listed, ListInstances
from machina_desktop.core.services.providers import ListAccounts, ListProviders
from machina_desktop.views import tasks
from machina_desktop.views.apps.base import Window
from machina_desktop.views.apps.provider_import import ImportMachineDialog
from machina_desktop.views.icons import PROVIDER_ICONS
from machina_desktop.views.models.status import Status
from machina_desktop.views.models.table_model import Column, RecordTableModel
from machina_desktop.views.provider_words import dot_of
from machina_desktop.views.theme import Space
from machina_desktop.views.widgets.buttons import Button, ButtonKind
from machina_desktop.views.widgets.dialogs import Dialog
from machina_desktop.views.widgets.feedback import Spinner
from machina_desktop.views.widgets.provider_icon import AccountDot, ProviderIcon
from machina_desktop.views.widgets.search import SearchInput
from machina_desktop.views.widgets.states import EmptyState, ListStates
from machina_desktop.views.widgets.table_view import TableView
from machina_desktop.views.widgets.text import ElidedLabel
from machina_desktop.views.wording import moment

_WIDE = 1020
_ROOM = 340


@dataclass(frozen=True, kw_only=True)
class Found:
    """One machine that an account lists."""

    account: ProviderAccount
    instance: Instance

    @property
    def key(self) -> str:
        """Unique over all accounts."""
        return f"{self.account.provider_account_id} {self.instance.resource_id}"


class _AccountLine(QWidget):
    """How far one account's answer is: asked, so many found, or why it could not be asked.

    Signals:
        retried(): Ask it again.
    """

    retried = Signal()

    def __init__(self, account: ProviderAccount) -> None:
        super().__init__()
        key = account.provider_account_id
        self.setObjectName(f"adoption.account.{key}")
        self.setAccessibleName(account.label)
        self._spinner = Spinner()
        self._said = ElidedLabel(tone="secondary")
        self._said.setObjectName(f"adoption.account.{key}.said")
        self._again = Button(self.tr("Try again"), kind=ButtonKind.GHOST, icon_name="refresh-cw")
        self._again.setObjectName(f"adoption.account.{key}.retry")
        self._again.clicked.connect(self.retried)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(Space.S)
        row.addWidget(AccountDot(dot_of(account)))
        row.addWidget(ProviderIcon(account.provider_type, size=24))
        row.addWidget(ElidedLabel(account.label), 1)
        row.addWidget(self._spinner)
        row.addWidget(self._said, 3)
        row.addWidget(self._again)
        self.show_asking()

    def show_asking(self) -> None:
        """It is being asked."""
        self._spinner.show()
        self._again.hide()
        self._said.setText(self.tr("Asking…"))

    def show_found(self, unmanaged: int, managed: int) -> None:
        """It has answered."""
        self._spinner.hide()
        here = QLocale().toString(managed)
        self._said.setText(self.tr("{0} not managed, {1} managed here").format(QLocale().toString(unmanaged), here))

    def show_problem(self, problem: str) -> None:
        """It could not be asked."""
        self._spinner.hide()
        self._again.show()
        self._said.setText(problem)


class AdoptionDialog(Dialog):
    """Asks every cloud account at once, shows what each answers as it comes, and imports what is chosen."""

    def __init__(self, bridge: Bridge, window: Window, *, parent: QWidget | None = None) -> None:
        super().__init__("", primary="", width=_WIDE, parent=parent)
        self.setObjectName("adoption")
        self.setWindowTitle(self.tr("In your accounts, not managed"))
        self.primary.setText(self.tr("Import…"))
        self.primary.setObjectName("adoption.import")
        self.primary.setEnabled(False)
        self.primary.clicked.connect(self._on_import)
        self.cancel.setText(self.tr("Close"))
        self.cancel.setObjectName("adoption.close")
        self._bridge = bridge
        self._window = window
        self._accounts: dict[str, ProviderAccount] = {}
        self._lines: dict[str, _AccountLine] = {}
        self._found: dict[str, tuple[Found, ...]] = {}
        self._search = SearchInput(self.tr("Name, address, region or label"), width=320)
        self._search.setObjectName("adoption.search")
        self._search.searched.connect(lambda _text: self._fill())
        self.model = RecordTableModel(_columns(), key=lambda found: found.key, parent=self)
        self.table = TableView(self.model, name=self.windowTitle())
        self.table.setObjectName("adoption.table")
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.table.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.table.selection.selection_changed.connect(lambda keys: self.primary.setEnabled(len(keys) == 1))
        self.table.activated_key.connect(lambda _key: self._on_import())
        empty = EmptyState(icon_name="cloud", title=self.tr("Nothing here that is not managed"))
        self._states = ListStates(self.table, empty=empty, skeleton_rows=6)
        self._states.setMinimumHeight(_ROOM)
        self._states.error.retried.connect(self._ask_accounts)
        self._heads = QVBoxLayout()
        self._heads.setSpacing(Space.XS)
        self.column.setSpacing(Space.M)
        self.column.addLayout(self._heads)
        self.column.addWidget(self._search)
        self.column.addWidget(self._states, 1)
        self._ask_accounts()
        self._search.setFocus()

    def is_done(self) -> bool:
        """Whether every account has answered, or cannot."""
        return bool(self._lines) and len(self._found) == len(self._lines)

    def _ask_accounts(self) -> None:
        self._states.show_loading()

        async def ask() -> tuple[tuple[ProviderAccount, ...], tuple[ProviderInfo, ...]]:
            accounts = await self._bridge.call(ListAccounts(team_id=self._bridge.team_id))
            return accounts, await self._bridge.call(ListProviders())

        tasks.run(
            self._bridge,
            ask(),
            owner=self,
            name="adoption.accounts",
            done=self._on_accounts,
            failed=self._states.show_error,
        )

    def _on_accounts(self, answer: tuple[tuple[ProviderAccount, ...], tuple[ProviderInfo, ...]]) -> None:
        accounts, infos = answer
        clouds = {info.type for info in infos if not info.asks_host and not info.is_on_this_computer}
        for account in accounts:
            key = account.provider_account_id
            if account.provider_type not in clouds or account.provider_type is ProviderType.SANDBOX:
                continue
            self._accounts[key] = account
            if key not in self._lines:
                line = self._lines[key] = _AccountLine(account)
                line.retried.connect(lambda key=key: self._ask(key))
                self._heads.addWidget(line)
            self._ask(key)
        if not self._lines:
            self._states.empty.set_message(
                self.tr("No cloud account yet"), self.tr("Add one in the Providers app; what runs in it shows here.")
            )
            self._states.show_empty()

    def _ask(self, key: str) -> None:
        """One question an account, all at once: none waits for another's answer."""
        self._lines[key].show_asking()
        self._found.pop(key, None)
        tasks.ask(
            self._bridge,
            ListInstances(team_id=self._bridge.team_id, account_ids=(key,)),
            owner=self,
            done=lambda listed: self._on_listed(key, listed),
            failed=lambda error: self._on_failed(key, error),
        )

    def _on_listed(self, key: str, listed: tuple[Listed, ...]) -> None:
        account, answer = self._accounts[key], next((each for each in listed if each.account_id == key), None)
        if answer is None or answer.problem:
            problem = answer.problem if answer is not None else self.tr("It lists no machines.")
            self._found[key] = ()
            self._lines[key].show_problem(problem)
        else:
            unmanaged = [each for each in answer.instances if each.resource_id not in answer.machine_ids]
            self._found[key] = tuple(
                Found(account=account, instance=each) for each in sorted(unmanaged, key=lambda each: each.name)
            )
            self._lines[key].show_found(len(unmanaged), len(answer.instances) - len(unmanaged))
        self._fill()

    def _on_failed(self, key: str, error: MachinaError) -> None:
        if isinstance(error, Locked):
            tasks.PRESENTER.show(error)
        self._found[key] = ()
        self._lines[key].show_problem(str(error))
        self._fill()

    def _fill(self) -> None:
        words = self._search.text().casefold().split()
        every = [found for key in self._lines for found in self._found.get(key, ())]
        shown = [found for found in every if all(word in _haystack(found) for word in words)]
        self.model.set_records(shown)
        if shown:
            self._states.show_content()
        elif self.is_done():
            nothing = self.tr("Nothing matches") if every else self.tr("Nothing here that is not managed")
            self._states.empty.set_message(nothing)
            self._states.show_empty()
        else:
            self._states.show_loading()

    def _on_import(self) -> None:
        keys = self.table.selected_keys()
        if len(keys) != 1:
            return
        found = self.model.record(self.model.row_of(keys[0]))
        dialog = ImportMachineDialog(self._bridge, found.account, found.instance, done=self._on_imported, parent=self)
        dialog.open()

    def _on_imported(self, ask: ImportMachine) -> None:
        self.accept()
        self._window.inspect("deployment", ask.deployment_id)


def _columns() -> tuple[Column[Found], ...]:
    def text(of: Callable[[Instance], str]) -> Callable[[Found], str]:
        return lambda found: of(found.instance) or "–"

    def created(found: Found) -> float:
        at = found.instance.created_at
        return at.timestamp() if at is not None else 0.0

    return (
        Column(key="name", title=_tr("Name"), text=text(lambda each: each.name), width=180, grows=2),
        Column(key="status", title=_tr("Status"), status=_status, text=lambda _found: "–", width=110),
        Column(
            key="account",
            title=_tr("Account"),
            text=lambda found: found.account.label,
            icon=lambda found: PROVIDER_ICONS[found.account.provider_type],
            dot=lambda found: dot_of(found.account),
            width=160,
            grows=1,
        ),
        Column(key="address", title=_tr("Address"), text=text(lambda each: each.public_ip), is_mono=True, width=145),
        Column(
            key="region", title=_tr("Region"), text=text(lambda each: each.region), is_quiet=True, width=120, rank=1
        ),
        Column(key="size", title=_tr("Size"), text=text(lambda each: each.size), is_quiet=True, width=110, rank=2),
        Column(
            key="created",
            title=_tr("Created"),
            text=lambda found: moment(found.instance.created_at),
            sort_key=created,
            is_quiet=True,
            width=110,
            rank=3,
        ),
    )


def _status(found: Found) -> Status | None:
    known = {each.value: each for each in MachineStatus}
    status = known.get(found.instance.status)
    return Status(status) if status is not None else None


def _haystack(found: Found) -> str:
    each = found.instance
    labels = (f"{name}={value}" if value else name for name, value in each.labels.items())
    return " ".join((each.name, each.public_ip, each.region, each.size, found.account.label, *labels)).casefold()


def _tr(text: str) -> str:
    return QCoreApplication.translate("Adoption", text)
