"""The question before a key is taken away from an account whose machines rely on it."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QCoreApplication, QLocale
from PySide6.QtWidgets import QWidget

from machina_desktop.core.domain.key import SSHKey
from machina_desktop.core.domain.machine import Machine
from machina_desktop.core.domain.provider import ProviderAccount
from machina_desktop.views.widgets.dialogs import ConfirmDialog

_NAMED = 5


class TakeAwayDialog(ConfirmDialog):
    """Names the machines of the account that were made with the key, and says what changes for them."""

    def __init__(
        self, key: SSHKey, account: ProviderAccount, users: Sequence[Machine], *, parent: QWidget | None = None
    ) -> None:
        """``users`` are the machines of that account that have the key; at least one."""
        super().__init__(
            _tr("Take {0} away from {1}?").format(key.name, account.label),
            losses=(
                _tr("Machines there that rely on it: {0}.").format(_names(users)),
                _tr("They keep it and go on letting it in."),
                _tr("Rescue systems, and machines that are rebuilt, can be without it until it is put there again."),
            ),
            confirm=_tr("Take away"),
            parent=parent,
        )
        self.setObjectName("take_key")
        self.primary.setObjectName("take_key.confirm")
        self.cancel.setObjectName("take_key.cancel")


def _names(machines: Sequence[Machine]) -> str:
    names = ", ".join(sorted(machine.name for machine in machines)[:_NAMED])
    more = len(machines) - _NAMED
    return _tr("{0} and {1} more").format(names, QLocale().toString(more)) if more > 0 else names


def _tr(text: str) -> str:
    return QCoreApplication.translate("KeyTaking", text)
