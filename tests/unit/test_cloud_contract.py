"""Our clients and the clouds' own documents agree: what is sent, what is read, and what our stand-ins answer."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from machina_desktop.core.domain.machine import RESCUE
from machina_desktop.core.errors import MachinaError, Unavailable
from machina_desktop.core.providers.base import Access
from tests.fakes.clouds.hetzner import Hetzner as HetznerFake
from tests.fakes.clouds.stage import KEY, KINDS, Stage, stage_of
from tests.fakes.prism import Relay, prism, relayed

DOCUMENTS = Path(__file__).parents[1] / "data" / "openapi"
HOMES = {"digitalocean": "https://api.digitalocean.com", "hetzner": ""}
# One server per document serves all of these; started by whichever worker has the group.
pytestmark = [pytest.mark.xdist_group("prism"), pytest.mark.timeout(120)]

Ask = Callable[[Stage, Access], Awaitable[object]]


def power(action: str, **options: str) -> Ask:
    async def ask(stage: Stage, access: Access) -> object:
        context = stage.context("42", key_id="7", **options)
        account = replace(context.account, settings=dict(access.settings))
        return await stage.provider.power(replace(context, account=account), action)

    return ask


async def observe(stage: Stage, access: Access) -> object:
    context = stage.context("42")
    return await stage.provider.observe(
        replace(context, account=replace(context.account, settings=dict(access.settings)))
    )


async def observe_in_rescue(stage: Stage, access: Access) -> object:
    context = stage.context("42")
    account = replace(context.account, settings=dict(access.settings))
    machine = replace(context.machine, facts={RESCUE: "since today"})
    return await stage.provider.observe(replace(context, account=account, machine=machine))


ASKED: dict[str, Ask] = {
    "verify": lambda stage, access: stage.provider.verify(access),
    "catalogue": lambda stage, access: stage.provider.catalogue(access),
    "instances": lambda stage, access: stage.provider.instances(access),
    "find": lambda stage, access: stage.provider.find(access, "machine-1"),
    "find a firewall": lambda stage, access: stage.provider.find_firewalls(access, stage.machine(), ("machina-1",)),
    "list keys": lambda stage, access: stage.provider.held_keys(access),
    "put a key": lambda stage, access: stage.provider.put_key(access, KEY),
    "remove a key": lambda stage, access: stage.provider.remove_key(access, "7"),
    "observe": observe,
    "rescue seen": observe_in_rescue,
    "reboot": power("reboot"),
    "stop": power("stop"),
    "start": power("start"),
    "rebuild": power("rebuild", image="ubuntu-20.04"),
    "rebuild by id": power("rebuild", image="42"),
    "snapshot": power("snapshot", name="before"),
    "rescue": power("rescue", mode="on"),
    "rescue off": power("rescue", mode="off"),
}


@dataclass(frozen=True)
class Contract:
    """A document, and the server made of it."""

    stage: Stage
    relay: Relay
    document: dict[str, Any]

    @property
    def asked(self) -> dict[str, Ask]:
        """What this provider can do."""
        can = self.stage.provider.info.power_actions
        return {name: ask for name, ask in ASKED.items() if not name.startswith("rescue") or "rescue" in can}

    async def ask(self, name: str) -> MachinaError | None:
        """Do it; what came of it but success."""
        try:
            await ASKED[name](self.stage, self.stage.access(endpoint=self.relay.url))
        except MachinaError as error:
            return error
        return None

    def responses(self) -> Iterator[tuple[str, str, dict[str, Any]]]:
        """Method, path and the responses of each operation that was asked."""
        for path, operations in self.document["paths"].items():
            for method, operation in operations.items():
                if method in {"get", "post", "put", "delete"}:
                    yield method.upper(), path, operation["responses"]

    def resolved(self, value: dict[str, Any]) -> dict[str, Any]:
        """Where a reference leads."""
        while "$ref" in value:
            found: Any = self.document
            for part in str(value["$ref"]).removeprefix("#/").split("/"):
                found = found[part]
            value = found
        return value

    def examples(self) -> Iterator[tuple[re.Pattern[str], str]]:
        """Each named example of an operation's success, and the requests that get it."""
        for method, path, responses in self.responses():
            for status, response in responses.items():
                content = self.resolved(response).get("content", {}).get("application/json", {})
                for name in content.get("examples", {}) if status.startswith("2") else ():
                    yield pattern_of(method, path), name


def pattern_of(method: str, path: str) -> re.Pattern[str]:
    return re.compile(f"{method} " + re.sub(r"\\?\{[^}]*\\?\}", "[^/]+", path))


def document_of(kind: str, folder: Path) -> tuple[Path, dict[str, Any]]:
    """The document, and a file with it."""
    text = (DOCUMENTS / f"{kind}.json").read_text("utf-8")
    # A range of statuses is written with capitals; else nothing understands it.
    document = json.loads(text.replace('"4xx"', '"4XX"').replace('"5xx"', '"5XX"'))
    if kind == "hetzner":
        document["paths"] = {f"/v1{path}": operations for path, operations in document["paths"].items()}
    file = folder / f"{kind}.json"
    file.write_text(json.dumps(document), "utf-8")
    return file, document


@pytest.fixture(scope="module", params=KINDS)
def served(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Contract]:
    file, document = document_of(request.param, tmp_path_factory.mktemp("openapi"))
    with prism(file) as mock, relayed(mock, home=HOMES[request.param]) as relay, stage_of(request.param) as stage:
        stage.provider.waits = replace(stage.provider.waits, action_s=0.1, busy_s=0.1, shutdown_s=0.05, settle_s=0.05)
        yield Contract(stage, relay, document)


@pytest.fixture
def contract(served: Contract) -> Contract:
    served.relay.prefer.clear()
    served.relay.complaints.clear()
    served.relay.served.clear()
    return served


@pytest.mark.parametrize("name", ASKED)
async def test_what_is_sent_is_allowed_and_what_is_shown_is_read(contract: Contract, name: str) -> None:
    if name not in contract.asked:
        return
    error = await contract.ask(name)
    assert contract.relay.complaints == []
    assert contract.relay.served
    assert error is None or error.code == "E-POWER", error


@pytest.mark.parametrize("name", ASKED)
async def test_whatever_the_document_allows_is_read(contract: Contract, name: str) -> None:
    if name not in contract.asked:
        return
    contract.relay.prefer.append((re.compile(".*"), "dynamic=true"))
    error = await contract.ask(name)
    assert contract.relay.complaints == []
    assert error is None or error.code == "E-POWER", error


async def test_every_example_is_read(contract: Contract) -> None:
    relay, asked = contract.relay, {}
    for name in contract.asked:
        await contract.ask(name)
        asked |= {f"{method} {path}": name for method, path, _ in relay.served}
    read = set()
    for pattern, example in contract.examples():
        relay.prefer[:] = [(pattern, f"example={example}")]
        for name in {name for request, name in asked.items() if pattern.fullmatch(request)}:
            error = await contract.ask(name)
            assert error is None or error.code == "E-POWER", (example, name, error)
            read.add(example)
    assert read
    assert relay.complaints == []


async def test_every_documented_error_is_understood(contract: Contract) -> None:
    """By its status where the words are unknown; Hetzner shows the words of a wrong token with every status."""
    meanings = {"401": "E-CLOUD-DENIED", "404": "E-CLOUD-NOT-FOUND", "429": "E-CLOUD-BUSY", "500": "E-CLOUD-FAULT"}
    if contract.stage.kind == "hetzner":
        meanings = dict.fromkeys(("401", "403", "404", "409", "422", "423", "500", "503"), "E-CLOUD-DENIED")
        meanings |= {"429": "E-CLOUD-BUSY"}
    for status, code in meanings.items():
        contract.relay.prefer[:] = [(re.compile("GET .*"), f"code={status}")]
        error = await contract.ask("instances")
        assert isinstance(error, Unavailable)
        assert error.code == code, (status, error)
    assert contract.relay.complaints == []


@pytest.mark.parametrize("kind", KINDS)
async def test_a_stand_in_answers_as_its_document_says(kind: str, tmp_path: Path) -> None:
    file, _ = document_of(kind, tmp_path)
    with stage_of(kind) as stage, prism(file, upstream=stage.fake.url) as address:
        if isinstance(stage.fake, HetznerFake):
            # The document is of February 2026.
            stage.fake.datacenters = True
        resource_id = stage.add()
        access = stage.access(endpoint=address)
        assert (await stage.provider.verify(access)).reason == ""
        assert (await stage.provider.catalogue(access)).images
        assert await stage.provider.put_key(access, KEY)
        assert len(await stage.provider.instances(access)) == 1
        for action in stage.provider.info.power_actions:
            context = stage.context(resource_id, key_id="1", mode="off")
            account = replace(context.account, settings={"endpoint": address})
            await stage.provider.power(replace(context, account=account), action)
