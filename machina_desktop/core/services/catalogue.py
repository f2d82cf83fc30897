"""Every area of use cases: importing this module fills the registry, for hosts and for faces made from it."""

from __future__ import annotations

from machina_desktop.core.services import (
    accounts,
    agents,
    audit,
    deployments,
    device,
    diagnostics,
    importing,
    invites,
    keys,
    machines,
    members,
    providers,
    reports,
    runner_keys,
    server_description,
    servers,
    sessions,
    storage,
    sync,
    teams,
)

AREAS = (
    teams,
    members,
    invites,
    machines,
    deployments,
    providers,
    keys,
    audit,
    accounts,
    sessions,
    agents,
    device,
    storage,
    diagnostics,
    servers,
    server_description,
    reports,
    runner_keys,
    sync,
    importing,
)
