"""One 32-byte key in the operating system's keyring, and never in a substitute for it (trust.md T07).

The functions block, without limit while the system asks the user to unlock the keyring: call them on a thread and
stop waiting there after a time-out.
"""

from __future__ import annotations

import base64
import binascii
import sys

from keyring import core
from keyring.backend import KeyringBackend
from keyring.backends.chainer import ChainerBackend
from keyring.errors import InitError, KeyringError, KeyringLocked, PasswordDeleteError

from machina_desktop.core.errors import Locked, MachinaError, Unavailable

# The back ends of other systems take 60 ms to import, only to find that they are of no use here.
if sys.platform == "darwin":
    from keyring.backends.macOS import Keyring as SystemKeyring
elif sys.platform == "win32":
    from keyring.backends.Windows import WinVaultKeyring as SystemKeyring
else:
    from keyring.backends.SecretService import Keyring as SystemKeyring

SERVICE = "Machina Desktop"

_KEY_BYTES = 32
# A chain may hold these too: they are keyrings of the system, only not the ones we use.
_SYSTEM_BACKENDS = frozenset({"keyring.backends.kwallet", "keyring.backends.libsecret"})

# What the back ends let through untranslated when their service refuses or dies in the middle of a call.
_SERVICE_ERRORS: tuple[type[Exception], ...] = (KeyringError, RuntimeError, OSError, EOFError)
_LOCKED_ERRORS: tuple[type[Exception], ...] = (KeyringLocked,)
if sys.platform == "linux":
    from jeepney import DBusErrorResponse  # type: ignore[import-untyped]
    from secretstorage.exceptions import LockedException, PromptDismissedException, SecretStorageException

    _SERVICE_ERRORS += (SecretStorageException, DBusErrorResponse)
    _LOCKED_ERRORS += (LockedException, PromptDismissedException)
elif sys.platform == "win32":
    from win32ctypes.pywin32.pywintypes import error as CredentialError  # noqa: N812 - the module's own name says nothing

    _SERVICE_ERRORS += (CredentialError,)

# A backend named in the user's configuration may not exist.
_CHOICE_ERRORS: tuple[type[Exception], ...] = (ImportError, AttributeError, ValueError, *_SERVICE_ERRORS)


def is_available() -> bool:
    """Whether this computer has a keyring that may be used; it may still be locked."""
    try:
        _backend()
    except MachinaError:
        return False
    return True


def read_key(account: str) -> bytearray | None:
    """The key stored under ``account``, ``None`` if there is none.

    Raises:
        Locked: E-KEYRING-LOCKED, the user did not unlock it.
        Unavailable: E-KEYRING-MISSING, no keyring here; E-KEYRING-DAMAGED, the entry is not one of ours.
    """
    try:
        text = _backend().get_password(SERVICE, account)
    except _SERVICE_ERRORS as error:
        raise _translated(error) from error
    if text is None:
        return None
    try:
        key = bytearray(base64.b64decode(text, validate=True))
    except (binascii.Error, ValueError) as error:
        raise _damaged() from error
    if len(key) != _KEY_BYTES:
        raise _damaged()
    return key


def store_key(account: str, key: bytearray) -> None:
    """Keep the 32 bytes of ``key`` under ``account``, in place of an earlier key, and read them back.

    Raises:
        Locked: E-KEYRING-LOCKED.
        Unavailable: E-KEYRING-MISSING; E-KEYRING-DAMAGED, the keyring did not keep what it was given.
    """
    try:
        _backend().set_password(SERVICE, account, base64.b64encode(key).decode())
    except _SERVICE_ERRORS as error:
        raise _translated(error) from error
    if read_key(account) != key:
        raise _damaged()


def delete_key(account: str) -> None:
    """Remove the key under ``account``; nothing happens if there is none.

    Raises:
        Locked: E-KEYRING-LOCKED.
        Unavailable: E-KEYRING-MISSING.
    """
    try:
        _backend().delete_password(SERVICE, account)
    except PasswordDeleteError:
        return
    except _SERVICE_ERRORS as error:
        raise _translated(error) from error


def _backend() -> KeyringBackend:
    # Chosen by us: discovery through entry points fails in frozen applications, and caches "none" for good.
    try:
        chosen = core.load_env() or core.load_config()
        if chosen is None:
            chosen = SystemKeyring()  # type: ignore[no-untyped-call, unused-ignore]
            chosen.priority  # noqa: B018 - reading it connects to the service, and fails where there is none
    except _CHOICE_ERRORS as error:
        raise _missing() from error
    return _checked(chosen)


def _checked(chosen: KeyringBackend) -> KeyringBackend:
    """``chosen`` if it is a keyring of the system; of a chain of such, the one we use.

    Raises:
        Unavailable: E-KEYRING-MISSING, it would keep the key in clear, elsewhere or not at all.
    """
    if type(chosen) is SystemKeyring:
        return chosen
    members = tuple(chosen.backends) if isinstance(chosen, ChainerBackend) else ()
    usable: list[KeyringBackend] = [member for member in members if type(member) is SystemKeyring]
    unknown = [member for member in members if member not in usable and type(member).__module__ not in _SYSTEM_BACKENDS]
    if not usable or unknown:
        raise _missing()
    return usable[0]


def _translated(error: Exception) -> MachinaError:
    # A collection that cannot be made is one whose first prompt was dismissed.
    if isinstance(error, (*_LOCKED_ERRORS, InitError)):
        return Locked(
            "The system's keyring is locked.",
            hint="Unlock it, or unlock the vault another way.",
            code="E-KEYRING-LOCKED",
        )
    return _missing()


def _missing() -> Unavailable:
    return Unavailable(
        "There is no system keyring that Machina Desktop may use.",
        hint="Choose a passphrase instead, or start the keyring service (Debian package gnome-keyring).",
        code="E-KEYRING-MISSING",
    )


def _damaged() -> Unavailable:
    return Unavailable(
        "The key in the system's keyring cannot be read.",
        hint="Unlock the vault another way and set the keyring up again.",
        code="E-KEYRING-DAMAGED",
    )
