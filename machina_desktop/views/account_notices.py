"""Telling the person that an account's credentials have stopped working: once for each time that they do."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QObject

from machina_desktop.bridge import Bridge
from machina_desktop.core.domain.provider import CredentialStatus, ProviderAccount
from machina_desktop.views.main_window import MainWindow
from machina_desktop.views.server_custody import device_of


class AccountNotices(QObject):
    """Follows the accounts of the team in view, whoever has verified them: a person, the clock or a run.

    What was invalid when it was first seen is not news; the sidebar counts it.
    """

    def __init__(self, bridge: Bridge, window: MainWindow) -> None:
        super().__init__(window)
        self._bridge, self._window = bridge, window
        self._known: dict[str, CredentialStatus] = {}

    def note(self, accounts: tuple[ProviderAccount, ...]) -> None:
        """These are the accounts now."""
        for account in accounts:
            key, status = account.provider_account_id, account.credential_status
            before = self._known.get(key, status)
            self._known[key] = status
            if status is before:
                continue
            if status is CredentialStatus.INVALID:
                self._tell(account)
            elif before is CredentialStatus.INVALID:
                self._window.notices.withdraw(key)

    def _tell(self, account: ProviderAccount) -> None:
        key = account.provider_account_id
        if self._window.is_inspecting("provider_account", key):
            # It stands there, with the same button.
            return
        can_replace = account.keeper in {"", device_of(self._bridge, account.team_id)}
        self._window.notify(
            self.tr("The credentials of {0} are not accepted any more").format(account.label),
            kind="error",
            action=self.tr("Replace credentials") if can_replace else self.tr("Show"),
            on_action=partial(self._replace if can_replace else self._show, account),
            about=key,
        )

    def _show(self, account: ProviderAccount) -> None:
        self._window.inspect("provider_account", account.provider_account_id)

    def _replace(self, account: ProviderAccount) -> None:
        # Few ever open it.
        from machina_desktop.views.apps.provider_replace import (  # noqa: PLC0415 - not before the first paint
            ReplaceCredentialsDialog,
            replaced_words,
        )

        def told(replaced: ProviderAccount) -> None:
            kind, text = replaced_words(replaced)
            self._window.notify(text, kind=kind, about=replaced.provider_account_id)

        dialog = ReplaceCredentialsDialog(self._bridge, account, parent=self._window)
        dialog.replaced.connect(told)
        dialog.open()
