"""The person's ``ssh_config``, as the system's own client understands it; without one, as far as we can read it."""

from __future__ import annotations

import glob
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from machina_desktop.core.config import environment
from machina_desktop.core.errors import InvalidInput, Unavailable
from machina_desktop.core.process import run_briefly

EVALUATE_S = 10.0
"""The person's own ``Match exec`` commands run meanwhile, as they do for ssh."""
_DEPTH = 16
_SIZE_LIMIT = 1 << 20

# Whatever stands here becomes part of a command line, and of commands that people have written into their files.
_HOST = re.compile(r"[A-Za-z0-9_:.%\[\]][A-Za-z0-9_:.%\[\]-]{0,254}")
_USER = re.compile(r"[A-Za-z0-9_.][A-Za-z0-9_.@+-]{0,63}\$?")
_JUMP = re.compile(r"(?:ssh://)?(?:(?P<user>[^@]+)@)?(?P<host>\[[^\]]+\]|[^:]+)(?::(?P<port>[0-9]{1,5}))?/?")
_DEFAULT_FILES = ("id_rsa", "id_ecdsa", "id_ecdsa_sk", "id_ed25519", "id_ed25519_sk", "id_xmss", "id_dsa")


@dataclass(frozen=True, kw_only=True)
class Asked:
    """Whom the configuration is asked about: a name as people type it, and what is known already and stays."""

    name: str
    host: str = ""
    port: int = 0
    user: str = ""


@dataclass(frozen=True, kw_only=True)
class HostConfig:
    """What the person has written about a host.

    Attributes:
        jumps: ``[user@]host[:port]``, in the order they are passed.
        key_files: Those that are named.
        default_files: Those that are tried without being named.
        agent: Socket; empty for none, ``None`` where nothing is said about it.
        alias: The name under which its host key is known.
    """

    host: str
    port: int = 22
    user: str = ""
    jumps: tuple[str, ...] = ()
    key_files: tuple[Path, ...] = ()
    default_files: tuple[Path, ...] = ()
    agent: str | None = None
    is_limited: bool = False
    forwards_agent: bool = False
    alias: str = ""
    known_hosts: tuple[Path, ...] = ()


def evaluate(asked: Asked, *, file: Path | None = None) -> HostConfig:
    """What holds for that host. Blocks. ``file`` stands in the place of the person's and the system's own.

    Raises:
        InvalidInput: the name, address or user has characters that no command line should see.
        Unavailable: E-SSH-CONFIG, the configuration has a mistake; or, without ssh, something only ssh understands.
    """
    if not _HOST.fullmatch(asked.name) or (asked.host and not _HOST.fullmatch(asked.host)):
        raise InvalidInput(f"{asked.name!r} is no name or address of a host.", field="host")
    if asked.user and not _USER.fullmatch(asked.user):
        raise InvalidInput(f"{asked.user!r} is no login name.", field="user")
    program = shutil.which("ssh")
    said = _said_by_ssh(program, asked, file) if program else _read_here(asked, file)
    return _config(said, asked)


def evaluate_machine(asked: Asked, *, file: Path | None = None) -> HostConfig:
    """What holds for a machine, which people may have written about by its name or by its address."""
    by_name = evaluate(asked, file=file)
    if not asked.host or asked.host == asked.name:
        return by_name
    by_address = evaluate(replace(asked, name=asked.host), file=file)
    return replace(
        by_name,
        jumps=by_name.jumps or by_address.jumps,
        key_files=tuple(dict.fromkeys((*by_name.key_files, *by_address.key_files))),
        default_files=by_name.default_files or by_address.default_files,
        agent=by_address.agent if by_name.agent is None else by_name.agent,
        is_limited=by_name.is_limited or by_address.is_limited,
        forwards_agent=by_name.forwards_agent or by_address.forwards_agent,
        alias=by_name.alias or by_address.alias,
    )


def jump_asked(spec: str) -> Asked:
    """Whom one entry of ``ProxyJump`` names.

    Raises:
        Unavailable: E-SSH-CONFIG, it names nobody.
    """
    match = _JUMP.fullmatch(spec.strip())
    if match is None or int(match["port"] or 1) > 65_535:
        raise _mistake(f"ProxyJump {spec.strip()[:100]!r} names no host")
    return Asked(name=match["host"].strip("[]"), port=int(match["port"] or 0), user=match["user"] or "")


def _said_by_ssh(program: str, asked: Asked, file: Path | None) -> Mapping[str, Sequence[str]]:
    argv = [program, "-G"]
    if file is not None:
        argv += ["-F", str(file)]
    if asked.host:
        argv += ["-o", f"HostName={asked.host}"]
    if asked.port:
        argv += ["-p", str(asked.port)]
    if asked.user:
        argv += ["-l", asked.user]
    status, out, complaints = run_briefly((*argv, "--", asked.name), timeout_s=EVALUATE_S)
    if status != 0:
        raise _mistake((complaints.decode("utf-8", "replace").strip().splitlines() or ["ssh -G failed"])[0][:300])
    said: dict[str, list[str]] = {}
    for line in out.decode("utf-8", "replace").splitlines():
        word, _, value = line.partition(" ")
        said.setdefault(word.lower(), []).append(value.strip())
    return said


def _config(said: Mapping[str, Sequence[str]], asked: Asked) -> HostConfig:
    def one(word: str) -> str:
        return next(iter(said.get(word, ())), "")

    files = tuple(Path(each).expanduser() for each in said.get("identityfile", ()) if each != "none")
    folder = Path("~/.ssh").expanduser()
    defaults = {folder / name for name in _DEFAULT_FILES}
    jumps = one("proxyjump")
    if not jumps and one("proxycommand") not in {"", "none"}:
        raise _mistake("it wants a ProxyCommand, which is not run here; use ProxyJump")
    return HostConfig(
        host=one("hostname") or asked.host or asked.name,
        port=int(one("port") or 22),
        user=one("user"),
        jumps=() if jumps in {"", "none"} else tuple(jumps.split(",")),
        key_files=tuple(path for path in files if path not in defaults),
        default_files=tuple(path for path in files if path in defaults),
        agent=_agent(one("identityagent")),
        is_limited=one("identitiesonly") in {"yes", "true"},
        forwards_agent=one("forwardagent") in {"yes", "true"},
        alias=one("hostkeyalias"),
        known_hosts=tuple(
            Path(each).expanduser()
            for word in ("userknownhostsfile", "globalknownhostsfile")
            for each in (one(word) or _DEFAULT_KNOWN_HOSTS[word]).split()
            if each != "none"
        ),
    )


_DEFAULT_KNOWN_HOSTS = {
    "userknownhostsfile": "~/.ssh/known_hosts ~/.ssh/known_hosts2",
    "globalknownhostsfile": "/etc/ssh/ssh_known_hosts /etc/ssh/ssh_known_hosts2",
}


def _agent(text: str) -> str | None:
    if text in {"", "SSH_AUTH_SOCK"}:
        return None
    if text == "none":
        return ""
    if text.startswith("$"):
        return environment().get(text.strip("${}"), "")
    return str(Path(text).expanduser())


# Without the system's client


def _read_here(asked: Asked, file: Path | None) -> Mapping[str, Sequence[str]]:
    import paramiko  # type: ignore[import-untyped]  # noqa: PLC0415 - who has ssh never needs it here

    text = _expanded(file or Path("~/.ssh/config").expanduser(), _DEPTH)
    if re.search(r"(?im)^\s*match\b.*\bexec\b", text):
        raise _mistake("it has Match exec, which only ssh itself can decide; install the OpenSSH client")
    # What is said first holds, as with the options of a command line.
    given = {"HostName": asked.host, "Port": str(asked.port or ""), "User": asked.user}
    first = "".join(f"{word} {value}\n" for word, value in given.items() if value)
    try:
        found = paramiko.SSHConfig.from_text(f"Host *\n{first}{text}").lookup(asked.name)
    except (paramiko.SSHException, ValueError) as error:
        raise _mistake(str(error)[:300]) from error
    said = {word: value if isinstance(value, list) else [value] for word, value in found.items()}
    if "identityfile" not in said:
        said["identityfile"] = [f"~/.ssh/{name}" for name in _DEFAULT_FILES]
    return said


def _expanded(path: Path, depth: int) -> str:
    """The text with what it includes in its place, and the block that an include stands in taken up again after it."""
    if not depth:
        raise _mistake(f"{path} includes itself, or too deep")
    try:
        with path.open("rb") as opened:
            lines = opened.read(_SIZE_LIMIT).decode("utf-8", "replace").splitlines()
    except OSError:
        return ""
    out: list[str] = []
    header = ""
    for line in lines:
        word, _, rest = line.strip().replace("=", " ", 1).partition(" ")
        if word.lower() in {"host", "match"}:
            header = line
        if word.lower() != "include":
            out.append(line)
            continue
        included = "\n".join(_expanded(each, depth - 1) for each in _named(rest))
        if header and re.search(r"(?im)^\s*(host|match)\b", included):
            raise _mistake("it has blocks inside a block's Include, which only ssh itself can decide")
        out += [included, header or "Host *"]
    return "\n".join(out)


def _named(patterns: str) -> list[Path]:
    base = Path("~/.ssh").expanduser()
    found: list[Path] = []
    for pattern in patterns.split():
        path = Path(pattern.strip('"')).expanduser()
        found += map(Path, sorted(glob.glob(str(base / path))))  # noqa: PTH207 - it may be absolute
    return found


def _mistake(what: str) -> Unavailable:
    return Unavailable(
        f"Your ssh_config cannot be followed: {what}.",
        hint="Correct it in ~/.ssh/config; ssh -G HOST shows how it is understood.",
        code="E-SSH-CONFIG",
    )
