"""SSH keys: one of a name, one of a kind, exported privately, kept while machines rely on them."""

from __future__ import annotations

import asyncio
import os
import stat
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from machina_desktop.core.domain.key import SSHKeyType
from machina_desktop.core.errors import Conflict, InvalidInput, Locked, MachinaError, NotFound, Unavailable
from machina_desktop.core.secret import Secret
from machina_desktop.core.services.device import LockVault
from machina_desktop.core.services.keys import DeleteKey, ExportKey, GenerateKey, GetKey, ImportKey, ListKeys
from tests.fakes.hosts import Core, core

PUBLIC = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDrXb3t7xQ3NbcHTQxPjmZzbQzW4rVtP8v2yXyVYcBqL"


@pytest.fixture
async def made(tmp_path: Path) -> AsyncIterator[Core]:
    async with core(tmp_path / "home") as started:
        yield started


def public_half(path: str) -> str:
    """What OpenSSH itself reads from a private key file."""
    run = subprocess.run(["ssh-keygen", "-y", "-P", "", "-f", path], capture_output=True, text=True, check=True)
    return " ".join(run.stdout.split()[:2])


def mode(path: str) -> int:
    return stat.S_IMODE(Path(path).stat().st_mode)


@pytest.mark.parametrize(
    "kind,bits", [(SSHKeyType.ED25519, 0), (SSHKeyType.RSA, 3072), (SSHKeyType.ECDSA, 0), (SSHKeyType.ECDSA, 521)]
)
async def test_a_generated_key_is_one_that_openssh_reads(
    made: Core, tmp_path: Path, kind: SSHKeyType, bits: int
) -> None:
    key = await made.call(GenerateKey(team_id=made.team_id, name="k", type=kind, bits=bits))
    assert (key.key_type, key.has_private_key) == (kind, True)
    assert bits in {0, key.key_bits}
    path = await made.call(ExportKey(key_id=key.ssh_key_id, to=str(tmp_path / "exported")))
    assert await asyncio.to_thread(public_half, path) == " ".join(key.public_key.split()[:2])


async def test_an_exported_file_is_private_whatever_the_umask(made: Core, tmp_path: Path) -> None:
    key = await made.call(GenerateKey(team_id=made.team_id, name="k"))
    before = os.umask(0)
    try:
        path = await made.call(ExportKey(key_id=key.ssh_key_id, to=str(tmp_path / "exported")))
    finally:
        os.umask(before)
    assert mode(path) == 0o600


@pytest.mark.parametrize("link", [False, True])
async def test_an_export_never_overwrites_or_follows_what_is_there(made: Core, tmp_path: Path, *, link: bool) -> None:
    key = await made.call(GenerateKey(team_id=made.team_id, name="k"))
    there, target = tmp_path / "there", tmp_path / "target"
    await asyncio.to_thread(there.symlink_to if link else there.write_text, str(target))
    with pytest.raises(Conflict) as caught:
        await made.call(ExportKey(key_id=key.ssh_key_id, to=str(there)))
    assert caught.value.code == "E-FILE-EXISTS"
    assert not await asyncio.to_thread(target.exists)


@pytest.mark.parametrize("to", ["absent/key", "a\0b", "x" * 5000, "", "~nobody-of-that-name/key"], ids=ascii)
async def test_a_file_that_cannot_be_made_is_said_to_be_so(made: Core, tmp_path: Path, to: str) -> None:
    key = await made.call(GenerateKey(team_id=made.team_id, name="k"))
    name = to if to.startswith("~") else f"{tmp_path}/{to}"
    with pytest.raises(MachinaError) as caught:
        await made.call(ExportKey(key_id=key.ssh_key_id, to=name))
    assert caught.value.code in {"E-FILE-WRITE", "E-FILE-EXISTS"}
    assert caught.value.hint


async def test_a_public_key_has_nothing_to_export(made: Core, tmp_path: Path) -> None:
    key = await made.call(ImportKey(team_id=made.team_id, name="k", public_key=f"{PUBLIC} me@home"))
    assert not key.has_private_key
    with pytest.raises(NotFound) as caught:
        await made.call(ExportKey(key_id=key.ssh_key_id, to=str(tmp_path / "exported")))
    assert caught.value.code == "E-KEY-PUBLIC-ONLY"


async def test_a_name_that_is_taken_is_refused(made: Core) -> None:
    await made.call(GenerateKey(team_id=made.team_id, name="k"))
    with pytest.raises(Conflict) as caught:
        await made.call(GenerateKey(team_id=made.team_id, name=" k "))
    assert caught.value.code == "E-NAME-TAKEN"
    assert made.sql("SELECT count(*) FROM sealed") == [(1,)]


async def test_the_twin_of_a_key_is_refused_and_named(made: Core) -> None:
    await made.call(ImportKey(team_id=made.team_id, name="first", public_key=f"{PUBLIC} me@home"))
    with pytest.raises(Conflict) as caught:
        await made.call(ImportKey(team_id=made.team_id, name="second", public_key=f"{PUBLIC} me@work"))
    assert caught.value.code == "E-KEY-KNOWN"
    assert "first" in caught.value.message


@pytest.mark.parametrize("name", ["", "  ", "x" * 101, "x" * 300, "a\nb", "a\0b", "a\u202eb", "\udcff"], ids=ascii)
async def test_a_name_nobody_could_read_is_refused(made: Core, name: str) -> None:
    for ask in (
        GenerateKey(team_id=made.team_id, name=name),
        ImportKey(team_id=made.team_id, name=name, public_key=PUBLIC),
    ):
        with pytest.raises(InvalidInput) as caught:
            await made.call(ask)
        assert caught.value.field == "name"
    assert await made.call(ListKeys(team_id=made.team_id)) == ()


@pytest.mark.parametrize("name", ["🦄", '${file("/etc/passwd")}', "x" * 100])
async def test_a_name_is_any_printable_text(made: Core, name: str) -> None:
    assert (await made.call(GenerateKey(team_id=made.team_id, name=name))).name == name


async def test_a_repeated_request_is_harmless(made: Core) -> None:
    ask = GenerateKey(team_id=made.team_id, name="k")
    first = await made.call(ask)
    assert await made.call(ask) == first
    assert await made.call(ListKeys(team_id=made.team_id)) == (first,)
    assert made.sql("SELECT count(*) FROM sealed") == [(1,)]


@pytest.mark.parametrize("text", ["", "nonsense", "-----BEGIN OPENSSH PRIVATE KEY-----\n", PUBLIC])
async def test_what_is_no_private_key_is_refused(made: Core, text: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        await made.call(ImportKey(team_id=made.team_id, name="k", private_key=Secret(text)))
    assert caught.value.field in {"private_key", "public_key"}
    assert await made.call(ListKeys(team_id=made.team_id)) == ()


async def test_a_key_in_use_cannot_be_deleted_and_says_by_whom(made: Core) -> None:
    key = await made.call(GenerateKey(team_id=made.team_id, name="k"))
    for number in range(5):
        await made.create(f"m{number}", key_ids=(key.ssh_key_id,))
    with pytest.raises(Conflict) as caught:
        await made.call(DeleteKey(key_id=key.ssh_key_id))
    assert caught.value.code == "E-KEY-IN-USE"
    assert "and others" in caught.value.message
    made.sql("UPDATE machine SET actual_status = 'terminated'")
    await made.call(DeleteKey(key_id=key.ssh_key_id))
    with pytest.raises(NotFound):
        await made.call(GetKey(key_id=key.ssh_key_id))
    assert made.sql("SELECT count(*) FROM sealed") == [(0,)]


async def test_with_the_vault_locked_no_private_key_comes_or_goes(made: Core, tmp_path: Path) -> None:
    key = await made.call(GenerateKey(team_id=made.team_id, name="k"))
    await made.call(LockVault())
    with pytest.raises(Locked):
        await made.call(GenerateKey(team_id=made.team_id, name="other"))
    with pytest.raises(Locked):
        await made.call(ExportKey(key_id=key.ssh_key_id, to=str(tmp_path / "exported")))
    assert not await asyncio.to_thread((tmp_path / "exported").exists)
    imported = await made.call(ImportKey(team_id=made.team_id, name="public", public_key=PUBLIC))
    assert imported.name == "public"


async def test_a_tampered_envelope_is_refused(made: Core, tmp_path: Path) -> None:
    key = await made.call(GenerateKey(team_id=made.team_id, name="k"))
    made.sql("UPDATE sealed SET envelope = CAST(substr(envelope, 1, 200) || x'00' || substr(envelope, 202) AS BLOB)")
    with pytest.raises(Unavailable) as caught:
        await made.call(ExportKey(key_id=key.ssh_key_id, to=str(tmp_path / "exported")))
    assert caught.value.code.startswith("E-VAULT")
    assert not await asyncio.to_thread((tmp_path / "exported").exists)
