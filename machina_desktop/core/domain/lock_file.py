"""Terraform's lock file of an account: the plugins that its first run got are the ones that every later run gets."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, kw_only=True)
class LockFile:
    """What ``terraform init`` wrote the first time. Never synchronised: it names plugins for the computers of one home.

    Attributes:
        lock_id: ``<provider_account_id>:<engine>``; each program asks a registry of its own.
        engine: ``terraform`` or ``tofu``.
        text: The file as it is, versions and hashes.
    """

    lock_id: str
    team_id: str
    provider_account_id: str
    engine: str
    text: str
    created_at: datetime
