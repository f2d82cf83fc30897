"""Every dialog and card of the window, opened as a person opens it."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import replace

from PySide6.QtWidgets import QApplication, QDialog, QWidget

import machina_desktop.views
from machina_desktop.core.domain.machine import Machine, MachineStatus
from machina_desktop.core.domain.provider import WizardStep
from machina_desktop.core.services import device
from machina_desktop.views.apps.audit_export import ExportAuditDialog
from machina_desktop.views.apps.key_dialogs import GenerateKeyDialog, ImportKeyDialog
from machina_desktop.views.apps.machine_actions import Action, MachineActions
from machina_desktop.views.apps.member_dialogs import AddGrantDialog, RemoveMemberDialog
from machina_desktop.views.apps.member_invite import InviteDialog
from machina_desktop.views.apps.provider_dialog import AddAccountDialog
from machina_desktop.views.apps.provider_replace import ReplaceCredentialsDialog
from machina_desktop.views.apps.settings_log import OwnLogDialog
from machina_desktop.views.apps.settings_vault_dialogs import AddWayDialog, ChangePassphraseDialog, RemoveWayDialog
from machina_desktop.views.apps.team_dialogs import JoinTeamDialog
from machina_desktop.views.crash_dialog import CrashDialog
from machina_desktop.views.deploy_wizard import DeployWizard
from machina_desktop.views.first_run import FirstRunDialog
from machina_desktop.views.notice_list import NoticeList
from machina_desktop.views.palette import Palette
from machina_desktop.views.popup import Popup, PopupCard
from machina_desktop.views.run_list import RunList
from machina_desktop.views.shortcuts import ShortcutsDialog
from machina_desktop.views.team_dialog import EditTeamDialog, NewTeamDialog
from machina_desktop.views.unlock import UnlockDialog
from machina_desktop.views.widgets.dialogs import ConfirmDialog, Dialog
from machina_desktop.views.widgets.modal import Modal
from tests.fakes.cloud_scenes import SHOWN as CLOUDS_SHOWN
from tests.fakes.file_scenes import SHOWN as FILES_SHOWN
from tests.fakes.gateway import turn, until
from tests.fakes.house import House, Scene, inspector
from tests.fakes.key_scenes import SCENES as KEY_SCENES
from tests.fakes.key_scenes import SHOWN as KEYS_SHOWN
from tests.fakes.people_rows import HOME, team
from tests.fakes.rows import accounts
from tests.fakes.server_scenes import SCENES as SERVER_SCENES
from tests.fakes.server_scenes import SHOWN as SERVERS_SHOWN
from tests.fakes.server_scenes import share
from tests.fakes.terminal_broadcast_scenes import SCENES as BROADCAST_SCENES
from tests.fakes.terminal_broadcast_scenes import SHOWN as BROADCAST_SHOWN
from tests.fakes.terminal_scenes import PASTING
from tests.fakes.terminal_scenes import SCENES as TERMINAL_SCENES
from tests.fakes.terminal_split_scenes import SCENES as SPLIT_SCENES
from tests.fakes.terminal_split_scenes import SHOWN as SPLIT_SHOWN

LOCKED = device.VaultStatus(
    exists=True, is_open=False, slots=("passphrase", "keyring", "key-file"), keyring_available=True
)
OPEN = device.VaultStatus(exists=True, is_open=True, slots=("passphrase", "keyring"), keyring_available=True)
MISSING = device.VaultStatus(exists=False, is_open=False, slots=(), keyring_available=True)


def _wizard(step: WizardStep, account: str, *, is_on_one_page: bool = False) -> Scene:
    async def scene(house: House) -> QWidget:
        await house.open()
        house.window.open_deploy_wizard()
        wizard = await house.dialog()
        state = wizard._state  # type: ignore[attr-defined]
        await until(lambda: state.is_ready)
        state.change(account_id=account)
        await house.rest()
        visited = tuple(each for each in WizardStep if not state.skip_reason(each))
        state.change(step=step, visited=visited, host="203.0.113.7", tags=("prod", "eu"), is_on_one_page=is_on_one_page)
        await house.rest()
        return wizard

    return scene


def _wizard_scenes() -> dict[str, Scene]:
    cloud = {f"wizard {step.value}": _wizard(step, "account-hetzner") for step in WizardStep}
    one_page = _wizard(WizardStep.ACCOUNT, "account-hetzner", is_on_one_page=True)
    return {**cloud, "wizard host": _wizard(WizardStep.REGION, "account-rack"), "wizard one page": one_page}


async def _first_run(house: House, screen: int) -> QWidget:
    await house.open(MISSING)
    dialog = await house.dialog()
    dialog._go(screen)  # type: ignore[attr-defined]
    await house.rest()
    return dialog


def _first_run_at(screen: int) -> Scene:
    return lambda house: _first_run(house, screen)


async def _unlock(house: House) -> QWidget:
    await house.open(LOCKED)
    return await house.dialog()


async def _crash(house: House) -> QWidget:
    await house.open()
    assert house.desk is not None
    house.desk.presenter.crashes.show("§ 4713 §", "§ 4714 §\n" * 30)
    return await house.dialog()


async def _quit(house: House) -> QWidget:
    await house.open()
    assert house.desk is not None
    await until(lambda: house.desk is not None and house.desk.runs.running)
    house.window.ask_to_quit()
    return await house.dialog()


def _asked_by(entity: str, *buttons: str, prepare: Callable[[House], None] | None = None) -> Scene:
    """The dialog that a button in the inspector of an entity opens."""

    async def scene(house: House) -> QWidget:
        if prepare is not None:
            prepare(house)
        dock = await inspector(house, entity)
        for name in buttons:
            button = dock.findChild(QWidget, name)
            assert button is not None, f"there is no {name}"
            button.click()  # type: ignore[attr-defined]
            await turn()
        return await house.dialog()

    return scene


def protect(house: House) -> None:
    """Let every machine want its name typed before it is destroyed."""
    for each in house.gateway.all(Machine):
        house.gateway.rows[Machine][each.machine_id] = replace(each, is_protected=True)


async def _destroy(house: House) -> QWidget:
    protect(house)
    page = await house.page("machines")
    machine = next(each for each in house.gateway.all(Machine) if each.actual_status is MachineStatus.RUNNING)
    page.findChildren(MachineActions)[0].run(Action.DESTROY, (machine,))
    return await house.dialog()


async def _reboot_many(house: House) -> QWidget:
    page = await house.page("machines")
    running = tuple(each for each in house.gateway.all(Machine) if each.actual_status is MachineStatus.RUNNING)
    page.findChildren(MachineActions)[0].run(Action.REBOOT, (*running, *running))
    return await house.dialog()


def _page_dialog(app: str, button: str, prepare: Callable[[House], None] | None = None) -> Scene:
    async def scene(house: House) -> QWidget:
        if prepare is not None:
            prepare(house)
        page = await house.page(app)
        found = page.findChild(QWidget, button)
        assert found is not None, f"there is no {button}"
        found.click()  # type: ignore[attr-defined]
        return await house.dialog()

    return scene


def _opened(make: Callable[[House], QDialog]) -> Scene:
    """A dialog that stands at the end of a long way: opened at once."""

    async def scene(house: House) -> QWidget:
        await house.open(OPEN)
        make(house).open()
        return await house.dialog()

    return scene


async def _invite_made(house: House) -> QWidget:
    await house.open()
    dialog = InviteDialog(house.bridge, team(home=HOME), parent=house.window)
    dialog.open()
    dialog.primary.click()
    await until(dialog.message)
    return await house.dialog()


def _by_command(name: str) -> Scene:
    async def scene(house: House) -> QWidget:
        await house.open()
        assert house.window.commands.run(name), f"there is no command {name}"
        return await house.dialog()

    return scene


async def _palette(house: House) -> QWidget:
    await house.open()
    assert house.window.commands.run("palette.open")
    found = house.window.findChild(Palette)
    await until(found.isVisible)
    await house.rest()
    return found


def _card(press: Callable[[House], object]) -> Scene:
    """A card that opens beside what was pressed."""

    async def scene(house: House) -> QWidget:
        await house.open()
        assert house.desk is not None
        await until(lambda: house.desk is not None and house.desk.runs.running)
        press(house)
        await until(QApplication.activePopupWidget)
        await house.rest()
        card = QApplication.activePopupWidget()
        assert card is not None
        return card

    return scene


def _press_bell(house: House) -> None:
    for kind in ("info", "success", "warning", "error"):
        house.window.notify(f"§ {len(kind)} 4720 §", kind=kind, action="§ 4721 §", on_action=lambda: None)
    house.window.status.bell.click()


# Scenes of which the root is of a class of its own.
SHOWN: dict[str, tuple[type[QWidget], Scene]] = {
    "unlock": (UnlockDialog, _unlock),
    "crash": (CrashDialog, _crash),
    "add account": (AddAccountDialog, _page_dialog("providers", "providers.add")),
    "replace credentials": (
        ReplaceCredentialsDialog,
        _opened(lambda house: ReplaceCredentialsDialog(house.bridge, accounts()[0], parent=house.window)),
    ),
    "generate key": (GenerateKeyDialog, _page_dialog("keys", "keys.generate")),
    "import key": (ImportKeyDialog, _page_dialog("keys", "keys.import")),
    "edit team": (EditTeamDialog, _opened(lambda house: EditTeamDialog(house.bridge, team(), parent=house.window))),
    "join team": (JoinTeamDialog, _page_dialog("teams", "teams.join", prepare=share)),
    **SERVERS_SHOWN,
    "invite": (InviteDialog, _opened(lambda h: InviteDialog(h.bridge, team(home=HOME), parent=h.window))),
    "invite made": (InviteDialog, _invite_made),
    "export audit": (ExportAuditDialog, _page_dialog("audit", "audit.export")),
    "add grant": (AddGrantDialog, _asked_by("member", "member.add_grant")),
    "remove member": (RemoveMemberDialog, _asked_by("member", "member.remove")),
    "new team": (NewTeamDialog, _opened(lambda house: NewTeamDialog(house.bridge, parent=house.window))),
    "own log": (OwnLogDialog, _opened(lambda house: OwnLogDialog(house.bridge, parent=house.window))),
    "add a way": (AddWayDialog, _opened(lambda house: AddWayDialog(house.bridge, OPEN, parent=house.window))),
    "change passphrase": (
        ChangePassphraseDialog,
        _opened(lambda house: ChangePassphraseDialog(house.bridge, parent=house.window)),
    ),
    "remove a way": (
        RemoveWayDialog,
        _opened(lambda house: RemoveWayDialog(house.bridge, OPEN, "keyring", parent=house.window)),
    ),
    "shortcuts": (ShortcutsDialog, _by_command("shortcuts.show")),
    "palette": (Palette, _palette),
    "running": (RunList, _card(lambda house: house.window.status.runs.click())),
    "notices": (NoticeList, _card(_press_bell)),
    "teams": (Popup, _card(lambda house: house.window.sidebar.team.click())),
    "paste": PASTING,
    **SPLIT_SHOWN,
    **BROADCAST_SHOWN,
    **FILES_SHOWN,
    **CLOUDS_SHOWN,
    **KEYS_SHOWN,
    **{f"first run {screen}": (FirstRunDialog, _first_run_at(screen)) for screen in range(4)},
    **{name: (DeployWizard, scene) for name, scene in _wizard_scenes().items()},
}

QUESTIONS: dict[str, Scene] = {
    **SERVER_SCENES,
    **TERMINAL_SCENES,
    **SPLIT_SCENES,
    **BROADCAST_SCENES,
    **KEY_SCENES,
    "quit": _quit,
    "destroy": _destroy,
    "reboot many": _reboot_many,
    "delete key": _asked_by("ssh_key", "key.delete"),
    "export key": _asked_by("ssh_key", "key.export"),
    "delete account": _asked_by("provider_account", "provider_account.delete"),
    "change role": _asked_by("member", "member.role"),
    "revoke invite": _asked_by("invite", "invite.revoke"),
    "discard plan": _asked_by("deployment", "deployment.discard"),
}


def shapes() -> set[type[QWidget]]:
    """Every class of dialog and card that the application has, down to those nobody derives from."""
    for module in pkgutil.walk_packages(machina_desktop.views.__path__, f"{machina_desktop.views.__name__}."):
        if "gallery" not in module.name and not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    bases: set[type[QWidget]] = {Modal, Dialog, ConfirmDialog, Popup, PopupCard}
    found = _subclasses(QDialog) | _subclasses(PopupCard)
    return {each for each in found if each not in bases and not _subclasses(each)}


def _subclasses(shape: type[QWidget]) -> set[type[QWidget]]:
    direct = {each for each in shape.__subclasses__() if each.__module__.startswith("machina_desktop.")}
    return direct.union(*(_subclasses(each) for each in direct))
