"""The way to a machine's console at its provider, which stays open when nothing else does."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from PySide6.QtCore import QUrl
from PySide6.QtGui import QDesktopServices

from machina_desktop.core.domain.console import console_of
from machina_desktop.core.domain.machine import Machine
from machina_desktop.core.domain.provider import ProviderAccount, ProviderInfo
from machina_desktop.views.apps.machine_text import tr
from machina_desktop.views.commands import Command
from machina_desktop.views.provider_words import provider_title

ICON = "external-link"


def console_words(machine: Machine) -> str:
    """What the way is called in a menu."""
    return tr("Open its console at {0}").format(provider_title(machine.provider))


def open_console(address: str) -> None:
    """Show the page in the person's browser."""
    QDesktopServices.openUrl(QUrl(address))


def console_commands(machine: Machine, info: ProviderInfo | None, account: ProviderAccount | None) -> Iterator[Command]:
    """The way as a command, where there is one."""
    if address := console_of(machine, info, account):
        yield Command(
            name="machine.console",
            title=tr("Open the console of {0} at {1}").format(machine.name, provider_title(machine.provider)),
            group=tr("Machines"),
            icon=ICON,
            words=tr("locked out vnc serial screen browser"),
            run=partial(open_console, address),
        )
