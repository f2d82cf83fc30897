"""What the fake gateway answers about this computer: vault, settings, Terraform, person, team."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from machina_desktop.core.config import SETTINGS
from machina_desktop.core.domain.account import SessionKind
from machina_desktop.core.domain.engine import EngineStatus
from machina_desktop.core.domain.log_line import LogLevel, LogLine
from machina_desktop.core.domain.profile import email_problem, name_problem
from machina_desktop.core.domain.team import Team, User
from machina_desktop.core.errors import Conflict, InvalidInput
from machina_desktop.core.events import Change, Changed, VaultChanged
from machina_desktop.core.ids import now
from machina_desktop.core.services import device, diagnostics, sessions, storage, teams
from machina_desktop.core.setting import AnySetting, parsed, problem_of
from tests.fakes.gateway import ACTOR, FakeGateway
from tests.fakes.rows import TEAM_ID

ENGINE = EngineStatus(name="terraform", version="1.11.4", path="/usr/bin/terraform")
PASSPHRASE = "correct horse battery staple"
AT = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
HOME = "/home/ada/.local/share/machina"
SIZES = (38_400_000, 12_100_000, 96_000, 214_000_000, 4_300_000, 23_500_000, 6_800_000, 9_000)
LOG = tuple(
    LogLine(at=AT, phase="2026-11-22", level=level, text=text)
    for level, text in (
        (LogLevel.INFO, "core.workers.deployer: taking web-3 up"),
        (LogLevel.WARNING, "core.host: the vault was not opened by its passphrase slot: E-VAULT-LOCKED"),
        (LogLevel.ERROR, "core.workers.run: the apply of db-2 failed"),
    )
)


@dataclass
class FakeDevice:
    """The answers, with the state they are made from.

    Attributes:
        vault: Its status; the passphrase that opens it is `PASSPHRASE`.
        settings: Values by key.
        file: How the settings' file stands.
        user: The person.
    """

    gateway: FakeGateway
    vault: device.VaultStatus = field(
        default_factory=lambda: device.VaultStatus(
            exists=True, is_open=True, slots=("keyring",), keyring_available=True
        )
    )
    engine: EngineStatus = ENGINE
    settings: dict[str, str | int | bool] = field(default_factory=lambda: {each.key: each.default for each in SETTINGS})
    file: device.SettingsFile = field(
        default_factory=lambda: device.SettingsFile(path=f"{HOME}/settings.json", set_aside="", problem="")
    )
    user: User = field(
        default_factory=lambda: User(user_id=ACTOR.user_id, email="", display_name=ACTOR.display_name, created_at=AT)
    )

    def __post_init__(self) -> None:
        self.gateway.answers |= {
            device.GetVault: lambda _ask: self.vault,
            device.CreateVault: self._create,
            device.UnlockVault: self._unlock,
            device.LockVault: lambda _ask: self._move(is_open=False),
            device.GetEngine: lambda _ask: self.engine,
            device.ListSettings: lambda _ask: tuple(self._setting(each.key) for each in SETTINGS),
            device.ChangeSetting: self._change,
            device.AddVaultSlot: self._add_slot,
            device.RemoveVaultSlot: self._remove_slot,
            device.ChangePassphrase: self._change_passphrase,
            device.CheckSettings: lambda _ask: self.file,
            sessions.ListSessions: lambda _ask: (_session(),),
            diagnostics.ReadOwnLog: lambda ask: diagnostics.OwnLog(lines=() if ask.offset else LOG, next_offset=300),
            diagnostics.SaveDiagnostics: lambda ask: ask.to,
            storage.GetStorage: lambda _ask: _storage(),
            storage.BackUp: lambda ask: f"{ask.to}/machina-backup-20261122-100000",
            teams.ListTeams: lambda _ask: (_team(),),
            teams.WhoAmI: lambda _ask: self.user,
            teams.UpdateProfile: self._update_profile,
            teams.UpdateTeam: self._update_team,
        }

    def _create(self, ask: device.CreateVault) -> device.VaultStatus:
        self.vault = replace(self.vault, exists=True, slots=(ask.slot,))
        return self._move(is_open=True)

    def _unlock(self, ask: device.UnlockVault) -> device.VaultStatus:
        if ask.slot == "passphrase" and ask.passphrase.reveal() != PASSPHRASE:
            raise InvalidInput("The passphrase is wrong.", field="passphrase", code="E-VAULT-PASSPHRASE")
        return self._move(is_open=True)

    def _add_slot(self, ask: device.AddVaultSlot) -> device.VaultStatus:
        return self._set_slots((*self.vault.slots, ask.slot))

    def _remove_slot(self, ask: device.RemoveVaultSlot) -> device.VaultStatus:
        if len(self.vault.slots) == 1:
            raise Conflict("This is the only way to unlock the vault.", code="E-VAULT-LAST-SLOT")
        return self._set_slots(tuple(slot for slot in self.vault.slots if slot != ask.slot))

    def _change_passphrase(self, ask: device.ChangePassphrase) -> device.VaultStatus:
        if ask.current.reveal() != PASSPHRASE:
            raise InvalidInput("The passphrase is wrong.", field="current", code="E-VAULT-PASSPHRASE")
        return self.vault

    def _set_slots(self, slots: tuple[str, ...]) -> device.VaultStatus:
        self.vault = replace(self.vault, slots=slots, since=(AT,) * len(slots))
        self.gateway.bus.publish(VaultChanged(self.vault.is_open))
        return self.vault

    def _update_team(self, ask: teams.UpdateTeam) -> Team:
        if not (ask.name or "").strip():
            raise InvalidInput("A team needs a name.", field="name", code="E-TEAM-NAME")
        return replace(_team(), name=ask.name or "")

    def _update_profile(self, ask: teams.UpdateProfile) -> User:
        if problem := name_problem(ask.display_name or ""):
            raise InvalidInput(problem, field="display_name")
        if problem := email_problem(ask.email or ""):
            raise InvalidInput(problem, field="email")
        self.user = replace(
            self.user,
            display_name=ask.display_name or "",
            email=ask.email or "",
            profile_picture_url=ask.profile_picture_url,
        )
        change = Change(team_id=TEAM_ID, seq=0, entity="user", entity_id=self.user.user_id, row=None, at=now())
        self.gateway.bus.publish(Changed((change,)))
        return self.user

    def _move(self, *, is_open: bool) -> device.VaultStatus:
        self.vault = replace(self.vault, is_open=is_open)
        self.gateway.bus.publish(VaultChanged(is_open))
        return self.vault

    def _change(self, ask: device.ChangeSetting) -> device.SettingValue:
        if ask.key == "engine" and ask.value and not ask.value.startswith("/"):
            raise InvalidInput("Give the whole path of the program.", field="engine")
        value = parsed(_declared(ask.key), ask.value)
        if problem := problem_of(_declared(ask.key), value):
            raise problem
        self.settings[ask.key] = value
        return self._setting(ask.key)

    def _setting(self, key: str) -> device.SettingValue:
        declared = _declared(key)
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


def _declared(key: str) -> AnySetting:
    return next(each for each in SETTINGS if each.key == key)


def _session() -> sessions.ListedSession:
    return sessions.ListedSession(
        kind=SessionKind.DEVICE,
        name="ada-laptop",
        system="Linux 6.18, x86_64",
        started_at=AT,
        last_seen_at=AT,
        home=HOME,
        is_current=True,
    )


def _storage() -> storage.Storage:
    parts = tuple(
        storage.PartSize(part=part, size_bytes=size, files=1) for part, size in zip(storage.Part, SIZES, strict=True)
    )
    return storage.Storage(home=HOME, parts=parts, free_bytes=182_000_000_000)


def _team() -> Team:
    return Team(
        team_id=TEAM_ID,
        name="Personal",
        handle="personal",
        created_by=ACTOR.user_id,
        created_at=now(),
        updated_at=now(),
    )
