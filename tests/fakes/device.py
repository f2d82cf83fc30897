"""What the fake gateway answers about this computer: vault, settings, Terraform, team."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from machina_desktop.core.config import SETTINGS
from machina_desktop.core.domain.engine import EngineStatus
from machina_desktop.core.domain.team import Team
from machina_desktop.core.errors import InvalidInput
from machina_desktop.core.events import VaultChanged
from machina_desktop.core.ids import now
from machina_desktop.core.services import device, teams
from tests.fakes.gateway import ACTOR, FakeGateway
from tests.fakes.rows import TEAM_ID

ENGINE = EngineStatus(name="terraform", version="1.11.4", path="/usr/bin/terraform")
PASSPHRASE = "correct horse battery staple"


@dataclass
class FakeDevice:
    """The answers, with the state they are made from.

    Attributes:
        vault: Its status; the passphrase that opens it is `PASSPHRASE`.
        settings: Values by key.
    """

    gateway: FakeGateway
    vault: device.VaultStatus = field(
        default_factory=lambda: device.VaultStatus(
            exists=True, is_open=True, slots=("keyring",), keyring_available=True
        )
    )
    engine: EngineStatus = ENGINE
    settings: dict[str, str | int | bool] = field(default_factory=lambda: {each.key: each.default for each in SETTINGS})

    def __post_init__(self) -> None:
        self.gateway.answers |= {
            device.GetVault: lambda _ask: self.vault,
            device.CreateVault: self._create,
            device.UnlockVault: self._unlock,
            device.LockVault: lambda _ask: self._move(is_open=False),
            device.GetEngine: lambda _ask: self.engine,
            device.ListSettings: lambda _ask: tuple(self._setting(each.key) for each in SETTINGS),
            device.ChangeSetting: self._change,
            teams.ListTeams: lambda _ask: (_team(),),
        }

    def _create(self, ask: device.CreateVault) -> device.VaultStatus:
        self.vault = replace(self.vault, exists=True, slots=(ask.slot,))
        return self._move(is_open=True)

    def _unlock(self, ask: device.UnlockVault) -> device.VaultStatus:
        if ask.slot == "passphrase" and ask.passphrase.reveal() != PASSPHRASE:
            raise InvalidInput("The passphrase is wrong.", field="passphrase", code="E-VAULT-PASSPHRASE")
        return self._move(is_open=True)

    def _move(self, *, is_open: bool) -> device.VaultStatus:
        self.vault = replace(self.vault, is_open=is_open)
        self.gateway.bus.publish(VaultChanged(is_open))
        return self.vault

    def _change(self, ask: device.ChangeSetting) -> device.SettingValue:
        if ask.key == "engine" and ask.value and not ask.value.startswith("/"):
            raise InvalidInput("Give the whole path of the program.", field="engine")
        kind = type(self.settings[ask.key])
        self.settings[ask.key] = ask.value == "true" if kind is bool else kind(ask.value)
        return self._setting(ask.key)

    def _setting(self, key: str) -> device.SettingValue:
        declared = next(each for each in SETTINGS if each.key == key)
        return device.SettingValue(
            key=key,
            title=declared.title,
            help=declared.help,
            value=self.settings[key],
            default=declared.default,
            section=declared.section,
            choices=declared.choices,
            choice_titles=declared.choice_titles,
            minimum=declared.minimum,
            maximum=declared.maximum,
            unit=declared.unit,
            zero=declared.zero,
            empty=declared.empty,
            only_with=declared.only_with,
        )


def _team() -> Team:
    return Team(
        team_id=TEAM_ID,
        name="Personal",
        handle="personal",
        created_by=ACTOR.user_id,
        created_at=now(),
        updated_at=now(),
    )
