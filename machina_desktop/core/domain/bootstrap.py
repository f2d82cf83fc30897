"""Bootstrap profiles: what happens at a machine's first boot (spec 3.3)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class BootstrapMethod(StrEnum):
    """Spec 3.3, BootstrapMethod."""

    CLOUD_INIT = "cloud_init"
    SSH_SCRIPT = "ssh_script"
    ANSIBLE = "ansible"


@dataclass(frozen=True, kw_only=True)
class ServiceConfig:
    """A service to install and run; ``options`` are passed to its template."""

    name: str
    version: str = ""
    port: int | None = None
    options: dict[str, str]


@dataclass(frozen=True, kw_only=True)
class ConfigVariable:
    """A value a profile asks for when it is used."""

    name: str
    title: str
    description: str = ""
    default: str = ""
    is_required: bool = False
    is_secret: bool = False


@dataclass(frozen=True, kw_only=True)
class BootstrapProfile:
    """How a machine is set up; ``team_id`` is ``None`` for a read-only system profile."""

    profile_id: str
    team_id: str | None
    name: str
    method: BootstrapMethod
    cloud_init_template: str | None = None
    ssh_bootstrap_script: str | None = None
    ansible_playbook_ref: str | None = None
    services_to_run: tuple[ServiceConfig, ...] = ()
    config_schema: tuple[ConfigVariable, ...] | None = None
    is_system_profile: bool = False
    created_at: datetime
    updated_at: datetime
