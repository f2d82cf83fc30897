"""Key pairs are what OpenSSH's own tools make and accept, and bad input ends in one kind of error."""

from __future__ import annotations

import base64
import contextlib
import shutil
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import dsa, ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from machina_desktop.core.domain.key import SSHKeyType
from machina_desktop.core.errors import InvalidInput
from machina_desktop.core.secret import Secret
from machina_desktop.core.ssh import keys

KINDS = [
    (SSHKeyType.ED25519, 256),
    (SSHKeyType.RSA, 3072),
    (SSHKeyType.ECDSA, 256),
    (SSHKeyType.ECDSA, 384),
    (SSHKeyType.ECDSA, 521),
]


def ssh_keygen(*arguments: str, stdin: str = "") -> str:
    program = shutil.which("ssh-keygen")
    assert program, "ssh-keygen is missing: install the Debian package openssh-client"
    done = subprocess.run([program, *arguments], input=stdin, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


def made_by_ssh_keygen(folder: Path, *arguments: str, passphrase: str = "") -> Path:
    path = folder / "key"
    ssh_keygen("-q", "-f", str(path), "-N", passphrase, "-C", "someone@somewhere", *arguments)
    return path


def reason_of_private(text: str, passphrase: str = "") -> InvalidInput:
    with pytest.raises(InvalidInput) as caught:
        keys.parse_private(Secret(text), Secret(passphrase))
    return caught.value


def reason_of_public(line: str) -> InvalidInput:
    with pytest.raises(InvalidInput) as caught:
        keys.parse_public(line)
    assert caught.value.field == "public_key"
    return caught.value


@pytest.mark.parametrize(("key_type", "bits"), KINDS)
def test_ssh_keygen_reads_a_generated_key_and_prints_the_same_fingerprint(
    tmp_path: Path, key_type: SSHKeyType, bits: int
) -> None:
    pair = keys.generate(key_type, bits, "my key")
    path = tmp_path / "key"
    path.touch(mode=0o600)
    path.write_text(pair.private.reveal())
    assert ssh_keygen("-y", "-f", str(path)).split()[:2] == pair.public_line.split()[:2]
    path.with_suffix(".pub").write_text(pair.public_line)
    printed_bits, fingerprint, *comment = ssh_keygen("-l", "-f", str(path.with_suffix(".pub"))).split()
    assert (int(printed_bits), fingerprint, comment[:2]) == (bits, pair.fingerprint, ["my", "key"])


@pytest.mark.parametrize("arguments", [["-t", "ed25519"], ["-t", "rsa", "-b", "2048"], ["-t", "ecdsa", "-b", "384"]])
@pytest.mark.parametrize("form", [[], ["-m", "PEM"], ["-m", "PKCS8"]])
def test_keys_of_ssh_keygen_are_read_in_each_of_its_forms(
    tmp_path: Path, arguments: list[str], form: list[str]
) -> None:
    path = made_by_ssh_keygen(tmp_path, *arguments, *form)
    pair = keys.parse_private(Secret(path.read_text()), comment="someone@somewhere")
    assert pair.public_line == path.with_suffix(".pub").read_text().strip()
    again = keys.parse_private(pair.private, comment="someone@somewhere")
    assert again.public_line == pair.public_line


@pytest.mark.parametrize("form", [[], ["-m", "PEM"], ["-m", "PKCS8"]])
def test_an_encrypted_key_needs_its_passphrase_and_is_kept_without(tmp_path: Path, form: list[str]) -> None:
    path = made_by_ssh_keygen(tmp_path, "-t", "rsa", "-b", "2048", *form, passphrase="correct horse")
    text = path.read_text()
    assert reason_of_private(text).field == "passphrase"
    wrong = reason_of_private(text, "battery staple")
    assert (wrong.field, wrong.message) == ("passphrase", "This passphrase does not open the key.")
    pair = keys.parse_private(Secret(text), Secret("correct horse"))
    assert keys.parse_private(pair.private).fingerprint == pair.fingerprint


def test_a_needless_passphrase_does_no_harm() -> None:
    pair = keys.generate(SSHKeyType.ED25519)
    assert keys.parse_private(pair.private, Secret("not needed")).fingerprint == pair.fingerprint


def test_windows_line_ends_and_missing_last_newline_are_accepted() -> None:
    pair = keys.generate(SSHKeyType.ED25519)
    text = "\r\n  " + pair.private.reveal().strip().replace("\n", "\r\n")
    assert keys.parse_private(Secret(text)).fingerprint == pair.fingerprint


def test_a_public_line_keeps_its_comment_and_tells_type_and_length() -> None:
    pair = keys.generate(SSHKeyType.ECDSA, 521, "ops  team")
    public = keys.parse_public(f"  {pair.public_line}\n")
    assert (public.public_line.split()[2:], public.key_type, public.bits) == (["ops", "team"], SSHKeyType.ECDSA, 521)
    assert public.fingerprint == pair.fingerprint


def test_options_are_cut_off_for_export_and_refused_at_import() -> None:
    line = keys.generate(SSHKeyType.ED25519, comment="c").public_line
    optioned = f'from="10.0.0.1",command="echo \\"a b\\" ssh-rsa" {line}'
    assert keys.public_line_without_options(optioned) == line
    assert keys.public_line_without_options(line) == line
    assert keys.fingerprint_of(optioned) == keys.fingerprint_of(line)
    assert "options" in reason_of_public(optioned).message


@pytest.mark.parametrize(
    ("line", "word"),
    [
        ("", "not a public"),
        ("ssh-ed25519", "not a public"),
        ("ssh-ed25519 AAAA", "not a public"),
        ("ssh-dss AAAAB3NzaC1kc3MAAACB", "DSA"),
        ("ssh-ed25519-cert-v01@openssh.com AAAA", "certificate"),
        ("sk-ssh-ed25519@openssh.com AAAA", "security key"),
        ("-----BEGIN OPENSSH PRIVATE KEY-----", "private key"),
        ("a\nb", "one line"),
        ("x" * (keys.SIZE_LIMIT + 1), "too long"),
    ],
)
def test_what_is_no_public_key_is_named(line: str, word: str) -> None:
    assert word in reason_of_public(line).message


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("", "not a private"),
        ("hello", "not a private"),
        ("schlüssel", "not a private"),
        ("PuTTY-User-Key-File-3: ssh-ed25519\nEncryption: none\n", "PuTTY"),
        ("-----BEGIN DSA PRIVATE KEY-----\nAAAA\n-----END DSA PRIVATE KEY-----", "DSA"),
        ("ssh-ed25519 AAAA", "public key"),
        ("ssh-rsa-cert-v01@openssh.com AAAA", "certificate"),
        ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----", "certificate"),
        ("-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----", "damaged"),
        ("x" * (keys.SIZE_LIMIT + 1), "too long"),
    ],
)
def test_what_is_no_private_key_is_named(text: str, word: str) -> None:
    reason = reason_of_private(text)
    assert (word in reason.message, reason.field) == (True, "private_key")


def test_a_dsa_key_in_a_neutral_wrapping_is_refused() -> None:
    pem = dsa.generate_private_key(2048).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    assert "not supported" in reason_of_private(pem.decode()).message


def test_a_short_rsa_key_and_a_foreign_curve_are_refused() -> None:
    short = rsa.generate_private_key(65537, 1024).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    assert reason_of_private(short.decode()).code == "E-KEY-LENGTH"
    foreign = ec.generate_private_key(ec.SECP256K1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    assert reason_of_private(foreign.decode()).code == "E-KEY-CURVE"


def test_a_key_whose_decryption_would_take_hours_is_refused_at_once(tmp_path: Path) -> None:
    lines = made_by_ssh_keygen(tmp_path, "-t", "ed25519", passphrase="correct horse").read_text().splitlines()
    body = bytearray(base64.b64decode("".join(lines[1:-1])))
    rounds_at = body.index(b"bcrypt") + len(b"bcrypt") + 4 + 4 + 16
    body[rounds_at : rounds_at + 4] = (1 << 30).to_bytes(4, "big")
    text = "\n".join([lines[0], base64.b64encode(body).decode(), lines[-1]])
    assert "too long" in reason_of_private(text, "correct horse").message


def test_a_pkcs8_key_with_a_billion_iterations_is_refused_at_once() -> None:
    iterations = b"\x02\x04" + (1 << 30).to_bytes(4, "big")
    body = b"\x30" + bytes([len(iterations)]) + iterations
    nested = b"\x30\x82" + len(body).to_bytes(2, "big") + body
    label = "ENCRYPTED PRIVATE KEY"
    text = f"-----BEGIN {label}-----\n{base64.b64encode(nested).decode()}\n-----END {label}-----"
    assert "too long" in reason_of_private(text, "correct horse").message


@pytest.mark.parametrize(
    ("key_type", "bits"), [(SSHKeyType.ED25519, 512), (SSHKeyType.RSA, 1024), (SSHKeyType.ECDSA, 255)]
)
def test_lengths_that_do_not_exist_are_refused(key_type: SSHKeyType, bits: int) -> None:
    with pytest.raises(InvalidInput) as caught:
        keys.generate(key_type, bits)
    assert caught.value.field == "bits"


def test_a_comment_cannot_smuggle_in_a_second_line() -> None:
    with pytest.raises(InvalidInput) as caught:
        keys.generate(SSHKeyType.ED25519, comment="me\nssh-rsa AAAA")
    assert caught.value.field == "comment"


def test_a_pair_does_not_show_its_private_half() -> None:
    pair = keys.generate(SSHKeyType.ED25519)
    assert "PRIVATE KEY" not in repr(pair)


def only_invalid_input(text: str) -> None:
    """Every reader takes ``text`` or refuses it in the one agreed way."""
    for read in (
        keys.parse_public,
        keys.fingerprint_of,
        keys.public_line_without_options,
        lambda private: keys.parse_private(Secret(private)),
        lambda private: keys.parse_private(Secret(private), Secret("x")),
    ):
        with contextlib.suppress(InvalidInput):
            read(text)


@given(st.binary(max_size=300))
@settings(max_examples=150, deadline=None)
def test_random_bytes_end_in_invalid_input(data: bytes) -> None:
    encoded = base64.b64encode(data).decode()
    only_invalid_input(data.decode("latin-1"))
    only_invalid_input(f"ssh-ed25519 {encoded}")
    for label in ("OPENSSH PRIVATE KEY", "PRIVATE KEY", "ENCRYPTED PRIVATE KEY", "RSA PRIVATE KEY"):
        only_invalid_input(f"-----BEGIN {label}-----\n{encoded}\n-----END {label}-----")


PAIR = keys.generate(SSHKeyType.ED25519, comment="victim")


@given(st.data())
@settings(max_examples=200, deadline=None)
def test_a_key_with_changed_bytes_ends_in_invalid_input(data: st.DataObject) -> None:
    lines = PAIR.private.reveal().splitlines()
    body = bytearray(base64.b64decode("".join(lines[1:-1])))
    for _ in range(data.draw(st.integers(1, 4))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    body = body[: data.draw(st.integers(0, len(body)))]
    only_invalid_input("\n".join([lines[0], base64.b64encode(body).decode(), lines[-1]]))
    blob = bytearray(base64.b64decode(PAIR.public_line.split()[1]))
    blob[data.draw(st.integers(0, len(blob) - 1))] = data.draw(st.integers(0, 255))
    only_invalid_input(f"ssh-ed25519 {base64.b64encode(blob).decode()}")
