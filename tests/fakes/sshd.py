"""A real openssh-server on a loopback port, with its own configuration, host keys and authorized_keys."""

from __future__ import annotations

import base64
import contextlib
import getpass
import hashlib
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import psutil
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from machina_desktop.core.secret import Secret
from tests.fakes.ports import free_port

SSHD = "/usr/sbin/sshd"
USER = getpass.getuser()


class KeyPair:
    """A fresh key pair: ``private`` in OpenSSH form, ``public`` as one line, ``fingerprint`` as ``SHA256:…``."""

    def __init__(self, kind: str = "ed25519") -> None:
        key: ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
        if kind == "ed25519":
            key = ed25519.Ed25519PrivateKey.generate()
        elif kind == "ecdsa":
            key = ec.generate_private_key(ec.SECP256R1())
        else:
            key = rsa.generate_private_key(65537, 2048)
        encodings = serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()
        self.private = Secret(key.private_bytes(*encodings).decode())
        public = key.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
        self.public = f"{public.decode()} test"
        digest = hashlib.sha256(base64.b64decode(public.split()[1])).digest()
        self.fingerprint = "SHA256:" + base64.b64encode(digest).decode().rstrip("=")

    def write(self, path: Path) -> Path:
        """Store the private half at ``path``, readable by its owner alone."""
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(self.private.reveal())
        return path


class Sshd:
    """One server on 127.0.0.1. It may be stopped, killed and started again on the same port.

    Attributes:
        port: TCP port, the same for life.
        user: The only login name: whoever runs the tests.
        host_keys: The server's keys by kind: ``ed25519``, ``ecdsa`` or ``rsa``.
        log: What the server said.
    """

    def __init__(self, folder: Path, *, host_keys: Sequence[str] = ("ed25519",), options: Sequence[str] = ()) -> None:
        assert Path(SSHD).exists(), f"{SSHD} is missing: install the Debian package openssh-server"
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.port = free_port()
        self.user = USER
        self.log = folder / "sshd.log"
        self.authorized_keys = folder / "authorized_keys"
        self.authorized_keys.touch(0o600)
        self.host_keys = {kind: KeyPair(kind) for kind in host_keys}
        self._options = options
        self._process: subprocess.Popen[bytes] | None = None
        for kind, key in self.host_keys.items():
            key.write(folder / f"host_{kind}")

    @property
    def fingerprint(self) -> str:
        """Fingerprint of the first host key."""
        return next(iter(self.host_keys.values())).fingerprint

    def authorize(self, key: KeyPair) -> KeyPair:
        """Let this key log in."""
        with self.authorized_keys.open("a") as file:
            file.write(f"{key.public}\n")
        return key

    def start(self) -> Sshd:
        """Start it and wait until it accepts connections."""
        if os.geteuid() == 0:
            # Where the server's unprivileged half is confined; Debian's service unit makes it, we have no service.
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
        config = self.folder / "sshd_config"
        config.write_text("\n".join(self._configuration()) + "\n")
        self._process = subprocess.Popen(
            [SSHD, "-D", "-f", str(config), "-E", str(self.log)], stdin=subprocess.DEVNULL, start_new_session=True
        )
        wait_until(self._is_listening, f"sshd on port {self.port}; it said: {self._said()}")
        return self

    def stop(self) -> None:
        """End the server and every session of it, at once, as a power cut would."""
        if self._process is None:
            return
        family = [*psutil.Process(self._process.pid).children(recursive=True), psutil.Process(self._process.pid)]
        for process in family:
            # One that serves a connection may end by itself at any time.
            with contextlib.suppress(psutil.NoSuchProcess):
                if process.name().startswith("sshd"):
                    process.kill()
        self._process.wait()
        wait_until(lambda: not any(map(_is_alive, family)), "sshd to end")
        self._process = None

    def sessions(self) -> list[psutil.Process]:
        """The processes that serve connections; shells and commands are not among them."""
        every = psutil.Process(self.pid).children(recursive=True)
        return [process for process in every if _is_alive(process)]

    def end_sessions(self) -> None:
        """Kill the processes that serve connections; the server itself goes on."""
        for process in self.sessions():
            # One may end by itself at any time.
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()

    @property
    def pid(self) -> int:
        """The listening process."""
        assert self._process is not None
        return self._process.pid

    def _is_listening(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, f"sshd did not start: {self._said()}"
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def _said(self) -> str:
        return self.log.read_text() if self.log.exists() else ""

    def _configuration(self) -> list[str]:
        return [
            f"Port {self.port}",
            "ListenAddress 127.0.0.1",
            *(f"HostKey {self.folder / f'host_{kind}'}" for kind in self.host_keys),
            f"AuthorizedKeysFile {self.authorized_keys}",
            f"PidFile {self.folder / 'sshd.pid'}",
            "PasswordAuthentication no",
            "KbdInteractiveAuthentication no",
            "PermitRootLogin yes",
            "StrictModes no",
            "UsePAM no",
            "PrintMotd no",
            *self._options,
        ]


@contextmanager
def running(folder: Path, *, host_keys: Sequence[str] = ("ed25519",), options: Sequence[str] = ()) -> Iterator[Sshd]:
    """A started :class:`Sshd`, ended afterwards with all its sessions."""
    server = Sshd(folder, host_keys=host_keys, options=options)
    try:
        yield server.start()
    finally:
        server.stop()


def _is_alive(process: psutil.Process) -> bool:
    # Who has lost its parent waits as a zombie for as long as the system's first process likes.
    try:
        return bool(process.name().startswith("sshd") and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def wait_until(condition: object, what: str, timeout_s: float = 60.0) -> None:
    """Return as soon as the callable ``condition`` is true; fail naming ``what`` after ``timeout_s`` seconds."""
    assert callable(condition)
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, f"waited {timeout_s:.0f} s for {what}"
        time.sleep(0.01)


def ssh_program() -> str:
    """The OpenSSH client."""
    path = shutil.which("ssh")
    assert path, "ssh is missing: install the Debian package openssh-client"
    return path
