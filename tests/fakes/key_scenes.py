"""Dialogs about the accounts at which keys lie, opened as a person opens them, and an account that refuses one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace

from PySide6.QtWidgets import QAbstractButton, QWidget

from machina_desktop.core.domain.deployment import Deployment
from machina_desktop.core.errors import Unavailable
from machina_desktop.core.services.key_sync import SyncedKey, SyncKey
from machina_desktop.views.apps.key_placing import PutKeysDialog
from machina_desktop.views.apps.key_taking import TakeAwayDialog
from machina_desktop.views.apps.keys import KeysPage
from tests.fakes.gateway import turn
from tests.fakes.house import House, inspector

_DENIED = "E-CLOUD-DENIED"
Scene = Callable[[House], Awaitable[QWidget]]


def _refuse(_ask: SyncKey) -> SyncedKey:
    raise Unavailable("§ 4718 §", hint="§ 4719 §", code=_DENIED)


async def _putting(house: House) -> QWidget:
    page = await house.page("keys")
    assert isinstance(page, KeysPage)
    page.list.table.selectAll()
    await turn()
    page.findChild(QAbstractButton, "keys.selection.put").click()  # type: ignore[union-attr]
    return await house.dialog()


def _let_refuse(house: House) -> None:
    """The code is data, as one of a run that failed by it."""
    run = house.gateway.all(Deployment)[0]
    house.gateway.put(replace(run, error_code=_DENIED))
    house.gateway.answers[SyncKey] = _refuse


async def _refused(house: House) -> QWidget:
    _let_refuse(house)
    dialog = await _putting(house)
    assert isinstance(dialog, PutKeysDialog)
    dialog.primary.click()
    await house.rest()
    return dialog


async def _taking(house: House) -> QWidget:
    shown = await inspector(house, "ssh_key")
    shown.findChild(QAbstractButton, "key.account.account-hetzner.deed").click()  # type: ignore[union-attr]
    return await house.dialog()


async def _detail_refused(house: House) -> QWidget:
    _let_refuse(house)
    shown = await inspector(house, "ssh_key")
    shown.findChild(QAbstractButton, "key.account.account-do.deed").click()  # type: ignore[union-attr]
    await house.rest()
    return shown


SHOWN: dict[str, tuple[type[QWidget], Scene]] = {
    "put keys": (PutKeysDialog, _putting),
    "put keys refused": (PutKeysDialog, _refused),
    "take key away": (TakeAwayDialog, _taking),
}
SCENES: dict[str, Scene] = {"detail key refused": _detail_refused}
