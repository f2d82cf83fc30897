"""Every area of use cases: importing this module fills the registry, for hosts and for faces made from it."""

from __future__ import annotations

from machina_desktop.core.services import (
    audit,
    deployments,
    device,
    diagnostics,
    invites,
    keys,
    machines,
    members,
    providers,
    reports,
    storage,
    teams,
)

AREAS = (teams, members, invites, machines, deployments, providers, keys, audit, device, storage, diagnostics, reports)
