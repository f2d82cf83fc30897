"""Where things lie and what can be set: paths, settings and the only reading of the environment."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

import platformdirs

from machina_desktop.core.errors import InvalidInput, Unavailable

T = TypeVar("T", str, int, bool)

REPOSITORY = Path(__file__).resolve().parents[2]


def environment() -> Mapping[str, str]:
    """The process environment, read here and nowhere else."""
    return os.environ


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


@dataclass(frozen=True, kw_only=True)
class Setting(Generic[T]):
    """One thing a person can set; settings page, checks and documentation are made from it."""

    key: str
    default: T
    title: str
    help: str
    choices: tuple[str, ...] = ()
    minimum: int = 0
    maximum: int = 0


THEME = Setting(
    key="theme",
    default="dark",
    title="Theme",
    help="Dark, light, high contrast, or as the system is set.",
    choices=("dark", "light", "high-contrast", "system"),
)
ENGINE = Setting(
    key="engine",
    default="",
    title="Terraform program",
    help="Path of the terraform or tofu program. Empty: the first one on PATH, else the bundled library.",
)
CONCURRENT_RUNS = Setting(
    key="concurrent_runs",
    default=4,
    title="Runs at once",
    help="How many deployments may run at the same time on this computer.",
    minimum=1,
    maximum=10,
)
APPROVAL_HOURS = Setting(
    key="approval_hours",
    default=24,
    title="Plans expire after",
    help="Hours an unapproved plan holds its machine before it is cancelled.",
    minimum=1,
    maximum=168,
)
NOTIFICATIONS = Setting(
    key="notifications",
    default=True,
    title="Notifications",
    help="Tell the system's notification area about finished and waiting deployments while the window is hidden.",
)
REDUCED_MOTION = Setting(
    key="reduced_motion",
    default=False,
    title="Reduce motion",
    help="No animation of panels, toasts and busy indicators.",
)

SETTINGS: tuple[Setting[str] | Setting[int] | Setting[bool], ...] = (
    THEME,
    REDUCED_MOTION,
    NOTIFICATIONS,
    ENGINE,
    CONCURRENT_RUNS,
    APPROVAL_HOURS,
)


class Settings:
    """The values of all settings, kept in one JSON file.

    A file that cannot be read counts as empty and is kept aside as ``settings.json.broken``; unknown keys survive.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._values = self._load()

    def get(self, setting: Setting[T]) -> T:
        """The value in force; the default where none, or none of the right kind, is stored."""
        value = self._values.get(setting.key)
        return value if _problem(setting, value) == "" else setting.default  # type: ignore[return-value]

    def shown(self, setting: Setting[str] | Setting[int] | Setting[bool]) -> str | int | bool:
        """Like :meth:`get`, of any kind of setting."""
        value = self._values.get(setting.key)
        return value if isinstance(value, str | int) and _problem(setting, value) == "" else setting.default

    def set(
        self,
        setting: Setting[str] | Setting[int] | Setting[bool],
        value: str | int | bool,  # noqa: FBT001 - a switch is a value like others
    ) -> None:
        """Store ``value`` durably.

        Raises:
            InvalidInput: it is not among the choices or outside the range.
            Unavailable: E-SETTINGS, the file cannot be written; the former value stays in force.
        """
        if problem := _problem(setting, value):
            raise InvalidInput(problem, field=setting.key)
        values = self._values | {setting.key: value}
        try:
            self._write(json.dumps(values, indent=2).encode())
        except OSError as error:
            raise Unavailable(
                f"The settings {self._path} cannot be written: {error.strerror}.",
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
                self.set(setting, _parsed(setting, text))
                return
        raise InvalidInput(f"There is no setting {key}.", field="key")

    def _load(self) -> dict[str, object]:
        try:
            stored = json.loads(self._path.read_bytes())
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, RecursionError):
            stored = None
        if not isinstance(stored, dict):
            # On a disk that refuses even this, the defaults serve until the next start.
            with contextlib.suppress(OSError):
                self._path.replace(self._path.with_name(f"{self._path.name}.broken"))
            return {}
        return stored

    def _write(self, data: bytes) -> None:
        temporary = self._path.with_name(f"{self._path.name}.new")
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(self._path)


def _problem(setting: Setting[str] | Setting[int] | Setting[bool], value: object) -> str:
    if type(value) is not type(setting.default):
        return f"{setting.title} needs a value of another kind."
    if setting.choices and value not in setting.choices:
        return f"{setting.title} is one of {', '.join(setting.choices)}."
    if isinstance(value, int) and setting.maximum and not setting.minimum <= value <= setting.maximum:
        return f"{setting.title} lies between {setting.minimum} and {setting.maximum}."
    return ""


def _parsed(setting: Setting[str] | Setting[int] | Setting[bool], text: str) -> str | int | bool:
    if isinstance(setting.default, bool):
        words = {
            "true": True,
            "yes": True,
            "on": True,
            "1": True,
            "false": False,
            "no": False,
            "off": False,
            "0": False,
        }
        if text.lower() not in words:
            raise InvalidInput(f"{setting.title} is on or off.", field=setting.key)
        return words[text.lower()]
    if isinstance(setting.default, int):
        try:
            return int(text)
        except ValueError:
            raise InvalidInput(f"{setting.title} is a whole number.", field=setting.key) from None
    return text
