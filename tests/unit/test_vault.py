"""The vault opens with the right key only, survives kill -9, and never generates over what is there."""

from __future__ import annotations

import base64
import binascii
import ctypes
import json
import os
import resource
import shutil
import signal
import stat
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from machina_desktop.core.errors import Conflict, InvalidInput, Locked, MachinaError, Unavailable
from machina_desktop.core.secret import Secret
from machina_desktop.core.vault import header, key_file
from machina_desktop.core.vault.cipher import Argon2Cost
from machina_desktop.core.vault.hardening import harden_process
from machina_desktop.core.vault.vault import Vault

DATA = Path(__file__).parents[1] / "data" / "vault"
CHEAP = Argon2Cost(memory_kib=8, passes=1, lanes=1)
OLD, NEW, WRONG = Secret("correct horse"), Secret("battery staple"), Secret("tr0ub4dor&3")
PLACE = ("team-1", "provider_account", "acc-1", "token", 1)


def vault_in(folder: Path) -> Vault:
    return Vault(folder / "vault.json", folder / ".data" / ".encryption_key", cost=CHEAP)


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    made = vault_in(tmp_path)
    made.create("passphrase", OLD)
    return made


def code_of(work: Callable[[], object]) -> str:
    with pytest.raises(MachinaError) as caught:
        work()
    return caught.value.code


def files_of(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_a_secret_sealed_before_locking_opens_after_unlocking(vault: Vault) -> None:
    envelope = vault.seal(*PLACE, Secret("tøken"))
    vault.lock()
    assert not vault.is_open
    vault.unlock("passphrase", OLD)
    assert vault.open_(*PLACE, envelope) == Secret("tøken")


def test_broken_characters_are_refused_without_quoting_them(vault: Vault) -> None:
    with pytest.raises(InvalidInput) as caught:
        vault.seal(*PLACE, Secret("canary\ud800"))
    assert (caught.value.__suppress_context__, "canary" in str(caught.value)) == (True, False)
    assert code_of(lambda: vault.unlock("passphrase", Secret("canary\ud800"))) == "E-VAULT-PASSPHRASE"


def test_a_locked_vault_neither_seals_nor_opens_nor_changes(vault: Vault) -> None:
    envelope = vault.seal(*PLACE, b"\xff")
    vault.lock()
    for work in (
        lambda: vault.seal(*PLACE, b""),
        lambda: vault.open_bytes(*PLACE, envelope),
        lambda: vault.add_slot("key-file"),
        lambda: vault.remove_slot("passphrase"),
        lambda: vault.change_passphrase(OLD, NEW),
        lambda: vault.rotate_team_key("team-1"),
    ):
        with pytest.raises(Locked) as caught:
            work()
        assert caught.value.code == "E-VAULT-LOCKED"


def test_keys_are_overwritten_at_lock(vault: Vault) -> None:
    vault.seal(*PLACE, b"x")
    root = vault._root
    (team_key,) = vault._team_keys.values()
    assert root is not None
    assert any(root)
    vault.lock()
    assert not any(root)
    assert not any(team_key.key)


def test_a_second_vault_is_refused(vault: Vault, tmp_path: Path) -> None:
    before = files_of(tmp_path)
    assert code_of(lambda: vault_in(tmp_path).create("passphrase", NEW)) == "E-VAULT-EXISTS"
    (tmp_path / "vault.json").unlink()
    assert code_of(lambda: vault_in(tmp_path).create("key-file")) == "E-VAULT-EXISTS"
    assert before.items() >= files_of(tmp_path).items()


def test_no_vault_is_made_over_data_of_a_lost_one(tmp_path: Path) -> None:
    vault = vault_in(tmp_path)
    assert code_of(lambda: vault.create("key-file", has_sealed_data=True)) == "E-VAULT-HEADER-MISSING"
    assert not vault.exists
    assert not (tmp_path / ".data").exists()


def test_unlocking_where_there_is_no_vault_says_so(tmp_path: Path) -> None:
    assert vault_in(tmp_path).slots() == ()
    assert code_of(lambda: vault_in(tmp_path).unlock("passphrase", OLD)) == "E-VAULT-NO-SLOT"


def test_a_wrong_passphrase_always_gets_the_same_answer(vault: Vault) -> None:
    answers = set()
    for guess in (WRONG, None, Secret("x"), Secret("correct hors")):
        with pytest.raises(InvalidInput) as caught:
            vault.unlock("passphrase", guess)
        answers.add((caught.value.code, caught.value.field, str(caught.value)))
    assert answers == {("E-VAULT-PASSPHRASE", "passphrase", "This passphrase does not open the vault.")}


def test_after_five_wrong_passphrases_one_has_to_wait(vault: Vault) -> None:
    vault.lock()
    for _ in range(5):
        assert code_of(lambda: vault.unlock("passphrase", WRONG)) == "E-VAULT-PASSPHRASE"
    assert code_of(lambda: vault.unlock("passphrase", OLD)) == "E-VAULT-WAIT"


@pytest.mark.parametrize("passphrase", [None, Secret(""), Secret("1234567"), Secret("x" * 1025)])
def test_a_passphrase_has_8_to_1024_characters(tmp_path: Path, passphrase: Secret | None) -> None:
    vault = vault_in(tmp_path)
    assert code_of(lambda: vault.create("passphrase", passphrase)) == "E-VAULT-PASSPHRASE-LENGTH"
    assert not vault.exists


def test_an_unknown_way_to_unlock_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput):
        vault_in(tmp_path).create("fingerprint")


def test_each_slot_opens_the_same_secrets(vault: Vault) -> None:
    envelope = vault.seal(*PLACE, b"canary")
    vault.add_slot("key-file")
    assert set(vault.slots()) == {"passphrase", "key-file"}
    for slot, passphrase in (("key-file", None), ("passphrase", OLD)):
        vault.lock()
        vault.unlock(slot, passphrase)
        assert vault.open_bytes(*PLACE, envelope) == b"canary"


def test_a_slot_is_not_added_twice_and_the_last_one_stays(vault: Vault) -> None:
    assert code_of(lambda: vault.add_slot("passphrase", NEW)) == "E-VAULT-SLOT-EXISTS"
    assert code_of(lambda: vault.remove_slot("passphrase")) == "E-VAULT-LAST-SLOT"
    assert code_of(lambda: vault.remove_slot("key-file")) == "E-VAULT-NO-SLOT"


def test_a_removed_slot_opens_nothing_even_from_a_copy_that_lags_behind(vault: Vault, tmp_path: Path) -> None:
    lagging = (tmp_path / "vault.json").read_bytes()
    vault.add_slot("key-file")
    vault.remove_slot("passphrase")
    (tmp_path / "vault.json.copy").write_bytes(lagging)
    assert code_of(lambda: vault_in(tmp_path).unlock("passphrase", OLD)) == "E-VAULT-PASSPHRASE"


def test_a_changed_passphrase_replaces_the_old_one(vault: Vault) -> None:
    envelope = vault.seal(*PLACE, b"canary")
    assert code_of(lambda: vault.change_passphrase(WRONG, NEW)) == "E-VAULT-PASSPHRASE"
    vault.change_passphrase(OLD, NEW)
    vault.lock()
    assert code_of(lambda: vault.unlock("passphrase", OLD)) == "E-VAULT-PASSPHRASE"
    vault.unlock("passphrase", NEW)
    assert vault.open_bytes(*PLACE, envelope) == b"canary"


def test_teams_have_keys_of_their_own(vault: Vault) -> None:
    envelope = vault.seal(*PLACE, b"canary")
    vault.seal("team-2", *PLACE[1:], b"canary")
    assert len({bytes(key.key) for key in vault._team_keys.values()}) == 2
    assert code_of(lambda: vault.open_bytes("team-2", *PLACE[1:], envelope)) == "E-VAULT-TAMPERED"


def test_an_older_version_does_not_open_in_a_newer_row(vault: Vault) -> None:
    envelope = vault.seal(*PLACE, b"canary")
    assert code_of(lambda: vault.open_bytes(*PLACE[:4], 2, envelope)) == "E-VAULT-TAMPERED"


def test_rotation_keeps_old_secrets_readable_and_rewraps_them(vault: Vault, tmp_path: Path) -> None:
    envelope = vault.seal(*PLACE, b"canary")
    vault.rotate_team_key("team-1")
    assert vault.open_bytes(*PLACE, envelope) == b"canary"
    moved = vault.rewrap(*PLACE, envelope)
    assert (moved[:85] != envelope[:85], moved[85:] == envelope[85:]) == (True, True)
    assert vault.rewrap(*PLACE, moved) == moved
    reopened = vault_in(tmp_path)
    reopened.unlock("passphrase", OLD)
    assert reopened.open_bytes(*PLACE, moved) == b"canary"


def test_two_processes_share_a_vault_without_losing_keys(vault: Vault, tmp_path: Path) -> None:
    other = vault_in(tmp_path)
    other.unlock("passphrase", OLD)
    one = vault.seal(*PLACE, b"one")
    assert other.open_bytes(*PLACE, one) == b"one"
    two = other.seal(*PLACE, b"two")
    three = other.seal("team-2", *PLACE[1:], b"three")
    vault.add_slot("key-file")
    assert vault.open_bytes(*PLACE, two) == b"two"
    assert vault.open_bytes("team-2", *PLACE[1:], three) == b"three"
    assert len(json.loads((tmp_path / "vault.json").read_bytes())["team_keys"]) == 2


def test_locking_amid_sealing_threads_never_seals_under_a_wiped_key(vault: Vault) -> None:
    sealed: list[tuple[int, bytes]] = []
    stop = threading.Event()

    def seal_until_stopped(number: int) -> None:
        while not stop.is_set():
            try:
                sealed.append((number, vault.seal("team-1", "t", str(number), "f", 1, b"canary")))
            except Locked:
                continue

    threads = [threading.Thread(target=seal_until_stopped, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(30):
            vault.lock()
            vault.unlock("passphrase", OLD)
    finally:
        stop.set()
        for thread in threads:
            thread.join(10)
    assert all(vault.open_bytes("team-1", "t", str(number), "f", 1, e) == b"canary" for number, e in sealed[-200:])


def test_each_changed_byte_of_one_copy_is_healed_from_the_other(vault: Vault, tmp_path: Path) -> None:
    envelope = vault.seal(*PLACE, b"canary")
    good = (tmp_path / "vault.json").read_bytes()
    for position in range(len(good)):
        changed = bytearray(good)
        changed[position] ^= 1 << position % 8
        damaged = tmp_path / ("vault.json", "vault.json.copy")[position % 2]
        damaged.write_bytes(changed)
        reopened = vault_in(tmp_path)
        reopened.unlock("passphrase", OLD)
        assert reopened.open_bytes(*PLACE, envelope) == b"canary"
        assert damaged.read_bytes() == good, position


def test_each_changed_byte_of_both_copies_is_refused_with_a_code(vault: Vault, tmp_path: Path) -> None:
    vault.seal(*PLACE, b"canary")
    good = (tmp_path / "vault.json").read_bytes()
    for position in range(len(good)):
        changed = bytearray(good)
        changed[position] ^= 1 << position % 8
        for copy in ("vault.json", "vault.json.copy"):
            (tmp_path / copy).write_bytes(changed)
        reopened = vault_in(tmp_path)
        code = code_of(lambda opened=reopened: opened.unlock("passphrase", OLD))  # type: ignore[misc]
        assert code in {"E-VAULT-HEADER", "E-VAULT-PASSPHRASE", "E-VAULT-NO-SLOT"}
        assert not reopened.is_open
        assert (tmp_path / "vault.json").read_bytes() == changed


@pytest.mark.parametrize("junk", [b"", b"{}", b"[" * 100_000, b"\xff\xfe", b'{"format":"MVH2"}', b"x" * (5 << 20)])
def test_a_header_of_junk_is_refused_and_left_alone(vault: Vault, tmp_path: Path, junk: bytes) -> None:
    for copy in ("vault.json", "vault.json.copy"):
        (tmp_path / copy).write_bytes(junk)
    assert code_of(lambda: vault_in(tmp_path).unlock("passphrase", OLD)) == "E-VAULT-HEADER"
    assert code_of(vault_in(tmp_path).slots) == "E-VAULT-HEADER"
    assert code_of(lambda: vault_in(tmp_path).create("passphrase", OLD)) == "E-VAULT-EXISTS"
    assert (tmp_path / "vault.json").read_bytes() == junk
    vault.seal("team-2", *PLACE[1:], b"an open vault writes its header anew")
    vault_in(tmp_path).unlock("passphrase", OLD)


@pytest.mark.parametrize(
    "cost", [{"memory_kib": 64 << 20}, {"passes": 21}, {"lanes": 9}, {"memory_kib": 7}, {"passes": 0}, {"lanes": 0}]
)
def test_a_header_that_asks_for_too_much_work_is_refused_at_once(
    vault: Vault, tmp_path: Path, cost: dict[str, int]
) -> None:
    contents = json.loads((tmp_path / "vault.json").read_bytes())
    contents["slots"][0]["cost"] |= cost
    for copy in ("vault.json", "vault.json.copy"):
        (tmp_path / copy).write_text(json.dumps(contents, separators=(",", ":")))
    started = time.process_time()
    assert code_of(lambda: vault_in(tmp_path).unlock("passphrase", OLD)) == "E-VAULT-HEADER"
    assert time.process_time() - started < 0.1


def test_header_and_key_file_are_private_from_their_first_moment(vault: Vault, tmp_path: Path) -> None:
    previous = os.umask(0)
    try:
        vault.add_slot("key-file")
    finally:
        os.umask(previous)
    modes = {str(p.relative_to(tmp_path)): stat.S_IMODE(p.stat().st_mode) for p in tmp_path.rglob("*")}
    assert modes.pop(".data") == 0o700
    assert set(modes) == {"vault.json", "vault.json.copy", "vault.json.lock", ".data/.encryption_key"}
    assert set(modes.values()) == {0o600}


def test_nothing_on_disk_opens_a_vault_with_a_passphrase(vault: Vault, tmp_path: Path) -> None:
    envelope = vault.seal(*PLACE, Secret("canary-4711"))
    root = bytes(vault._root or b"")
    contents = b"".join(files_of(tmp_path).values()) + envelope
    for hidden in (b"canary-4711", OLD.reveal().encode(), root):
        for form in (hidden, binascii.hexlify(hidden), base64.b64encode(hidden).rstrip(b"=")[:-1]):
            assert form not in contents


def test_a_missing_key_file_changes_nothing(tmp_path: Path) -> None:
    vault_in(tmp_path).create("key-file")
    (tmp_path / ".data" / ".encryption_key").unlink()
    before = files_of(tmp_path)
    assert code_of(lambda: vault_in(tmp_path).unlock("key-file")) == "E-VAULT-KEY-MISSING"
    assert files_of(tmp_path) == before


def test_a_key_file_of_another_vault_changes_nothing(tmp_path: Path) -> None:
    vault_in(tmp_path).create("key-file")
    path = tmp_path / ".data" / ".encryption_key"
    path.write_bytes(os.urandom(32))
    before = files_of(tmp_path)
    assert code_of(lambda: vault_in(tmp_path).unlock("key-file")) == "E-VAULT-KEY-MISMATCH"
    assert files_of(tmp_path) == before


RAW = bytes(range(9, 41))
FORMS = [RAW, RAW + b"\n", RAW.hex().encode(), RAW.hex().upper().encode() + b"\n", base64.b64encode(RAW)]


@pytest.mark.parametrize("contents", [*FORMS, base64.b64encode(RAW) + b"\n"])
def test_a_key_file_in_each_known_form_is_taken_over(tmp_path: Path, contents: bytes) -> None:
    path = put_key_file(tmp_path, contents)
    vault = vault_in(tmp_path)
    vault.create("key-file")
    envelope = vault.seal(*PLACE, b"canary")
    assert path.read_bytes() == contents
    path.write_bytes(RAW)
    vault.lock()
    vault.unlock("key-file")
    assert vault.open_bytes(*PLACE, envelope) == b"canary"


@pytest.mark.parametrize(
    "contents",
    [b"", b"\n", RAW[:31], RAW + b"\n\n", b"g" * 64, RAW.hex().encode() + b"\n\n", b"!" * 44, b"A" * 44, b"x" * 4096],
)
def test_a_key_file_in_no_known_form_is_refused_and_kept(tmp_path: Path, contents: bytes) -> None:
    path = put_key_file(tmp_path, contents)
    assert code_of(lambda: vault_in(tmp_path).create("key-file")) == "E-VAULT-KEY-FILE"
    assert path.read_bytes() == contents
    assert not vault_in(tmp_path).exists


def test_all_who_make_the_first_key_at_once_get_the_same(tmp_path: Path) -> None:
    together = threading.Barrier(8)

    def ask(number: int) -> bytes:
        path = tmp_path / str(number // 8) / "key"
        together.wait()
        return bytes(key_file.read_or_create(path))

    with ThreadPoolExecutor(8) as hosts:
        keys = list(hosts.map(ask, range(160)))
    assert [len(set(keys[first : first + 8])) for first in range(0, 160, 8)] == [1] * 20
    assert sorted(path.name for path in tmp_path.rglob("*.new")) == []


def put_key_file(folder: Path, contents: bytes) -> Path:
    path = folder / ".data" / ".encryption_key"
    path.parent.mkdir(mode=0o700)
    path.touch(mode=0o600)
    path.write_bytes(contents)
    return path


def make_readable_by_the_group(path: Path) -> None:
    path.chmod(0o640)


def make_writable_by_all(path: Path) -> None:
    path.chmod(0o602)


def open_its_folder(path: Path) -> None:
    path.parent.chmod(0o755)


def make_a_link(path: Path) -> None:
    path.rename(path.with_name("elsewhere"))
    path.symlink_to("elsewhere")


def make_a_broken_link(path: Path) -> None:
    path.unlink()
    path.symlink_to("nowhere")


def make_a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir(mode=0o600)


def make_a_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path, 0o600)


def make_its_folder_a_link(path: Path) -> None:
    path.parent.rename(path.parent.with_name("elsewhere"))
    path.parent.symlink_to("elsewhere")


@pytest.mark.parametrize(
    "spoil",
    [
        make_readable_by_the_group,
        make_writable_by_all,
        open_its_folder,
        make_a_link,
        make_a_broken_link,
        make_a_folder,
        make_a_pipe,
        make_its_folder_a_link,
    ],
)
def test_a_key_file_others_could_use_is_refused(tmp_path: Path, spoil: Callable[[Path], None]) -> None:
    vault_in(tmp_path).create("key-file")
    spoil(tmp_path / ".data" / ".encryption_key")
    assert code_of(lambda: vault_in(tmp_path).unlock("key-file")) == "E-VAULT-KEY-FILE"


@pytest.mark.parametrize("operation", ["create", "change_passphrase", "add_slot", "remove_slot", "rotate_team_key"])
def test_killed_at_each_step_of_a_change_the_old_or_the_new_key_works(tmp_path: Path, operation: str) -> None:
    steps = 0
    while True:
        folder = tmp_path / str(steps)
        envelope = prepared_for(operation, folder)
        survived = run_and_kill(lambda f=folder: perform(operation, f), at_step=steps)  # type: ignore[misc]
        assert_something_opens(operation, folder, envelope)
        if survived:
            break
        steps += 1
    assert steps > 5, "the operation has more steps than that: the kill does not hit"


def prepared_for(operation: str, folder: Path) -> bytes:
    if operation == "create":
        return b""
    vault = vault_in(folder)
    vault.create("passphrase", OLD)
    if operation == "remove_slot":
        vault.add_slot("key-file")
    return vault.seal(*PLACE, b"canary")


def perform(operation: str, folder: Path) -> None:
    vault = vault_in(folder)
    if operation == "create":
        vault.create("key-file")
        return
    vault.unlock("passphrase", OLD)
    if operation == "change_passphrase":
        vault.change_passphrase(OLD, NEW)
    elif operation == "add_slot":
        vault.add_slot("key-file")
    elif operation == "remove_slot":
        vault.remove_slot("passphrase")
    else:
        vault.rotate_team_key("team-1")
        vault.seal(*PLACE, b"canary")


def assert_something_opens(operation: str, folder: Path, envelope: bytes) -> None:
    vault = vault_in(folder)
    if operation == "create":
        if not vault.exists:
            vault.create("key-file")
        vault_in(folder).unlock("key-file")
        return
    ways = [("passphrase", OLD), ("passphrase", NEW), ("key-file", None)]
    opened = [way for way in ways if opens(folder, *way, envelope)]
    assert opened
    assert not {ways[0], ways[1]} <= set(opened), "a replaced passphrase still opens"
    vault.unlock(*opened[0])
    vault.seal("team-2", *PLACE[1:], b"and the vault can still change")


def opens(folder: Path, slot: str, passphrase: Secret | None, envelope: bytes) -> bool:
    vault = vault_in(folder)
    try:
        vault.unlock(slot, passphrase)
    except (InvalidInput, Conflict):
        return False
    except Unavailable as error:
        assert error.code == "E-VAULT-KEY-MISSING"  # noqa: PT017 - only this refusal is right
        return False
    return vault.open_bytes(*PLACE, envelope) == b"canary"


def run_and_kill(work: Callable[[], None], *, at_step: int) -> bool:
    """Run ``work`` in a child that kills itself before its n-th file operation; whether it came to the end."""
    child = os.fork()
    if child == 0:
        remaining = [at_step]

        def kill_when_due(event: str, _arguments: tuple[object, ...]) -> None:
            if event in {"open", "os.rename", "os.link", "os.remove", "os.mkdir", "fcntl.flock"}:
                if remaining[0] == 0:
                    os.kill(os.getpid(), signal.SIGKILL)
                remaining[0] -= 1

        sys.addaudithook(kill_when_due)
        try:
            work()
            os._exit(0)
        finally:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.waitstatus_to_exitcode(status) == 0
    return not os.WIFSIGNALED(status)


def test_a_full_disk_is_named_and_the_old_header_stays(vault: Vault, tmp_path: Path) -> None:
    before = (tmp_path / "vault.json").read_bytes()
    (tmp_path / "vault.json.new").mkdir()
    assert code_of(lambda: vault.change_passphrase(OLD, NEW)) == "E-VAULT-WRITE"
    assert (tmp_path / "vault.json").read_bytes() == before
    vault_in(tmp_path).unlock("passphrase", OLD)


def test_a_header_of_format_1_opens_for_ever(tmp_path: Path) -> None:
    frozen = json.loads((DATA / "header-v1-contents.json").read_text())
    shutil.copy(DATA / "header-v1.json", tmp_path / "vault.json")
    put_key_file(tmp_path, frozen["key_file"].encode())
    for slot, passphrase in (("passphrase", Secret(frozen["passphrase"])), ("key-file", None)):
        vault = vault_in(tmp_path)
        vault.unlock(slot, passphrase)
        for version, (envelope, text) in enumerate(zip(frozen["envelopes"], frozen["texts"], strict=True), start=1):
            opened = vault.open_("team-a", "ssh_key", "key-1", "private_key", version, base64.b64decode(envelope))
            assert opened == Secret(text)
    assert header.is_whole(tmp_path / "vault.json", header.read(tmp_path / "vault.json")[0])


def test_a_hardened_process_leaves_no_core_file_and_is_closed_to_others() -> None:
    get_dumpable = 3
    child = os.fork()
    if child == 0:
        resource.setrlimit(resource.RLIMIT_CORE, resource.getrlimit(resource.RLIMIT_CORE)[1:] * 2)
        harden_process()
        limit, _ = resource.getrlimit(resource.RLIMIT_CORE)
        os._exit(limit or ctypes.CDLL(None).prctl(get_dumpable, 0, 0, 0, 0))
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
