"""Every scene of the window that the walk looks at: apps in each state, inspectors, and what lies over them.

A scene is a coroutine that brings a `House` to something and answers the widget to look at. Apps, entities and wizard
steps are found, not listed.
"""

from __future__ import annotations

import asyncio

from PySide6.QtCore import QPoint
from PySide6.QtWidgets import QApplication, QWidget

from machina_desktop.core.domain.deployment import DeploymentState
from machina_desktop.core.domain.machine import Machine
from machina_desktop.core.errors import Unavailable
from machina_desktop.views.apps import APPS
from machina_desktop.views.notices import Notice
from machina_desktop.views.widgets.card_grid import CardGrid
from tests.fakes.dialog_scenes import QUESTIONS, SHOWN
from tests.fakes.gateway import turn, until
from tests.fakes.house import House, Scene, inspector, run_in

ENTITIES = tuple(entity for app in APPS for entity in app.details)


def _filled(app: str) -> Scene:
    async def scene(house: House) -> QWidget:
        return await house.page(app)

    return scene


def _empty(app: str) -> Scene:
    async def scene(house: House) -> QWidget:
        for rows in house.gateway.rows.values():
            rows.clear()
        return await house.page(app)

    return scene


def _failing(app: str) -> Scene:
    async def scene(house: House) -> QWidget:
        await house.open(app=_another(app))
        house.gateway.answers = dict.fromkeys(house.gateway.answers, _refuse)
        return await _go_to(house, app)

    return scene


def _refuse(_ask: object) -> None:
    raise Unavailable("§ 4711 §", hint="§ 4712 §")


def _loading(app: str) -> Scene:
    async def scene(house: House) -> QWidget:
        await house.open(app=_another(app))
        house.gateway.gate = asyncio.Event()
        return await _go_to(house, app)

    return scene


def _another(app: str) -> str:
    """An app to begin with, so that the page in question is built when the core does something else."""
    return next(each.name for each in reversed(APPS) if each.name != app)


async def _go_to(house: House, app: str) -> QWidget:
    house.window.open_app(app)
    await house.front()
    shown = house.window.pages.page()
    assert shown is not None
    return shown


def _detail(entity: str) -> Scene:
    return lambda house: inspector(house, entity)


def _at(app: str, place: str) -> Scene:
    async def scene(house: House) -> QWidget:
        page = await house.page(app)
        house.window.open_app(app, place)
        await house.front()
        return page

    return scene


def _run(state: DeploymentState) -> Scene:
    async def scene(house: House) -> QWidget:
        await house.open(app="deployments")
        house.window.inspect("deployment", run_in(house, state))
        await house.rest()
        return next(dock for dock in house.window.inspectors.docks() if dock.isVisible())

    return scene


def _gone(entity: str) -> Scene:
    async def scene(house: House) -> QWidget:
        await house.open()
        house.window.inspect(entity, "no-such-thing")
        await house.rest()
        return next(dock for dock in house.window.inspectors.docks() if dock.isVisible())

    return scene


async def _toasts(house: House) -> QWidget:
    await house.open()
    for kind in ("info", "success", "warning", "error"):
        house.window.notices.tell(
            Notice(text=f"§ {len(kind)} 4715 §", detail="§ 4716 §", kind=kind, action="§ 4717 §", on_action=lambda: 0)
        )
    await house.rest()
    return house.window


async def _whole(house: House) -> QWidget:
    return await house.open()


async def _narrow(house: House) -> QWidget:
    window = await house.open()
    window.sidebar.set_collapsed(True)
    await turn()
    return window.sidebar


async def _not_started(house: House) -> QWidget:
    house.window.show()
    house.window.show_start_failure(Unavailable("§ 4718 §", hint="§ 4719 §"))
    await turn()
    house.window.activateWindow()
    await until(house.window.isActiveWindow)
    return house.window


async def _menu(house: House) -> QWidget:
    page = await house.page("machines")
    view = next(each for each in page.findChildren(CardGrid) if each.isVisible())
    view.selection.select_key(view.selection.current_key() or house.gateway.all(Machine)[0].machine_id)
    view.customContextMenuRequested.emit(QPoint(40, 40))
    await until(QApplication.activePopupWidget)
    menu = QApplication.activePopupWidget()
    assert menu is not None
    return menu


async def _verified(house: House) -> QWidget:
    page = await house.page("audit")
    page.check.begin(busy=page.verify)  # type: ignore[attr-defined]
    await house.rest()
    return page


def scenes() -> dict[str, Scene]:
    """Every scene by name."""
    found: dict[str, Scene] = {
        "window": _whole,
        "narrow sidebar": _narrow,
        "toasts": _toasts,
        "core not started": _not_started,
        "machine menu": _menu,
        **{f"settings {place}": _at("settings", place) for place in ("profile", "account", "about")},
        "members invites": _at("members", "invites"),
        "audit verified": _verified,
        **{name: scene for name, (_, scene) in SHOWN.items()},
        **QUESTIONS,
    }
    for app in APPS:
        found[f"{app.name} filled"] = _filled(app.name)
        found[f"{app.name} empty"] = _empty(app.name)
        found[f"{app.name} failing"] = _failing(app.name)
        found[f"{app.name} loading"] = _loading(app.name)
    found |= {f"detail {entity}": _detail(entity) for entity in ENTITIES}
    found |= {f"detail {entity} gone": _gone(entity) for entity in ENTITIES}
    return found | {f"run {state.value}": _run(state) for state in DeploymentState}
