"""Envelopes open at their place and nowhere else, changed in no bit."""

from __future__ import annotations

import base64
import json
import os
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from machina_desktop.core.errors import Unavailable
from machina_desktop.core.secret import Secret
from machina_desktop.core.vault import cipher
from machina_desktop.core.vault.cipher import Argon2Cost, Place, TeamKey

DATA = Path(__file__).parents[1] / "data" / "vault"
PLACE = Place(
    vault_id="vault-1", team_id="team-1", table="provider_account", record_id="acc-1", field="token", secret_version=1
)
KEY = TeamKey(tdk_id=os.urandom(16), version=1, key=cipher.new_key())


def assert_tampered(envelope: bytes, place: Place = PLACE, key: TeamKey = KEY) -> None:
    with pytest.raises(Unavailable) as caught:
        cipher.open_(envelope, place, key)
    assert caught.value.code == "E-VAULT-TAMPERED"


@given(st.binary(max_size=6000))
@settings(max_examples=100, deadline=None)
def test_what_was_sealed_opens_unchanged(plaintext: bytes) -> None:
    assert cipher.open_(cipher.seal(plaintext, PLACE, KEY), PLACE, KEY) == plaintext


@pytest.mark.parametrize("plaintext", [b"", b"\x00" * 64, b"\x80", b"\x80\x00", b"x" * 5000 + b"\x00" * 9])
def test_trailing_zeros_and_markers_survive_the_padding(plaintext: bytes) -> None:
    assert cipher.open_(cipher.seal(plaintext, PLACE, KEY), PLACE, KEY) == plaintext


def test_an_envelope_has_113_bytes_of_its_own_and_hides_the_length_of_short_texts() -> None:
    assert {len(cipher.seal(b"x" * length, PLACE, KEY)) for length in range(64)} == {113 + 64}
    assert len(cipher.seal(b"x" * 64, PLACE, KEY)) == 113 + 128
    assert len(cipher.seal(b"x" * 5000, PLACE, KEY)) == 113 + 5000 + 1


def test_the_same_text_never_gives_the_same_envelope() -> None:
    envelopes = [cipher.seal(b"same", PLACE, KEY) for _ in range(50)]
    assert len({envelope[25:37] for envelope in envelopes}) == len({envelope[85:97] for envelope in envelopes}) == 50
    assert len({envelope[97:] for envelope in envelopes}) == 50


def test_each_flipped_bit_is_noticed() -> None:
    envelope = cipher.seal(b"canary", PLACE, KEY)
    for position in range(len(envelope) * 8):
        changed = bytearray(envelope)
        changed[position // 8] ^= 1 << position % 8
        assert_tampered(bytes(changed))


def test_each_shortened_or_lengthened_envelope_is_noticed() -> None:
    envelope = cipher.seal(b"canary", PLACE, KEY)
    for length in range(len(envelope)):
        assert_tampered(envelope[:length])
    assert_tampered(envelope + b"\0")


@pytest.mark.parametrize(
    "elsewhere",
    [
        replace(PLACE, vault_id="vault-2"),
        replace(PLACE, team_id="team-2"),
        replace(PLACE, table="ssh_key"),
        replace(PLACE, record_id="acc-2"),
        replace(PLACE, field="secret"),
        replace(PLACE, secret_version=2),
        replace(PLACE, table="provider_accountacc-1", record_id=""),
    ],
)
def test_an_envelope_does_not_open_elsewhere(elsewhere: Place) -> None:
    assert_tampered(cipher.seal(b"canary", PLACE, KEY), elsewhere)


def test_no_two_of_many_envelopes_can_be_swapped() -> None:
    places = [replace(PLACE, record_id=f"acc-{number}") for number in range(40)]
    envelopes = [cipher.seal(b"canary", place, KEY) for place in places]
    for place in places:
        for other, envelope in zip(places, envelopes, strict=True):
            if other != place:
                assert_tampered(envelope, place)


def test_a_content_key_cannot_be_moved_to_another_ciphertext() -> None:
    one, two = cipher.seal(b"one", PLACE, KEY), cipher.seal(b"two", PLACE, KEY)
    assert_tampered(one[:85] + two[85:])


def test_rotation_rewraps_the_content_key_and_leaves_the_ciphertext() -> None:
    envelope, newer = cipher.seal(b"canary", PLACE, KEY), replace(KEY, version=2, key=cipher.new_key())
    moved = cipher.rewrap(envelope, PLACE, KEY, newer)
    assert cipher.open_(moved, PLACE, newer) == b"canary"
    assert moved[85:] == envelope[85:]
    assert_tampered(moved)
    assert_tampered(envelope, key=newer)


def test_a_number_and_its_text_are_spelled_differently() -> None:
    assert cipher.tlv("ab", "c") != cipher.tlv("a", "bc")
    assert len({cipher.tlv(1), cipher.tlv("1"), cipher.tlv(b"1")}) == 3


def test_a_wrapped_key_opens_for_its_purpose_only() -> None:
    key, wrapping = cipher.new_key(), cipher.new_key()
    nonce, wrapped = cipher.wrap_key(key, wrapping, b"purpose")
    assert cipher.unwrap_key(wrapped, nonce, wrapping, b"purpose") == key
    for changed in ((wrapped, nonce, cipher.new_key(), b"purpose"), (wrapped[:-1], nonce, wrapping, b"purpose")):
        with pytest.raises(Unavailable):
            cipher.unwrap_key(*changed)
    with pytest.raises(Unavailable):
        cipher.unwrap_key(wrapped, nonce, wrapping, b"another purpose")


def test_a_passphrase_typed_on_another_system_gives_the_same_key() -> None:
    cost, salt = Argon2Cost(memory_kib=64, passes=1, lanes=1), bytes(16)
    composed, decomposed = Secret("pass phr\u00e4se"), Secret("pass phra\u0308se")
    assert cipher.derive_from_passphrase(composed, salt, cost) == cipher.derive_from_passphrase(decomposed, salt, cost)


def test_calibration_never_goes_below_the_floor() -> None:
    cost = cipher.calibrated_cost()
    assert cipher.FLOOR_COST.memory_kib <= cost.memory_kib <= 4 * cipher.FLOOR_COST.memory_kib
    assert (cost.passes, cost.lanes) == (3, 4)


def test_a_team_key_is_not_shown() -> None:
    assert KEY.key.hex() not in repr(KEY)
    assert "key=" not in repr(KEY)


def test_envelopes_of_format_1_open_for_ever() -> None:
    frozen = json.loads((DATA / "envelopes-v1.json").read_text())
    key = TeamKey(
        tdk_id=bytes.fromhex(frozen["tdk_id"]),
        version=frozen["tdk_version"],
        key=bytearray.fromhex(frozen["tdk"]),
    )
    for entry in frozen["envelopes"]:
        opened = cipher.open_(base64.b64decode(entry["envelope"]), Place(**entry["place"]), key)
        assert opened == base64.b64decode(entry["plaintext"])


def test_keys_derived_at_the_same_time_do_not_hold_each_other_up() -> None:
    salt, found = cipher.new_salt(), []

    def derive() -> None:
        found.append(bytes(cipher.derive_from_passphrase(Secret("four random words"), salt, cipher.FLOOR_COST)))

    threads = [threading.Thread(target=derive, daemon=True) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert len(found) == 3
    assert len(set(found)) == 1
