"""One page per file, one line per page in APPS."""

from __future__ import annotations

from machina_desktop.views.apps import deployments, keys, machines, providers, settings
from machina_desktop.views.apps.base import App

# In the order of the spec; only apps that work stand here.
APPS: tuple[App, ...] = (
    machines.APP,
    providers.APP,
    keys.APP,
    deployments.APP,
    settings.APP,
)
