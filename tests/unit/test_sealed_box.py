"""What is sealed to a runner's public key opens with the private one, at its place, changed in no bit."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from hypothesis import given, settings
from hypothesis import strategies as st

from machina_desktop.core.domain.custody import RunnerKey, fingerprint_of, is_box, recipient_of
from machina_desktop.core.errors import InvalidInput, MachinaError, Unavailable
from machina_desktop.core.ids import now
from machina_desktop.core.secret import Secret
from machina_desktop.core.vault import cipher, sealed_box
from machina_desktop.core.vault.runner_vault import RunnerVault, public_half
from machina_desktop.core.vault.sealed_box import Recipient

VECTORS = Path(__file__).parents[1] / "data" / "vault" / "sealed-boxes-v1.json"
PRIVATE = bytes(range(1, 33))
VAULT = RunnerVault(PRIVATE)
PLACE = ("team-1", "provider_account", "acc-1", "token", 1)
OVERHEAD = 4 + 1 + 16 + 32 + 16

# RFC 7748 tells to look for zero; these are the points that give it, with their spellings above the prime.
SMALL_ORDER = [
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
    "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
]


def sealed(text: bytes = b"canary", place: tuple[str, str, str, str, int] = PLACE) -> bytes:
    return VAULT.seal(*place, text)


def assert_refused(envelope: bytes, place: tuple[str, str, str, str, int] = PLACE, vault: RunnerVault = VAULT) -> None:
    with pytest.raises(Unavailable) as caught:
        vault.open_bytes(*place, envelope)
    assert caught.value.code in {"E-VAULT-TAMPERED", "E-RUNNER-KEY-UNKNOWN", "E-NOT-FOR-RUNNERS"}


@given(st.binary(max_size=6000))
@settings(max_examples=60)
def test_what_was_sealed_opens_unchanged(plaintext: bytes) -> None:
    assert VAULT.open_bytes(*PLACE, sealed(plaintext)) == plaintext


def test_whoever_has_the_public_key_only_can_seal_but_not_open() -> None:
    recipient = Recipient.of_text(sealed_box.encoded(public_half(PRIVATE)))
    assert VAULT.open_(*PLACE, recipient.seal(*PLACE, Secret("canary"))) == Secret("canary")
    assert not hasattr(recipient, "open_")


def test_short_texts_hide_their_length() -> None:
    assert {len(sealed(b"x" * length)) for length in range(64)} == {OVERHEAD + 64}
    assert len(sealed(b"x" * 64)) == OVERHEAD + 128
    assert len(sealed(b"x" * 5000)) == OVERHEAD + 5001


def test_the_same_text_never_gives_the_same_envelope() -> None:
    envelopes = [sealed() for _ in range(50)]
    assert len({envelope[21:53] for envelope in envelopes}) == len({envelope[53:] for envelope in envelopes}) == 50


def test_each_flipped_bit_is_noticed() -> None:
    envelope = sealed()
    for position in range(len(envelope) * 8):
        changed = bytearray(envelope)
        changed[position // 8] ^= 1 << position % 8
        assert_refused(bytes(changed))


def test_each_shortened_or_lengthened_envelope_is_noticed() -> None:
    envelope = sealed()
    for length in range(len(envelope)):
        assert_refused(envelope[:length])
    assert_refused(envelope + b"\0")


@pytest.mark.parametrize(
    "elsewhere",
    [
        ("team-2", *PLACE[1:]),
        ("team-1", "ssh_key", *PLACE[2:]),
        (*PLACE[:2], "acc-2", *PLACE[3:]),
        (*PLACE[:3], "secret", 1),
        (*PLACE[:4], 2),
        ("team-1", "provider_accountacc-1", "", "token", 1),
        ("team-1provider_account", "", "acc-1", "token", 1),
    ],
)
def test_an_envelope_does_not_open_elsewhere(elsewhere: tuple[str, str, str, str, int]) -> None:
    assert_refused(sealed(), elsewhere)


def test_no_two_of_many_envelopes_can_be_swapped() -> None:
    places = [(*PLACE[:2], f"acc-{number}", *PLACE[3:]) for number in range(20)]
    envelopes = [sealed(place=place) for place in places]
    for place in places:
        for other, envelope in zip(places, envelopes, strict=True):
            if other != place:
                assert_refused(envelope, place)


def test_an_ephemeral_key_cannot_be_moved_to_another_ciphertext() -> None:
    one, two = sealed(b"one"), sealed(b"two")
    assert_refused(one[:53] + two[53:])


def test_an_envelope_for_another_runner_is_told_from_a_changed_one() -> None:
    with pytest.raises(Unavailable) as caught:
        RunnerVault(bytes(32 * [7])).open_(*PLACE, sealed())
    assert caught.value.code == "E-RUNNER-KEY-UNKNOWN"


def test_an_envelope_named_as_ours_but_sealed_to_another_key_does_not_open() -> None:
    foreign = RunnerVault(bytes(32 * [7])).seal(*PLACE, b"canary")
    assert_refused(foreign[:5] + fingerprint_of(public_half(PRIVATE)) + foreign[21:])


def test_what_a_person_keeps_on_their_computer_is_not_for_runners() -> None:
    with pytest.raises(Unavailable) as caught:
        VAULT.open_(*PLACE, b"MVE1" + bytes(200))
    assert caught.value.code == "E-NOT-FOR-RUNNERS"


def test_after_a_rotation_the_former_key_opens_and_the_new_one_seals() -> None:
    rotated = RunnerVault(bytes(32 * [7]), former=(PRIVATE,))
    assert rotated.open_bytes(*PLACE, sealed()) == b"canary"
    assert recipient_of(rotated.seal(*PLACE, b"x")) == fingerprint_of(public_half(bytes(32 * [7])))


@pytest.mark.parametrize("point", SMALL_ORDER)
@pytest.mark.parametrize("top_bit", [0, 0x80])
def test_a_key_of_small_order_is_refused(point: str, top_bit: int) -> None:
    raw = bytearray.fromhex(point)
    raw[31] |= top_bit
    with pytest.raises(InvalidInput):
        Recipient.of_text(sealed_box.encoded(bytes(raw)))
    with pytest.raises(InvalidInput):
        Recipient(bytes(raw)).seal(*PLACE, b"canary")
    envelope = sealed()
    assert_refused(envelope[:21] + bytes(raw) + envelope[53:])


@pytest.mark.parametrize("text", ["", "short", "A" * 42, "A" * 44, "!" * 43, "é" * 43, "A" * 42 + "B"])
def test_what_is_no_key_is_refused(text: str) -> None:
    with pytest.raises(MachinaError):
        Recipient.of_text(text)


def test_a_broken_character_is_refused_without_being_quoted() -> None:
    with pytest.raises(InvalidInput) as caught:
        VAULT.seal(*PLACE, Secret("canary\ud800"))
    assert "canary" not in repr(caught.value.__cause__) + str(caught.value)


def test_a_registered_key_and_an_envelope_name_each_other() -> None:
    public = public_half(PRIVATE)
    key = RunnerKey(runner_key_id="runner-key-1", public_key=sealed_box.encoded(public), created_at=now())
    assert key.raw == public
    assert recipient_of(sealed()) == fingerprint_of(key.raw)
    assert is_box(sealed())
    assert not is_box(b"MVE1")
    assert not recipient_of(b"MVE1" + bytes(40))


def test_an_envelope_is_made_as_its_description_says() -> None:
    envelope = sealed(b"canary")
    private = X25519PrivateKey.from_private_bytes(PRIVATE)
    public, ephemeral = private.public_key().public_bytes_raw(), envelope[21:53]
    shared = private.exchange(X25519PublicKey.from_public_bytes(ephemeral))
    info = cipher.tlv("MSE1", 1, *PLACE, ephemeral, public)
    derived = HKDF(algorithm=SHA256(), length=44, salt=None, info=info).derive(shared)
    assert AESGCM(derived[:32]).decrypt(derived[32:], envelope[53:], info).rstrip(b"\0") == b"canary\x80"


def test_boxes_of_format_1_open_for_ever() -> None:
    frozen = json.loads(VECTORS.read_text())
    vault = RunnerVault(bytes.fromhex(frozen["private_key"]))
    assert sealed_box.encoded(vault.recipient.public_key) == frozen["public_key"]
    for box in frozen["boxes"]:
        place = (*box["place"][:4], int(box["place"][4]))
        plaintext, envelope = base64.b64decode(box["plaintext"]), base64.b64decode(box["envelope"])
        assert vault.open_bytes(*place, envelope) == plaintext
        once = X25519PrivateKey.from_private_bytes(bytes.fromhex(box["ephemeral_key"]))
        assert vault.recipient.seal_with(once, place, plaintext) == envelope


def test_a_single_use_key_depends_on_source_and_info() -> None:
    body = cipher.seal_once(b"canary", PRIVATE, b"info")
    assert cipher.open_once(body, PRIVATE, b"info") == b"canary"
    for source, info in ((bytes(32), b"info"), (PRIVATE, b"other")):
        with pytest.raises(Unavailable):
            cipher.open_once(body, source, info)
