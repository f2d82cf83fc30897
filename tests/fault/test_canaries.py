"""No secret put in is ever found in clear: not in files, run folders, logs, arguments or what is printed.

Unique secrets go through every input this version has, and through success, failure, cancel and kill -9; then all of
it is searched for them in eight encodings.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from machina_desktop.core import log
from machina_desktop.core.config import REPOSITORY
from machina_desktop.core.domain.deployment import DeploymentState
from machina_desktop.core.domain.key import SSHKeyType
from machina_desktop.core.domain.machine import MachineFacts
from machina_desktop.core.domain.provider import (
    AccountField,
    CredentialStatus,
    ProviderType,
    Verification,
)
from machina_desktop.core.errors import MachinaError, Unavailable
from machina_desktop.core.providers.base import Access, HookContext
from machina_desktop.core.secret import Secret
from machina_desktop.core.services.deployments import CancelDeployment
from machina_desktop.core.services.device import CreateVault, LockVault, UnlockVault
from machina_desktop.core.services.keys import ExportKey, GenerateKey, ImportKey
from machina_desktop.core.services.machines import DestroyMachine, RetryMachine
from machina_desktop.core.services.providers import AddAccount, VerifyAccount
from tests.fakes import terraform_shim
from tests.fakes.canaries import Hunt, Watch, encodings
from tests.fakes.hosts import Core, core, until
from tests.fakes.provider import RecordProvider

TOKENS = {
    "api_token": "canary-api-token-7f3a91c2",
    "sudo_password": "canary sudo pässwörd 55 %&?",
    "access_key": "CANARYACCESSKEY0001",
    "secret_key": "canary/secret+key==/wJalrXUtnFEMI",
    "json_key": '{"type": "canary-json-key-90",\n "private": "canary-json-line-91<&>"}',
    "quoted": "canary\"quoted'\\back\\slash-31",
    "url_password": "canary:p@ss/w?rd#32",
    "one_liner": 'canary-${file("/etc/passwd")}-33',
}
PASSPHRASE = "canary vault passphrase ☂ 41"
WRONG_PASSPHRASE = "canary wrong passphrase 42"
REFUSED_HOST = "--host 127.0.0.1 --port 1 --user nobody --host-key SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU"
KEY_PASSPHRASE = "canary-key-passphrase-43"
WRONG_KEY_PASSPHRASE = "canary-wrong-key-passphrase-44"


class Chatterbox(RecordProvider):
    """A provider that repeats its secrets wherever it can: log, facts, errors, Terraform's environment."""

    info = replace(
        RecordProvider.info,
        account_fields=tuple(AccountField(name=name, title=name, is_secret=True) for name in TOKENS),
    )
    fails = False

    async def verify(self, access: Access) -> Verification:
        told = " ".join(secret.reveal() for secret in access.secrets.values())
        if self.fails:
            raise Unavailable(f"401 for {told}", code="E-CHATTER")
        return Verification(status=CredentialStatus.VALID, identity=f"me {told}", reason=told)

    async def environment(self, access: Access) -> dict[str, str]:
        return {f"CHATTER_{name.upper()}": secret.reveal() for name, secret in access.secrets.items()}

    async def before_apply(self, context: HookContext) -> MachineFacts:
        self._chat(context)
        return MachineFacts()

    async def after_apply(self, context: HookContext, outputs: Mapping[str, object]) -> MachineFacts:
        self._chat(context)
        facts = await super().after_apply(context, outputs)
        return replace(facts, extra={"motd": " ".join(self._known(context))})

    async def before_destroy(self, context: HookContext) -> None:
        self._chat(context)
        if self.fails:
            raise Unavailable(f"The host said: {' '.join(self._known(context))}", code="E-CHATTER")

    def _chat(self, context: HookContext) -> None:
        for text in self._known(context):
            context.log(f"$ login {text}")
            for form in encodings(text.encode()).values():
                context.log(form.decode("latin-1") if b"\0" not in form else "utf-16")

    @staticmethod
    def _known(context: HookContext) -> list[str]:
        return [secret.reveal() for secret in (*context.credentials.values(), *context.private_keys.values())]


def private_numbers(text: str) -> bytes:
    """What is secret in a private key, as bytes: the seed, or the private exponent or scalar."""
    key = serialization.load_ssh_private_key(text.encode(), None)
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return key.private_bytes_raw()
    if isinstance(key, rsa.RSAPrivateKey):
        number = key.private_numbers().d
    else:
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        number = key.private_numbers().private_value
    return number.to_bytes((number.bit_length() + 7) // 8)


def secret_line(text: str) -> bytes:
    """A line of a private key's file that holds a part of its secret."""
    return text.splitlines()[-3].encode()


def openssh(key: ed25519.Ed25519PrivateKey, passphrase: str = "") -> str:
    encryption: serialization.KeySerializationEncryption = serialization.NoEncryption()
    if passphrase:
        builder = serialization.PrivateFormat.OpenSSH.encryption_builder().kdf_rounds(4)
        encryption = builder.build(passphrase.encode())
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, encryption).decode()


@contextlib.contextmanager
def logged_to(folder: Path) -> Iterator[None]:
    """The application's own log, in ``folder``; afterwards logging is as it was."""
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    log.configure(folder, level="debug")
    try:
        yield
    finally:
        for handler in root.handlers:
            handler.close()
        root.handlers[:] = before
        root.setLevel(level)


@dataclass
class Planted:
    """Everything secret that went in, by name."""

    secrets: dict[str, bytes] = field(default_factory=dict)

    def add_key(self, name: str, text: str) -> None:
        self.secrets[f"{name}: its number"] = private_numbers(text)
        self.secrets[f"{name}: a line"] = secret_line(text)

    def add_texts(self, texts: Mapping[str, str]) -> None:
        for name, text in texts.items():
            for number, line in enumerate(text.splitlines()):
                self.secrets[f"{name} {number}"] = line.strip().encode()


def echoing(shim: Path) -> None:
    """Let the stand-in print everything it finds in its own environment, as hostile programs do."""
    lines = [json.dumps({"@level": "info", "@message": f"env {text}", "type": "log"}) for text in TOKENS.values()]
    told = {"severity": "error", "summary": f"refused {' '.join(TOKENS.values())}", "detail": ""}
    lines.append(json.dumps({"@level": "error", "@message": "no", "type": "diagnostic", "diagnostic": told}))
    lines += [base64.b64encode(text.encode()).decode() for text in TOKENS.values()]
    (shim / "apply.raw").write_text("\n".join(lines))
    (shim / "apply.stderr").write_text("\n".join(TOKENS.values()))


@pytest.fixture
def shim(tmp_path: Path) -> Path:
    folder = tmp_path / "shim"
    terraform_shim.install(folder)
    return folder


async def plant_keys(made: Core, planted: Planted, folder: Path) -> tuple[str, ...]:
    """Generate keys of each type and import one in clear and one with a passphrase; answers their ids."""
    keys = [
        await made.call(GenerateKey(team_id=made.team_id, name=f"generated {kind}", type=kind)) for kind in SSHKeyType
    ]
    clear, locked = (ed25519.Ed25519PrivateKey.generate() for _ in range(2))
    keys.append(await made.call(ImportKey(team_id=made.team_id, name="imported", private_key=Secret(openssh(clear)))))
    ask = ImportKey(team_id=made.team_id, name="imported locked", private_key=Secret(openssh(locked, KEY_PASSPHRASE)))
    with pytest.raises(MachinaError):
        await made.call(replace(ask, passphrase=Secret(WRONG_KEY_PASSPHRASE)))
    keys.append(await made.call(replace(ask, passphrase=Secret(KEY_PASSPHRASE))))
    planted.secrets["passphrase of a key"] = KEY_PASSPHRASE.encode()
    planted.secrets["wrong passphrase of a key"] = WRONG_KEY_PASSPHRASE.encode()
    for key in keys:
        exported: str = await made.call(ExportKey(key_id=key.ssh_key_id, to=str(folder / key.ssh_key_id)))
        path = Path(exported)
        planted.add_key(key.name, await asyncio.to_thread(path.read_text))
        await asyncio.to_thread(path.unlink)
    return tuple(key.ssh_key_id for key in keys)


async def plant_account(made: Core, planted: Planted, provider: Chatterbox) -> None:
    """Add an account with every token, refused once and accepted once."""
    fields = {name: Secret(text) for name, text in TOKENS.items()}
    ask = AddAccount(team_id=made.team_id, type=ProviderType.SANDBOX, label="here", fields=fields)
    provider.fails = True
    with pytest.raises(MachinaError) as caught:
        await made.call(ask)
    provider.fails = False
    assert TOKENS["api_token"] not in str(caught.value)
    made._account = await made.call(ask)
    await made.call(VerifyAccount(account_id=made._account.provider_account_id))
    planted.add_texts(TOKENS)


async def every_course(made: Core, shim: Path, provider: Chatterbox, keys: tuple[str, ...]) -> None:
    """A run that succeeds, one that fails, one that is cancelled, and a destroy that fails and then succeeds."""
    echoing(shim)
    machine = await made.made("well", key_ids=keys)
    (shim / "apply.exit-after").write_text("1")
    failing = await made.create("ill", auto_approve=True, key_ids=keys)
    assert (await made.ended(failing.deployment_id)).state is DeploymentState.FAILED
    (shim / "apply.exit-after").unlink()
    retry = await made.call(RetryMachine(machine_id=failing.machine_id, auto_approve=True))
    assert (await made.ended(retry.deployment_id)).state is DeploymentState.SUCCEEDED
    (shim / "apply.seconds").write_text("30")
    stopped = await made.create("stopped", auto_approve=True, key_ids=keys)
    await until(lambda: len(terraform_shim.ledger(shim, "create")) == 3)
    await made.call(CancelDeployment(deployment_id=stopped.deployment_id))
    assert (await made.ended(stopped.deployment_id)).state is DeploymentState.CANCELLED
    (shim / "apply.seconds").unlink()
    for fails, state in ((True, DeploymentState.FAILED), (False, DeploymentState.SUCCEEDED)):
        provider.fails = fails
        ending = await made.call(DestroyMachine(machine_id=machine.machine_id, auto_approve=True))
        assert (await made.ended(ending.deployment_id)).state is state


@pytest.mark.fault
async def test_no_secret_is_found_in_clear_after_success_failure_and_cancel(tmp_path: Path, shim: Path) -> None:
    home, planted, provider = tmp_path / "home", Planted(), Chatterbox()
    started = core(home, engine=shim / "terraform", provider=provider, deployer=True)
    with logged_to(home / "logs"):
        async with started as made:
            keys = await plant_keys(made, planted, tmp_path)
            await plant_account(made, planted, provider)
            key_file = made.paths.key_file
            content = await asyncio.to_thread(key_file.read_bytes)
            planted.secrets["the vault's key"] = content.strip()
            watch = Watch(Hunt(planted.secrets), (made.paths.runs, made.paths.logs))
            with watch.running():
                await every_course(made, shim, provider, keys)
            await made.call(LockVault())
    # The bundled stand-in was told to say what it should not know; its own folder is no sink of ours.
    watch.hunt.look_into(home, but=[key_file, *transient(home)])
    assert len(planted.secrets) >= 16
    assert watch.rounds > 5
    assert (home / "logs" / "machina.log").stat().st_size
    assert no_output(watch.hunt.hits) == set()


def transient(home: Path) -> list[Path]:
    """Files that only exist while a command runs."""
    return list((home / "runs").rglob("launches/*/*/*"))


def no_output(hits: set[str]) -> set[str]:
    """Hits, without those in what a hostile Terraform has just printed: it is read from there, and then wiped."""
    return {hit for hit in hits if not (("apply.jsonl" in hit) and "/launches/" in hit)}


VICTIM = """
import asyncio, os, sys
from pathlib import Path
from machina_desktop.core import log
from tests.fakes.hosts import core
from tests.fault.test_canaries import Chatterbox, Planted, plant_account, echoing

async def main(home, shim):
    provider = Chatterbox()
    log.configure(home / "logs")
    async with core(home, engine=shim / "terraform", provider=provider, deployer=True) as made:
        await plant_account(made, Planted(), provider)
        ask = await made.create("killed", auto_approve=True)
        print(ask.deployment_id, flush=True)
        await made.ended(ask.deployment_id)

asyncio.run(main(Path(sys.argv[1]), Path(sys.argv[2])))
"""


def start_victim(home: Path, shim: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", VICTIM, str(home), str(shim)],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@pytest.mark.fault
async def test_no_secret_is_found_in_clear_after_a_kill_in_mid_apply(tmp_path: Path, shim: Path) -> None:
    home, planted = tmp_path / "home", Planted()
    planted.add_texts(TOKENS)
    (shim / "apply.hang").touch()
    victim = await asyncio.to_thread(start_victim, home, shim)
    watch = Watch(Hunt(planted.secrets), (home,))
    with watch.running():
        assert victim.stdout is not None
        deployment_id = (await asyncio.to_thread(victim.stdout.readline)).strip()
        await until(lambda: "apply" in calls(shim))
        os.kill(victim.pid, signal.SIGKILL)
        said = await asyncio.to_thread(victim.communicate)
        watch.hunt.look(str(said).encode(), "what was printed")
        (shim / "apply.hang").unlink()
        async with core(home, engine=shim / "terraform", provider=Chatterbox(), deployer=True) as made:
            assert (await made.ended(deployment_id)).state is DeploymentState.SUCCEEDED
    watch.hunt.look_into(home)
    assert watch.hunt.hits == set()


def calls(shim: Path) -> list[str]:
    with contextlib.suppress(FileNotFoundError):
        return [json.loads(line)["argv"][0] for line in (shim / "calls").read_text().splitlines()]
    return []


@pytest.mark.fault
async def test_the_passphrase_of_the_vault_is_found_nowhere(tmp_path: Path) -> None:
    home = tmp_path / "home"
    hunt = Hunt({"passphrase": PASSPHRASE.encode(), "wrong passphrase": WRONG_PASSPHRASE.encode()})
    watch = Watch(hunt, (home,))
    with watch.running(), logged_to(home / "logs"):
        async with core(home, vault="") as made:
            await made.call(CreateVault(slot="passphrase", passphrase=Secret(PASSPHRASE)))
            await made.call(GenerateKey(team_id=made.team_id, name="k"))
            await made.call(LockVault())
            with pytest.raises(MachinaError) as caught:
                await made.call(UnlockVault(slot="passphrase", passphrase=Secret(WRONG_PASSPHRASE)))
            hunt.look(repr(caught.value).encode() + str(caught.value).encode(), "the error")
            await made.call(UnlockVault(slot="passphrase", passphrase=Secret(PASSPHRASE)))
    hunt.look_into(home)
    assert hunt.hits == set()


def machina(home: Path, *words: str) -> subprocess.CompletedProcess[bytes]:
    environment = {**os.environ, "MACHINA_HOME": str(home), "MACHINA_VAULT": "key-file"}
    return subprocess.run(
        [sys.executable, "-m", "machina_desktop", *words],
        cwd=REPOSITORY,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )


@pytest.mark.fault
async def test_the_command_line_keeps_what_it_is_given_to_itself(tmp_path: Path) -> None:
    home, given, planted = tmp_path / "home", tmp_path / "given", Planted()
    key = ed25519.Ed25519PrivateKey.generate()
    text = openssh(key, KEY_PASSPHRASE)
    planted.secrets["seed"] = key.private_bytes_raw()
    planted.secrets["passphrase of a key"] = KEY_PASSPHRASE.encode()
    planted.add_texts({"sudo password": TOKENS["sudo_password"]})
    for name, content in (("key", text), ("passphrase", KEY_PASSPHRASE), ("sudo", TOKENS["sudo_password"])):
        await asyncio.to_thread(write, given / name, content)
    watch = Watch(Hunt(planted.secrets), (home,))
    with watch.running():
        for words in (
            f"keys import --name k --private-key-file {given}/key --passphrase-file {given}/sudo",
            f"keys import --name k --private-key-file {given}/key --passphrase-file {given}/passphrase",
            f"providers add --type baremetal --label rack --sudo-password-file {given}/sudo",
            "keys list --json",
            "providers list --json",
            f"machines create --account rack --name m1 --key k --auto-approve --wait {REFUSED_HOST}",
            "deployments list --json",
            "audit list --json",
        ):
            done = await asyncio.to_thread(machina, home, *words.split())
            watch.hunt.look(done.stdout + done.stderr, f"what machina {words} printed")
            assert done.returncode in {0, 1}, done.stderr.decode()
    watch.hunt.look_into(home)
    assert watch.hunt.hits == set()


def write(path: Path, text: str) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)


# The hunt itself


@pytest.mark.parametrize("encoding", encodings(b"canary-planted-0815!?"))
def test_the_hunt_finds_a_planted_secret_in_every_encoding(tmp_path: Path, encoding: str) -> None:
    hunt = Hunt({"planted": b"canary-planted-0815!?"})
    path = tmp_path / "deep" / "file.bin"
    path.parent.mkdir()
    path.write_bytes(os.urandom(5000) + encodings(b"canary-planted-0815!?")[encoding] + os.urandom(5000))
    hunt.look_into(tmp_path)
    assert len(hunt.hits) == 1
    hunt.hits.clear()
    hunt.look_into(tmp_path, but=[path])
    assert hunt.hits == set()


@pytest.mark.parametrize("offset", range(3))
def test_the_hunt_finds_base64_at_every_alignment(offset: int) -> None:
    hunt = Hunt({"planted": b"canary-planted-0815!?"})
    for url_safe in (False, True):
        encode = base64.urlsafe_b64encode if url_safe else base64.b64encode
        hunt.look(encode(b"\xfb\xff\xfe"[:offset] + b"canary-planted-0815!?" + b"\xff" * 5), "memory")
    assert hunt.hits


def sleeper(*arguments: str, **environment: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", "input()", *arguments], stdin=subprocess.PIPE, env=environment)


async def test_the_hunt_finds_a_secret_among_arguments_and_names_of_the_environment(tmp_path: Path) -> None:
    watch = Watch(Hunt({"argument": b"canary-argument-1", "name": b"canary_name_2", "value": b"canary-value-3"}), ())
    process = await asyncio.to_thread(sleeper, "--password=canary-argument-1", canary_name_2="canary-value-3")
    with watch.running():
        await until(lambda: len(watch.hunt.hits) == 2)
    await asyncio.to_thread(process.communicate, b"\n")
    assert {hit.split()[0] for hit in watch.hunt.hits} == {"argument", "name"}


async def test_the_hunt_finds_what_was_there_for_a_moment_only(tmp_path: Path) -> None:
    watch = Watch(Hunt({"brief": b"canary-brief-4711"}), (tmp_path,))
    with watch.running():
        await asyncio.to_thread(write, tmp_path / "f" / "brief", "canary-brief-4711")
        await until(lambda: bool(watch.hunt.hits))
        await asyncio.to_thread((tmp_path / "f" / "brief").unlink)
    assert watch.hunt.hits
