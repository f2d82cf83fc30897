"""A provider of ours in front of the stand-in for its cloud, with an account, a key and machines in it."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from machina_desktop.core.domain.key import SSHKey, SSHKeyType
from machina_desktop.core.domain.machine import Machine
from machina_desktop.core.domain.provider import ProviderAccount, ProviderType
from machina_desktop.core.http import Patience
from machina_desktop.core.providers.base import Access, HookContext
from machina_desktop.core.providers.cloud import Cloud
from machina_desktop.core.providers.cloud_api import CloudApi, Pace
from machina_desktop.core.providers.cloud_power import Waits
from machina_desktop.core.providers.digitalocean import DigitalOcean
from machina_desktop.core.providers.hetzner import Hetzner
from machina_desktop.core.secret import Secret
from machina_desktop.core.ssh.keys import generate
from tests.fakes.clouds.digitalocean import DigitalOcean as DigitalOceanFake
from tests.fakes.clouds.hetzner import Hetzner as HetznerFake
from tests.fakes.clouds.served import Cloud as Fake
from tests.fakes.clouds.served import Thing, serving
from tests.fakes.preferences import PREFERENCES

AT = datetime(2026, 3, 14, tzinfo=UTC)
TOKEN = "token-of-an-account-0123456789"
READ_TOKEN = "token-that-only-reads-0123456789"
PAIR = generate(SSHKeyType.ED25519, comment="ada@example.org")
KEY = SSHKey(
    ssh_key_id="key-1",
    team_id="team-1",
    name="ada",
    fingerprint=PAIR.fingerprint,
    public_key=PAIR.public_line,
    provider_key_ids={},
    key_type=SSHKeyType.ED25519,
    key_bits=256,
    created_at=AT,
    updated_at=AT,
)
PACE = Pace(pause_s=0.01, longest_s=2.0)
# What a test does not wait for in vain may take its time: answers of a busy computer are late as well.
WAITS = Waits(
    poll_s=0.02, busy_s=20.0, away_s=20.0, action_s=20.0, shutdown_s=20.0, settle_s=1.5, ssh_s=0.1, keys_s=0.1
)
PATIENCE = Patience(connect_s=20.0, read_s=20.0, call_s=20.0)
IMPATIENCE = Patience(connect_s=20.0, read_s=1.0, call_s=1.0)
KINDS = ("digitalocean", "hetzner")


@dataclass(kw_only=True)
class Stage:
    """One provider and its cloud.

    Attributes:
        list_path, key_path: Of machines and of keys.
        lines: What runs wrote into their log.
    """

    kind: ProviderType
    provider: Cloud[CloudApi]
    fake: Fake
    list_path: str
    key_path: str
    size: str
    region: str
    image: str
    cancelled: threading.Event = field(default_factory=threading.Event)
    lines: list[str] = field(default_factory=list)

    @property
    def things(self) -> dict[int, Thing]:
        """The machines that the cloud has, by id."""
        return self.fake.servers if isinstance(self.fake, HetznerFake) else self.fake.droplets  # type: ignore[attr-defined, no-any-return]

    def access(self, *, may_write: bool = True, token: str = TOKEN, endpoint: str = "", reading: str = "") -> Access:
        """The account, opened."""
        return Access(
            settings={"endpoint": endpoint or self.fake.url},
            secrets={"api_token": Secret(token), "read_token": Secret(reading)},
            preferences=PREFERENCES,
            may_write=may_write,
        )

    def add(self, count: int = 1, prefix: str = "web") -> str:
        """Make machines by hand; the id of the last."""
        self.fake.add_machines(count, prefix=prefix)
        return str(list(self.things)[-1])

    def mark(self, resource_id: str, machine_id: str) -> None:
        """Mark it as a machine of ours."""
        thing = self.things[int(resource_id)]
        if self.kind is ProviderType.HETZNER:
            thing["labels"] = {"machina-machine": machine_id, "machina-team": "team-1"}
        else:
            thing["tags"] = [f"machina-machine-{machine_id}", "machina-team-team-1", "web"]

    def do(self, context: HookContext, command: str) -> None:
        """What somebody does with it at Hetzner's console."""
        assert isinstance(self.fake, HetznerFake)
        self.fake.do_at_its_console(self.things[int(context.machine.provider_resource_id or "")], command)

    def turn_off(self, resource_id: str) -> None:
        """As if somebody had switched it off."""
        self.things[int(resource_id)]["status"] = "off"

    def status(self, resource_id: str) -> str:
        """What the cloud says of it."""
        return str(self.things[int(resource_id)]["status"])

    def machine(self, resource_id: str | None = None) -> Machine:
        """A machine of ours."""
        return Machine(
            machine_id="machine-1",
            team_id="team-1",
            name="web-1",
            provider=self.kind,
            provider_account_id="account-1",
            region=self.region,
            size=self.size,
            image=self.image,
            provider_resource_id=resource_id,
            ssh_key_ids=("key-1",),
            host_key="SHA256:" + "A" * 43,
            tags=("web",),
            created_at=AT,
            updated_at=AT,
        )

    def context(self, resource_id: str | None, *, key_id: str = "", **options: str) -> HookContext:
        """A run of that machine."""
        access = self.access()
        account = ProviderAccount(
            provider_account_id="account-1",
            team_id="team-1",
            provider_type=self.kind,
            label="Acme",
            settings=dict(access.settings),
            created_at=AT,
            updated_at=AT,
        )
        return HookContext(
            machine=self.machine(resource_id),
            account=account,
            credentials=access.secrets,
            keys=(replace(KEY, provider_key_ids={"account-1": key_id} if key_id else {}),),
            private_keys={},
            practice=Path("/nonexistent"),
            log=self.lines.append,
            cancelled=self.cancelled,
            preferences=PREFERENCES,
            options=options,
        )

    def asked(self, start: str) -> list[str]:
        """The requests that begin so, such as ``POST``."""
        return [str(each) for each in self.fake.requests if str(each).startswith(start)]


@contextlib.contextmanager
def stage_of(kind: str) -> Iterator[Stage]:
    """The provider of that name before its stand-in."""
    make = HetznerFake if kind == "hetzner" else DigitalOceanFake
    with serving(make(token=TOKEN, read_token=READ_TOKEN)) as fake:
        yield _stage(kind, fake)


@contextlib.contextmanager
def stage_far_away(kind: str, *, machines: int, latency_s: float) -> Iterator[Stage]:
    """The same with the stand-in in a process of its own, so that its work is not ours."""
    command = [sys.executable, "-m", f"tests.fakes.clouds.{kind}", "--machines", str(machines), "--token", TOKEN]
    command += ["--latency", str(latency_s)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[3]) as process:
        fake = HetznerFake() if kind == "hetzner" else DigitalOceanFake()
        assert process.stdout is not None
        fake.url = process.stdout.readline().strip()
        try:
            yield _stage(kind, fake)
        finally:
            process.kill()


def _stage(kind: str, fake: Fake) -> Stage:
    if kind == "hetzner":
        return Stage(
            kind=ProviderType.HETZNER,
            provider=Hetzner(pace=PACE, waits=WAITS, patience=PATIENCE),
            fake=fake,
            list_path="/v1/servers",
            key_path="/v1/ssh_keys",
            size="cx22",
            region="nbg1",
            image="debian-12",
        )
    return Stage(
        kind=ProviderType.DIGITALOCEAN,
        provider=DigitalOcean(pace=PACE, waits=WAITS, patience=PATIENCE),
        fake=fake,
        list_path="/v2/droplets",
        key_path="/v2/account/keys",
        size="s-1vcpu-1gb",
        region="fra1",
        image="debian-12-x64",
    )
