"""The keyring slot works on a real keyring, and nothing takes the keyring's place where there is none."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import cast

import pytest
from keyring.backend import KeyringBackend
from keyring.backends import SecretService, chainer, fail, kwallet, null

from machina_desktop.core.errors import Unavailable
from machina_desktop.core.vault import keychain

PROGRAMS = {"dbus-run-session": "dbus", "gnome-keyring-daemon": "gnome-keyring"}

PRELUDE = """
import secretstorage, sys
from contextlib import closing
from pathlib import Path
from machina_desktop.core.errors import MachinaError
from machina_desktop.core.vault import keychain
from machina_desktop.core.vault.vault import Vault

folder = Path(sys.argv[1])
vault = Vault(folder / "vault.json", folder / ".data" / ".encryption_key")

def code_of(work, *arguments):
    try:
        work(*arguments)
    except MachinaError as error:
        return error.code

def the_items():
    bus = secretstorage.dbus_init()
    return list(secretstorage.get_default_collection(bus).get_all_items())
"""


class PlaintextKeyring(KeyringBackend):
    """Stands for keyrings.alt: it would keep the key in a readable file."""

    priority = 9.0

    def get_password(self, service: str, username: str) -> str | None:
        raise AssertionError("asked for a key")

    def set_password(self, service: str, username: str, password: str) -> None:
        raise AssertionError("given a key")


def bare_environment(folder: Path, **more: str) -> dict[str, str]:
    runtime = folder / "runtime"
    runtime.mkdir(mode=0o700)
    root = str(Path(__file__).parents[2])
    kept = {"PATH": os.environ["PATH"], "HOME": str(folder), "XDG_RUNTIME_DIR": str(runtime), "PYTHONPATH": root}
    return kept | more


def printed_by(command: list[str], environment: dict[str, str]) -> list[str]:
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def on_a_real_keyring(folder: Path, script: str) -> list[str]:
    """Lines that ``script`` prints in a D-Bus session of its own, where gnome-keyring is unlocked."""
    for program, package in PROGRAMS.items():
        assert shutil.which(program), f"{program} is missing: install the Debian package {package}"
    path = folder / "script.py"
    path.write_text(PRELUDE + textwrap.dedent(script))
    inside = 'printf login | gnome-keyring-daemon --unlock --components=secrets >&2 && exec "$0" "$@"'
    command = ["dbus-run-session", "--", "sh", "-c", inside, sys.executable, str(path), str(folder)]
    return printed_by(command, bare_environment(folder))


def without_a_bus(folder: Path, script: str, **environment: str) -> list[str]:
    path = folder / "script.py"
    path.write_text(PRELUDE + textwrap.dedent(script))
    nowhere = f"unix:path={folder}/no-bus"
    return printed_by(
        [sys.executable, str(path), str(folder)],
        bare_environment(folder, DBUS_SESSION_BUS_ADDRESS=nowhere, **environment),
    )


def test_a_vault_opens_with_the_key_in_the_real_keyring(tmp_path: Path) -> None:
    lines = on_a_real_keyring(
        tmp_path,
        """
        print(keychain.is_available())
        vault.create("keyring")
        envelope = vault.seal("t", "a", "r", "f", 1, b"canary")
        print(len(the_items()), the_items()[0].get_attributes()["service"])
        again = Vault(folder / "vault.json", folder / "no-key-file")
        again.unlock("keyring")
        print(again.open_bytes("t", "a", "r", "f", 1, envelope))
        print(the_items()[0].get_secret().decode() in (folder / "vault.json").read_text())
        """,
    )
    assert lines == ["True", "1 Machina Desktop", "b'canary'", "False"]


def test_a_locked_keyring_is_told_from_a_missing_one(tmp_path: Path) -> None:
    lines = on_a_real_keyring(
        tmp_path,
        """
        vault.create("keyring")
        vault.lock()
        with closing(secretstorage.dbus_init()) as bus:
            secretstorage.get_default_collection(bus).lock()
        before = (folder / "vault.json").read_bytes()
        print(keychain.is_available(), code_of(vault.unlock, "keyring"), vault.is_open)
        print((folder / "vault.json").read_bytes() == before)
        """,
    )
    assert lines == ["True E-KEYRING-LOCKED False", "True"]


def test_a_deleted_or_foreign_entry_changes_nothing(tmp_path: Path) -> None:
    lines = on_a_real_keyring(
        tmp_path,
        """
        vault.create("keyring")
        before = (folder / "vault.json").read_bytes()
        for secret in (b"AAAA", b"not base64", b"A" * 43 + b"="):
            the_items()[0].set_secret(secret)
            print(code_of(vault.unlock, "keyring"))
        the_items()[0].delete()
        print(code_of(vault.unlock, "keyring"))
        print((folder / "vault.json").read_bytes() == before)
        """,
    )
    assert lines == ["E-KEYRING-DAMAGED", "E-KEYRING-DAMAGED", "E-VAULT-KEY-MISMATCH", "E-VAULT-KEY-MISSING", "True"]


def test_a_damaged_copy_that_names_another_entry_does_not_hide_the_good_copy(tmp_path: Path) -> None:
    lines = on_a_real_keyring(
        tmp_path,
        """
        vault.create("keyring")
        path = folder / "vault.json"
        good = path.read_bytes()
        path.write_bytes(good.replace(b"slot-0", b"slot-1").replace(b'"generation":1', b'"generation":2'))
        vault.unlock("keyring")
        print(path.read_bytes() == good)
        """,
    )
    assert lines == ["True"]


def test_a_removed_slot_takes_its_entry_out_of_the_keyring(tmp_path: Path) -> None:
    lines = on_a_real_keyring(
        tmp_path,
        """
        vault.create("keyring")
        vault.add_slot("key-file")
        vault.remove_slot("keyring")
        print(len(the_items()), *vault.slots())
        keychain.delete_key("no such entry")
        vault.lock()
        vault.unlock("key-file")
        """,
    )
    assert lines == ["0 key-file"]


def test_without_a_bus_nothing_is_written_and_a_passphrase_still_works(tmp_path: Path) -> None:
    lines = without_a_bus(
        tmp_path,
        """
        from machina_desktop.core.secret import Secret
        print(keychain.is_available(), code_of(vault.create, "keyring"), vault.exists)
        vault.create("passphrase", Secret("correct horse"))
        print(code_of(vault.add_slot, "keyring"), *vault.slots())
        """,
    )
    assert lines == ["False E-KEYRING-MISSING False", "E-KEYRING-MISSING passphrase"]


@pytest.mark.parametrize(
    "backend",
    [
        "keyring.backends.null.Keyring",
        "keyring.backends.fail.Keyring",
        "no.such.Backend",
        "keyring.backends.null.Nope",
        "x",
    ],
)
def test_a_backend_chosen_in_the_environment_is_not_trusted_blindly(tmp_path: Path, backend: str) -> None:
    lines = without_a_bus(
        tmp_path, "print(keychain.is_available(), code_of(vault.create, 'keyring'))", PYTHON_KEYRING_BACKEND=backend
    )
    assert lines == ["False E-KEYRING-MISSING"]


def made(kind: Callable[[], KeyringBackend]) -> KeyringBackend:
    return kind()


def chain_of(*members: KeyringBackend) -> KeyringBackend:
    chain = type("Chain", (chainer.ChainerBackend,), {"backends": members})
    return cast(KeyringBackend, chain())


@pytest.mark.parametrize(
    "refused", [made(fail.Keyring), made(null.Keyring), made(PlaintextKeyring), made(kwallet.DBusKeyring)]
)
def test_what_is_not_on_the_list_is_refused(refused: KeyringBackend) -> None:
    with pytest.raises(Unavailable) as caught:
        keychain._checked(refused)
    assert caught.value.code == "E-KEYRING-MISSING"


def test_a_chain_is_used_only_if_all_its_members_are_keyrings_of_the_system() -> None:
    usable, kde = made(SecretService.Keyring), made(kwallet.DBusKeyring)
    assert keychain._checked(chain_of(kde, usable)) is usable
    for members in ((), (kde,), (usable, made(PlaintextKeyring)), (made(null.Keyring), usable)):
        with pytest.raises(Unavailable):
            keychain._checked(chain_of(*members))
