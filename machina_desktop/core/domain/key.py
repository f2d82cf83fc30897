"""SSH keys of a team (spec 3.3); the private half lies sealed in the vault's table."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from machina_desktop.core.domain.custody import Custody


class SSHKeyType(StrEnum):
    """Spec 3.3, SSHKeyType."""

    ED25519 = "ed25519"
    RSA = "rsa"
    ECDSA = "ecdsa"


@dataclass(frozen=True, kw_only=True)
class SSHKey:
    """A key pair or an imported public key.

    Attributes:
        fingerprint: ``SHA256:…`` unpadded base64, as ``ssh-keygen -l`` prints it.
        public_key: One line in OpenSSH form, comment included.
        has_private_key: Whether the private half is in a vault.
        custody: Who can open it.
        keeper: The device whose vault holds it; empty for that of the team's home.
    """

    ssh_key_id: str
    team_id: str
    name: str
    fingerprint: str
    public_key: str
    provider_key_ids: dict[str, str]
    key_type: SSHKeyType
    key_bits: int

    has_private_key: bool = False
    custody: Custody = Custody.LOCAL
    keeper: str = ""
    created_at: datetime
    updated_at: datetime
