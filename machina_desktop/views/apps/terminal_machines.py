"""Which machines a terminal may be opened on, and the menu of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

from PySide6.QtCore import QCoreApplication, Qt
from PySide6.QtWidgets import QWidget

from machina_desktop.core.domain.environment import environment_of
from machina_desktop.core.domain.machine import Machine, MachineStatus
from machina_desktop.views.icons import PROVIDER_ICONS
from machina_desktop.views.terminal.environment_look import environment_title
from machina_desktop.views.widgets.menus import Menu


def is_open_to(machine: Machine) -> bool:
    """Whether there is an address at which a shell could be asked for."""
    return not machine.is_gone and any((machine.public_ip, machine.ssh_host, machine.private_ip))


def machine_menu(machines: Iterable[Machine], choose: Callable[[Machine], object], *, parent: QWidget) -> Menu:
    """A menu of machines by name, with their environments; those that run can be chosen."""
    menu = Menu(QCoreApplication.translate("Terminal", "Open a terminal on"), parent=parent)
    menu.setObjectName("terminal.machines")
    menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    menu.add_heading(QCoreApplication.translate("Terminal", "Open a terminal on"))
    for machine in sorted(machines, key=lambda each: each.name):
        menu.add_item(
            machine.name,
            partial(choose, machine),
            icon_name=PROVIDER_ICONS[machine.provider],
            detail=environment_title(environment_of(machine.tags)),
            is_enabled=machine.actual_status is MachineStatus.RUNNING,
        )
    return menu
