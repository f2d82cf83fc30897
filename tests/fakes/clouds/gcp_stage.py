"""Google Cloud of ours in front of its stand-in, which is held to Google's own document."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from machina_desktop.core.domain.machine import Machine
from machina_desktop.core.domain.provider import ProviderAccount, ProviderType
from machina_desktop.core.providers.base import Access, HookContext
from machina_desktop.core.providers.gcp import Gcp
from machina_desktop.core.secret import Secret
from tests.fakes.clouds.gcp import PROJECT, READ_EMAIL, key_file
from tests.fakes.clouds.gcp import Gcp as GcpFake
from tests.fakes.clouds.served import Asked, Said, serving, told
from tests.fakes.clouds.stage import AT, KEY, PACE, PATIENCE, WAITS
from tests.fakes.discovery import Discovery
from tests.fakes.preferences import PREFERENCES

ZONE = "europe-west3-b"


@cache
def discovery() -> Discovery:
    """Google's document."""
    return Discovery(Path(__file__).parents[2] / "data" / "openapi" / "gcp.json")


class HeldGcp(GcpFake):
    """The stand-in; what is asked or answered against the document is noted in ``complaints``."""

    def __init__(self, **knobs: object) -> None:
        super().__init__(**knobs)
        self.complaints: list[str] = []

    def route(self, asked: Asked) -> Said:
        """As the stand-in does."""
        if asked.path == "/token":
            return super().route(asked)
        self.complaints += discovery().problems(asked)
        said = super().route(asked)
        method = discovery().method_of(asked)
        if method is not None:
            shape = {"$ref": method.spec["response"]["$ref"]}
            self.complaints += discovery().misfits(told(said.body), shape, str(asked))
        return said


@dataclass(kw_only=True)
class GcpStage:
    """The provider and its cloud.

    Attributes:
        lines: What runs wrote into their log.
    """

    provider: Gcp
    fake: GcpFake
    cancelled: threading.Event = field(default_factory=threading.Event)
    lines: list[str] = field(default_factory=list)

    def access(
        self,
        *,
        may_write: bool = True,
        key: str | None = None,
        reading: str = "",
        endpoint: str = "",
        project: str = PROJECT,
    ) -> Access:
        """The account, opened."""
        text = key_file(self.fake.url) if key is None else key
        return Access(
            settings={"project_id": project, "endpoint": endpoint or self.fake.url},
            secrets={"service_account_json": Secret(text), "read_service_account_json": Secret(reading)},
            preferences=PREFERENCES,
            may_write=may_write,
        )

    def reading(self) -> str:
        """The key of the account that only reads."""
        return key_file(self.fake.url, READ_EMAIL)

    def add(self, name: str = "web-1", status: str = "RUNNING") -> str:
        """A machine made by hand; its id."""
        self.fake.make(name, ZONE)["status"] = status
        return f"projects/{PROJECT}/zones/{ZONE}/instances/{name}"

    def machine(self, resource_id: str | None = None) -> Machine:
        """A machine of ours."""
        return Machine(
            machine_id="machine-1",
            team_id="team-1",
            name="web-1",
            provider=ProviderType.GCP,
            provider_account_id="account-1",
            region="europe-west3",
            zone=ZONE,
            size="e2-micro",
            image="debian-cloud/debian-12",
            provider_resource_id=resource_id,
            ssh_key_ids=("key-1",),
            tags=("web",),
            created_at=AT,
            updated_at=AT,
        )

    def context(self, resource_id: str | None, **options: str) -> HookContext:
        """A run of that machine."""
        access = self.access()
        account = ProviderAccount(
            provider_account_id="account-1",
            team_id="team-1",
            provider_type=ProviderType.GCP,
            label="Acme",
            settings=dict(access.settings),
            created_at=AT,
            updated_at=AT,
        )
        return HookContext(
            machine=self.machine(resource_id),
            account=account,
            credentials=access.secrets,
            keys=(KEY,),
            private_keys={},
            practice=Path("/nonexistent"),
            log=self.lines.append,
            cancelled=self.cancelled,
            preferences=PREFERENCES,
            options=options,
        )

    def asked(self, start: str) -> list[str]:
        """The requests that begin so, those for tokens aside."""
        found = (str(each) for each in self.fake.requests if each.path != "/token")
        return [each for each in found if each.startswith(start)]


@contextlib.contextmanager
def gcp_stage() -> Iterator[GcpStage]:
    """The provider before its stand-in; neither may have broken the document in the end."""
    with serving(fake := HeldGcp()):
        yield GcpStage(provider=Gcp(pace=PACE, waits=WAITS, patience=PATIENCE), fake=fake)
    assert fake.complaints == [], fake.complaints[:3]
