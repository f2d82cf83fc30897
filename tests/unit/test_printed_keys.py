"""What a machine printed on its console is read strictly: the newest whole list, whole lines, real keys."""

from __future__ import annotations

import base64

import pytest

from machina_desktop.core.ssh.printed_keys import SIZE_LIMIT, keys_on_console
from tests.fakes.console import console, listed
from tests.fakes.sshd import KeyPair

ED, RSA, ECDSA = KeyPair(), KeyPair("rsa"), KeyPair("ecdsa")


def prints(text: str) -> list[str]:
    return [each.fingerprint for each in keys_on_console(text)]


def test_the_keys_of_a_first_boot_are_read_with_their_types() -> None:
    found = keys_on_console(console(ECDSA, ED, RSA))
    assert [each.fingerprint for each in found] == [ECDSA.fingerprint, ED.fingerprint, RSA.fingerprint]
    assert [(each.key_type, each.bits) for each in found] == [
        ("ecdsa-sha2-nistp256", 256),
        ("ssh-ed25519", 256),
        ("ssh-rsa", 2048),
    ]
    assert found[1].public_line == " ".join(ED.public.split()[:2])


def test_after_another_boot_the_last_list_counts() -> None:
    assert prints(console(ED) + console(RSA)) == [RSA.fingerprint]


def test_a_list_that_is_not_printed_to_its_end_tells_nothing_yet() -> None:
    begun = listed(RSA).rpartition("-----END")[0]
    assert prints(begun) == []
    assert prints(f"{console(ED)}\n{begun}") == []


def test_words_that_come_in_between_are_passed_over() -> None:
    lines = listed(ED, RSA).splitlines()
    lines.insert(2, "[   22.594123] IPv6: ADDRCONF(NETDEV_CHANGE): eth0: link becomes ready")
    assert prints("\r\n".join(lines)) == [ED.fingerprint, RSA.fingerprint]


@pytest.mark.parametrize(
    "front", ["<14>Nov 23 04:00:00 ec2: ", "[   20.1] cloud-init[99]: ", " ", "\t", "\x1b[0m", "\x0b"]
)
def test_what_came_by_way_of_the_log_is_no_list(front: str) -> None:
    """Everybody on a machine may write to its log, and logs put something in front of each line."""
    assert prints("".join(f"{front}{line}\n" for line in listed(ED).splitlines())) == []
    forged = "".join(f"{front}{line}\n" for line in listed(RSA).splitlines())
    assert prints(listed(ED) + forged) == [ED.fingerprint]


def test_two_keys_of_one_type_are_no_list() -> None:
    assert prints(listed(ED, KeyPair())) == []
    assert prints(listed(ED, ED)) == [ED.fingerprint]


def spoilt() -> dict[str, str]:
    kind, blob, *_ = ED.public.split()
    raw = base64.b64decode(blob)
    return {
        "no base64": f"{kind} {blob[:-4]}=x==",
        "cut short": f"{kind} {base64.b64encode(raw[:-1]).decode()}",
        "too long": f"{kind} {base64.b64encode(raw + b'x').decode()}",
        "another type in front": f"ssh-rsa {blob}",
        "an unknown type": f"ssh-dss {blob}",
        "options": f'command="x" {kind} {blob}',
        "a private key": "-----BEGIN OPENSSH PRIVATE KEY-----",
        "no key": kind,
        "endless": f"{kind} {'A' * 100_000}",
        "what no terminal should show": "\x1b]0;evil\x07\x00\ud800",
        "nothing": "",
    }


@pytest.mark.parametrize("name", spoilt())
def test_a_line_that_is_no_key_is_none(name: str) -> None:
    text = listed(ED, RSA).replace(" ".join(ED.public.split()), spoilt()[name])
    assert spoilt()[name] in text
    assert prints(text) == [RSA.fingerprint]


def test_a_list_of_hundreds_of_lines_is_none_of_host_keys() -> None:
    lines = listed(ED).splitlines()
    assert prints("\n".join([*lines[:-1], *["x"] * 100, lines[-1]])) == []


def test_only_the_newest_of_a_long_console_is_looked_at() -> None:
    assert prints(console(ED) + "x" * 100 + "\n" * (SIZE_LIMIT - 50)) == []
    assert prints("y" * SIZE_LIMIT + "\n" + console(ED)) == [ED.fingerprint]


@pytest.mark.parametrize("text", ["", "\n", "Linux version 2.6.16-xenU", "-----END SSH HOST KEY KEYS-----\n"])
def test_a_console_without_a_list_tells_nothing(text: str) -> None:
    assert prints(text) == []
