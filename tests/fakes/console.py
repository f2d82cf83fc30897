"""What a cloud's machine prints on its serial console at its first boot, as cloud-init does."""

from __future__ import annotations

from tests.fakes.sshd import KeyPair


def listed(*keys: KeyPair) -> str:
    """The list of its host keys alone."""
    lines = "".join(f"{key.public}\n" for key in keys)
    return f"-----BEGIN SSH HOST KEY KEYS-----\n{lines}-----END SSH HOST KEY KEYS-----\n"


def console(*keys: KeyPair) -> str:
    """A first boot: the kernel, the fingerprints by way of the log, the keys, and what follows."""
    log = "<14>Nov 23 04:00:00 cloud-init: "
    prints = "".join(f"{log}256 {key.fingerprint} root@web-1\n" for key in keys)
    return (
        "[    0.000000] Linux version 6.1.0-18-cloud-amd64\r\n"
        f"{log}{'#' * 61}\n{log}-----BEGIN SSH HOST KEY FINGERPRINTS-----\n{prints}"
        f"{log}-----END SSH HOST KEY FINGERPRINTS-----\n{log}{'#' * 61}\n"
        + listed(*keys).replace("\n", "\r\n")
        + "[   22.594123] cloud-init[660]: Cloud-init v. 24.1 finished at Mon, 23 Nov 2026 04:00:01 +0000.\n"
        "\nDebian GNU/Linux 12 web-1 ttyS0\n\nweb-1 login: "
    )
