"""One page per file, one line per page in APPS; the code of a page is loaded when it is first opened."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, cast

from machina_desktop.views.apps.base import App, Detail, Page, Window

if TYPE_CHECKING:
    from machina_desktop.bridge import Bridge


def _late(name: str, title: str, icon: str, *entities: str, keys: str = "", offers: str = "") -> App:
    """The app of module ``name``, described here so that the sidebar is painted without loading it.

    ``offers`` is the module that says what the palette finds, where the page is too much to be loaded for that.
    """

    def loaded() -> App:
        return cast("App", importlib.import_module(f"{__name__}.{name}").APP)

    def offered() -> App:
        # A module of offers has the two functions under the names of an app's fields.
        return cast("App", importlib.import_module(f"{__name__}.{offers}")) if offers else loaded()

    def page(bridge: Bridge, window: Window) -> Page:
        return loaded().page(bridge, window)

    def detail(entity: str, bridge: Bridge, window: Window, key: str) -> Detail:
        return loaded().details[entity](bridge, window, key)

    details: dict[str, Callable[[Bridge, Window, str], Detail]] = {
        entity: partial(detail, entity) for entity in entities
    }
    return App(
        name=name,
        title=title,
        icon=icon,
        keys=keys,
        page=page,
        details=details,
        searches=lambda: offered().searches(),
        commands=lambda window: offered().commands(window),
    )


# In the order of the spec; only apps that work stand here.
APPS: tuple[App, ...] = (
    _late("machines", "Machines", "server", "machine"),
    _late("providers", "Providers", "cloud", "provider_account"),
    _late("keys", "Keys", "key-round", "ssh_key"),
    _late("deployments", "Deployments", "rocket", "deployment"),
    _late("terminal", "Terminal", "square-terminal", offers="terminal_offers"),
    _late("teams", "Teams", "layers", "team"),
    _late("members", "Members", "users", "member", "invite"),
    _late("audit", "Audit", "scroll-text", "audit_event"),
    _late("recordings", "Recordings", "history", offers="recordings_offers"),
    _late("snippets", "Snippets", "terminal", keys="Ctrl+Alt+S"),
    _late("settings", "Settings", "settings", keys="Ctrl+,"),
)
