"""What a setting is: its kind, what it accepts, and how its value is read from text."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Generic, TypeVar

from machina_desktop.core.errors import InvalidInput

T = TypeVar("T", str, int, bool)

_WORDS = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}
_SCHEMES = ("http", "https", "socks5")


class Section(StrEnum):
    """Where the settings page puts a setting, in this order; also the names of places on the page."""

    LOOK = "look"
    TERMINAL = "terminal"
    NOTIFICATIONS = "notifications"
    DEPLOYMENTS = "deployments"
    ENGINE = "engine"
    VAULT = "vault"
    PROXY = "proxy"
    LOGS = "logs"


@dataclass(frozen=True, kw_only=True)
class Setting(Generic[T]):
    """One thing a person can set; settings page, checks and documentation are made from it.

    Attributes:
        choices: All values there are, for a text of a few; in the order they are shown.
        choice_titles: What people read for each of `choices`.
        unit: What a number counts: ``minutes``.
        zero: What the number 0 means, in a word; empty where it is a number like others.
        empty: What an empty text means, in a few words.
        only_with: Key and value of another setting without which this one has no effect.
        former: What earlier versions stored, with what it means now.
        check: Refuses a text of the right kind that cannot serve, by raising `InvalidInput`.
    """

    key: str
    default: T
    title: str
    help: str
    section: Section
    choices: tuple[str, ...] = ()
    choice_titles: tuple[str, ...] = ()
    minimum: int = 0
    maximum: int = 0
    unit: str = ""
    zero: str = ""
    empty: str = ""
    only_with: tuple[str, str | bool] | None = None
    former: tuple[tuple[object, T], ...] = ()
    check: Callable[[str, str], None] | None = None


AnySetting = Setting[str] | Setting[int] | Setting[bool]


def problem_of(setting: AnySetting, value: object) -> InvalidInput | None:
    """Why ``setting`` cannot have that value; ``None`` where it can."""
    told = ""
    if type(value) is not type(setting.default):
        told = f"{setting.title} needs a value of another kind."
    elif setting.choices and value not in setting.choices:
        told = f"{setting.title} is one of {', '.join(setting.choices)}."
    elif isinstance(value, int) and setting.maximum and not setting.minimum <= value <= setting.maximum:
        told = f"{setting.title} lies between {setting.minimum} and {setting.maximum}."
    elif isinstance(value, str) and setting.check is not None:
        try:
            setting.check(setting.key, value)
        except InvalidInput as refused:
            return refused
    return InvalidInput(told, field=setting.key) if told else None


def in_force(setting: Setting[T], stored: object) -> T:
    """The value that a stored one stands for; the default where it is none of the right kind."""
    for then, now in setting.former:
        if type(then) is type(stored) and then == stored:
            return now
    return setting.default if problem_of(setting, stored) else stored  # type: ignore[return-value]


def parsed(setting: AnySetting, text: str) -> str | int | bool:
    """The value that ``text`` says, of the setting's kind.

    Raises:
        InvalidInput: it is no number, or neither on nor off.
    """
    if isinstance(setting.default, bool):
        if text.lower() not in _WORDS:
            raise InvalidInput(f"{setting.title} is on or off.", field=setting.key)
        return _WORDS[text.lower()]
    if isinstance(setting.default, int):
        try:
            return int(text)
        except ValueError:
            raise InvalidInput(f"{setting.title} is a whole number.", field=setting.key) from None
    return text.strip()


def check_proxy(key: str, address: str) -> None:
    """A proxy's address is ``scheme://host:port``, without a password; empty for none.

    Raises:
        InvalidInput: it is another kind of address; it is never quoted, for it may hold a password.
    """
    if not address:
        return
    scheme, separator, rest = address.partition("://")
    if not separator or scheme.lower() not in _SCHEMES:
        raise InvalidInput(
            "The proxy's address begins with http://, https:// or socks5://.",
            field=key,
            hint="For example http://proxy.example.com:3128.",
            code="E-PROXY-ADDRESS",
        )
    if "@" in rest:
        raise InvalidInput(
            "A proxy's user name and password cannot be kept here: settings are a plain file.",
            field=key,
            hint="Leave out what stands before the @, and let a proxy on this computer sign in to the other one.",
            code="E-PROXY-PASSWORD",
        )
    if not _is_host_and_port(rest.removesuffix("/")):
        raise InvalidInput(
            "The proxy's address is a host and a port.",
            field=key,
            hint="For example http://proxy.example.com:3128.",
            code="E-PROXY-ADDRESS",
        )


def check_folder(key: str, text: str) -> None:
    """The whole path of a folder, or nothing.

    Raises:
        InvalidInput: it is no whole path.
    """
    if text and not (Path(text).is_absolute() and text.isprintable()):
        raise InvalidInput("Give the whole path of a folder.", field=key, hint="For example /srv/terraform/plugins.")


def check_hosts(key: str, text: str) -> None:
    """Hosts that are reached directly: names, ``.domains``, addresses and networks, separated by commas.

    Raises:
        InvalidInput: one of them is something else.
    """
    for host in (part.strip() for part in text.split(",")):
        name, slash, bits = host.partition("/")
        if (slash and not bits.isdigit()) or not all(sign.isalnum() or sign in "*.-_:[]" for sign in name):
            raise InvalidInput(
                "Hosts are separated by commas, without schemes or paths.",
                field=key,
                hint="For example localhost, 10.0.0.0/8, .example.com.",
            )


def _is_host_and_port(text: str) -> bool:
    host, _, port = text.rpartition(":")
    if text.endswith("]") or not host:
        host, port = text, "1"
    is_bracketed = host.startswith("[") and host.endswith("]") and ":" in host
    is_name = bool(host) and all(sign.isalnum() or sign in ".-_" for sign in host)
    return (is_bracketed or is_name) and port.isascii() and port.isdigit() and 0 < int(port) < 1 << 16
