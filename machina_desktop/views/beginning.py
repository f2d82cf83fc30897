"""From the choice at the end of the first start to the wizard, with an account that is already chosen in it."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QCoreApplication, QObject

from machina_desktop.bridge import Bridge
from machina_desktop.core.config import Paths
from machina_desktop.core.domain.provider import ProviderAccount, ProviderType
from machina_desktop.core.services.providers import AddAccount, ListAccounts
from machina_desktop.views import tasks
from machina_desktop.views.deploy_wizard.draft import Draft, DraftFile


def begin(bridge: Bridge, provider: str, *, open_wizard: Callable[[], None], owner: QObject) -> None:
    """Open the wizard on ``sandbox`` or ``baremetal``; neither needs an account from elsewhere, so one is made."""

    def start(account: ProviderAccount) -> None:
        # Where the wizard looks for what was chosen so far; at the first start that is nothing.
        DraftFile(Paths.default().home / "draft.json").save(Draft(account_id=account.provider_account_id))
        open_wizard()

    tasks.run(bridge, _first_account(bridge, ProviderType(provider)), owner=owner, name="begin to deploy", done=start)


async def _first_account(bridge: Bridge, provider: ProviderType) -> ProviderAccount:
    accounts = await bridge.call(ListAccounts(team_id=bridge.team_id, type=provider))
    if accounts:
        return accounts[0]
    label = _tr("This computer") if provider is ProviderType.SANDBOX else _tr("My servers")
    return await bridge.call(AddAccount(team_id=bridge.team_id, type=provider, label=label))


def _tr(text: str) -> str:
    return QCoreApplication.translate("Beginning", text)
