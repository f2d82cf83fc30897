"""Where things lie and what can be set: paths, settings and the only reading of the environment."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import sys
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from machina_desktop.core.errors import InvalidInput, Unavailable
from machina_desktop.core.setting import (
    AnySetting,
    Section,
    Setting,
    T,
    check_folder,
    check_hosts,
    check_proxy,
    in_force,
    parsed,
    problem_of,
)
from machina_desktop.core.terminal_settings import TERMINAL_SETTINGS

REPOSITORY = Path(__file__).resolve().parents[2]


def environment() -> Mapping[str, str]:
    """The process environment, read here and nowhere else."""
    return os.environ


def turn_session_bus_off() -> None:
    """Leave this process, and what it starts, without a session bus."""
    # The address that Debian's packages use for "none": no library knows how to connect to it.
    os.environ["DBUS_SESSION_BUS_ADDRESS"] = "disabled:"


@contextlib.contextmanager
def interface_scaled(percent: str) -> Iterator[None]:
    """An application made meanwhile draws everything that much larger; a scale of the person's own stays.

    Qt looks only then, and programs that we start later are not to be scaled.
    """
    if percent == "100" or "QT_SCALE_FACTOR" in os.environ:
        yield
        return
    os.environ["QT_SCALE_FACTOR"] = str(int(percent) / 100)
    try:
        yield
    finally:
        del os.environ["QT_SCALE_FACTOR"]


def bundle_folder() -> Path:
    """Where ``resources/`` and ``terraform/`` lie: the repository, or the frozen application's folder."""
    return Path(getattr(sys, "_MEIPASS", REPOSITORY))


@dataclass(frozen=True)
class Paths:
    """The data folder and what lies in it. Everything is private to the user (0700, files 0600)."""

    home: Path

    @classmethod
    def default(cls) -> Paths:
        """``MACHINA_HOME``, else the platform's folder for application data."""
        chosen = environment().get("MACHINA_HOME", "")
        return cls(
            Path(chosen).expanduser().resolve() if chosen else Path(platformdirs.user_data_dir("machina", False))
        )

    @property
    def database(self) -> Path:
        """The SQLite file."""
        return self.home / "machina.db"

    @property
    def settings(self) -> Path:
        """Settings as JSON."""
        return self.home / "settings.json"

    @property
    def window_state(self) -> Path:
        """Geometry, docks and filters of the window (ini)."""
        return self.home / "window.ini"

    @property
    def vault_header(self) -> Path:
        """Unlock slots and wrapped keys; a second copy lies beside it with the suffix ``.copy``."""
        return self.home / "vault.json"

    @property
    def key_file(self) -> Path:
        """The key-file slot, as in spec 9.3."""
        return self.home / ".data" / ".encryption_key"

    @property
    def pepper(self) -> Path:
        """What a shared server mixes into the passwords it stores; without it nobody signs in."""
        return self.home / ".data" / ".password_pepper"

    @property
    def runner_key(self) -> Path:
        """The private key of a shared server's runners; whoever only answers requests has no such file."""
        return self.home / ".data" / ".runner_key"

    @property
    def runners(self) -> Path:
        """One file per runner process, which tells that it lives."""
        return self.home / "runners"

    @property
    def runs(self) -> Path:
        """One folder per machine, where Terraform runs."""
        return self.home / "runs"

    @property
    def run_locks(self) -> Path:
        """One empty file per machine, locked by the process that works in its run folder."""
        return self.home / "run-locks"

    @property
    def plugin_cache(self) -> Path:
        """Terraform's shared provider plugins."""
        return self.home / "plugin-cache"

    @property
    def practice(self) -> Path:
        """One folder per practice machine."""
        return self.home / "practice"

    @property
    def recordings(self) -> Path:
        """Two files per recorded terminal: what it showed, and the text of that."""
        return self.home / "recordings"

    @property
    def logs(self) -> Path:
        """The application's own log."""
        return self.home / "logs"

    def create(self) -> None:
        """Make the data folder, private to the user.

        Raises:
            Unavailable: it cannot be made or written; names the folder.
        """
        try:
            for folder in (self.home, self.runs, self.logs):
                folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self.home.chmod(0o700)
        except OSError as error:
            raise Unavailable(
                f"The data folder {self.home} cannot be used: {error.strerror}.",
                hint="Free space or set MACHINA_HOME to a folder you can write to.",
                code="E-HOME",
            ) from error


THEME = Setting(
    key="theme",
    default="dark",
    title="Theme",
    help="Dark, light, high contrast, or as the system is set.",
    section=Section.LOOK,
    choices=("dark", "light", "high-contrast", "system"),
    choice_titles=("Dark", "Light", "High contrast", "As the system"),
)
INTERFACE_SIZE = Setting(
    key="interface_size",
    default="100",
    title="Interface size",
    help="Everything in the window larger or smaller. It takes effect at the next start.",
    section=Section.LOOK,
    choices=("80", "90", "100", "110", "125", "150"),
    choice_titles=("80 %", "90 %", "100 %", "110 %", "125 %", "150 %"),
)
REDUCED_MOTION = Setting(
    key="reduced_motion",
    default="system",
    title="Reduce motion",
    help="No animation of panels, toasts and busy indicators.",
    section=Section.LOOK,
    choices=("system", "on", "off"),
    choice_titles=("As the system", "On", "Off"),
    former=((True, "on"), (False, "off")),
)
NOTIFICATIONS = Setting(
    key="notifications",
    default=True,
    title="Notifications",
    help="Tell the system's notification area what happens to deployments while the window is hidden.",
    section=Section.NOTIFICATIONS,
)
NOTIFY_FINISHED = Setting(
    key="notify_finished",
    default=True,
    title="Finished deployments",
    help="Tell when a deployment is done or was cancelled.",
    section=Section.NOTIFICATIONS,
    only_with=("notifications", True),
)
NOTIFY_FAILED = Setting(
    key="notify_failed",
    default=True,
    title="Failed deployments",
    help="Tell when a deployment fails, and why.",
    section=Section.NOTIFICATIONS,
    only_with=("notifications", True),
)
NOTIFY_APPROVAL = Setting(
    key="notify_approval",
    default=True,
    title="Plans awaiting approval",
    help="Tell when a plan waits for somebody to approve it.",
    section=Section.NOTIFICATIONS,
    only_with=("notifications", True),
)
CLOSE_TO_TRAY = Setting(
    key="close_to_tray",
    default=False,
    title="Keep running in the tray",
    help="Closing the window leaves Machina in the system's tray. Without a tray, closing it always quits.",
    section=Section.NOTIFICATIONS,
)
CONCURRENT_RUNS = Setting(
    key="concurrent_runs",
    default=4,
    title="Runs at once",
    help="How many deployments may run at the same time on this computer.",
    section=Section.DEPLOYMENTS,
    minimum=1,
    maximum=10,
)
APPROVAL_HOURS = Setting(
    key="approval_hours",
    default=24,
    title="Plans expire after",
    help="Hours an unapproved plan holds its machine before it is cancelled.",
    section=Section.DEPLOYMENTS,
    minimum=1,
    maximum=168,
    unit="hours",
)
ENGINE = Setting(
    key="engine",
    default="",
    title="Terraform program",
    help="Path of the terraform or tofu program. Empty: the first one on PATH, else the bundled library.",
    section=Section.ENGINE,
    empty="found by itself",
)
VAULT_LOCK_MINUTES = Setting(
    key="vault_lock_minutes",
    default=15,
    title="Lock when idle",
    help="Minutes without keyboard and mouse after which the vault is locked. 0: never.",
    section=Section.VAULT,
    minimum=0,
    maximum=60,
    unit="minutes",
    zero="never",
)
VAULT_LOCK_ON_SUSPEND = Setting(
    key="vault_lock_on_suspend",
    default=True,
    title="Lock on suspend",
    help="Lock the vault before this computer goes to sleep.",
    section=Section.VAULT,
)
VAULT_LOCK_WITH_SCREEN = Setting(
    key="vault_lock_with_screen",
    default=True,
    title="Lock with the screen",
    help="Lock the vault when the screen is locked.",
    section=Section.VAULT,
)
PLUGIN_MIRROR = Setting(
    key="plugin_mirror",
    default="",
    title="Folder of provider plugins",
    help="Where Terraform takes providers' plugins from instead of its registry: a filesystem mirror, for computers "
    "without a way to the registry.",
    section=Section.ENGINE,
    empty="the registry",
    check=check_folder,
)
PROXY_MODE = Setting(
    key="proxy_mode",
    default="system",
    title="Proxy",
    help="How Terraform and Machina reach the network: as this computer's environment says, directly, or as below.",
    section=Section.PROXY,
    choices=("system", "none", "manual"),
    choice_titles=("As the system", "None", "Manual"),
)
PROXY_URL = Setting(
    key="proxy_url",
    default="",
    title="Proxy address",
    help="Scheme, host and port, for the manual proxy: http, https or socks5.",
    section=Section.PROXY,
    only_with=("proxy_mode", "manual"),
    empty="http://proxy.example.com:3128",
    check=check_proxy,
)
NO_PROXY_HOSTS = Setting(
    key="no_proxy_hosts",
    default="",
    title="Without proxy",
    help="Hosts, domains and networks reached directly, separated by commas, for the manual proxy.",
    section=Section.PROXY,
    only_with=("proxy_mode", "manual"),
    empty="localhost, 10.0.0.0/8",
    check=check_hosts,
)
LOG_LEVEL = Setting(
    key="log_level",
    default="info",
    title="Detail",
    help="What the application's own log tells. More detail helps to find a fault and makes the log grow faster.",
    section=Section.LOGS,
    choices=("warning", "info", "debug"),
    choice_titles=("Problems only", "Ordinary", "Everything"),
)

SETTINGS: tuple[AnySetting, ...] = (
    THEME,
    INTERFACE_SIZE,
    REDUCED_MOTION,
    *TERMINAL_SETTINGS,
    NOTIFICATIONS,
    NOTIFY_FINISHED,
    NOTIFY_FAILED,
    NOTIFY_APPROVAL,
    CLOSE_TO_TRAY,
    CONCURRENT_RUNS,
    APPROVAL_HOURS,
    ENGINE,
    PLUGIN_MIRROR,
    VAULT_LOCK_MINUTES,
    VAULT_LOCK_ON_SUSPEND,
    VAULT_LOCK_WITH_SCREEN,
    PROXY_MODE,
    PROXY_URL,
    NO_PROXY_HOSTS,
    LOG_LEVEL,
)


class Settings:
    """The values of all settings, kept in one JSON file. Any thread.

    A file that cannot be read is kept aside as ``settings.json.broken``, and what was known stays in force; at the
    start that is nothing. Unknown keys survive, and so does what another process wrote meanwhile.

    Attributes:
        path: The file.
        set_aside: Where an unreadable file was put while this process ran.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.set_aside: Path | None = None
        self._lock = threading.Lock()
        self._values = self._read() or {}

    def refresh(self) -> None:
        """Learn what other processes have written since. Reads the file."""
        with self._lock:
            self._values = self._newest()

    def write_problem(self) -> str:
        """Why nothing could be stored now, as the system says it; empty when it could. Touches the disk."""
        probe = self.path.with_name(f"{self.path.name}.probe")
        try:
            probe.touch(mode=0o600)
            probe.unlink()
        except OSError as error:
            return error.strerror or "unknown error"
        return ""

    def get(self, setting: Setting[T]) -> T:
        """The value in force; the default where none, or none of the right kind, is stored."""
        return in_force(setting, self._values.get(setting.key))

    def shown(self, setting: AnySetting) -> str | int | bool:
        """Like :meth:`get`, of any kind of setting."""
        value: str | int | bool = in_force(setting, self._values.get(setting.key))  # type: ignore[misc]
        return value

    def set(
        self,
        setting: AnySetting,
        value: str | int | bool,  # noqa: FBT001 - a switch is a value like others
    ) -> None:
        """Store ``value`` durably.

        Raises:
            InvalidInput: it is not among the choices or outside the range.
            Unavailable: E-SETTINGS, the file cannot be written; the former value stays in force.
        """
        if problem := problem_of(setting, value):
            raise problem
        with self._lock:
            values = self._newest() | {setting.key: value}
            try:
                self._write(json.dumps(values, indent=2).encode())
            except OSError as error:
                raise Unavailable(
                    f"The settings {self.path} cannot be written: {error.strerror}.",
                    hint="Free space on the disk and check that the folder may be written, then try again.",
                    code="E-SETTINGS",
                ) from error
            self._values = values

    def set_text(self, key: str, text: str) -> None:
        """Store a value given as text, read as the setting's kind.

        Raises:
            InvalidInput: no such setting, or not a value of its kind.
        """
        for setting in SETTINGS:
            if setting.key == key:
                self.set(setting, parsed(setting, text))
                return
        raise InvalidInput(f"There is no setting {key}.", field="key")

    def _newest(self) -> dict[str, object]:
        stored = self._read()
        return self._values if stored is None else stored

    def _read(self) -> dict[str, object] | None:
        """What the file holds; ``None`` when there is none, or it cannot be read and now lies aside."""
        try:
            stored = json.loads(self.path.read_bytes())
        except FileNotFoundError:
            return None
        except (OSError, ValueError, RecursionError):
            stored = None
        if isinstance(stored, dict):
            return stored
        aside = self.path.with_name(f"{self.path.name}.broken")
        for number in itertools.count(2):
            if not os.path.lexists(aside):
                break
            aside = self.path.with_name(f"{self.path.name}.broken-{number}")
        # On a disk that refuses even this, what is known serves until the next start.
        with contextlib.suppress(OSError):
            self.path.replace(aside)
            self.set_aside = aside
        return None

    def _write(self, data: bytes) -> None:
        temporary = self.path.with_name(f"{self.path.name}.new")
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(self.path)
