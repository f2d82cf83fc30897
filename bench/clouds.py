"""Four accounts of 500 machines at four clouds: listed at once hardly slower than the slowest alone, and shown soon."""

from __future__ import annotations

import asyncio
import contextlib
import json
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench import _cloud_window
from machina_desktop.core.config import REPOSITORY, Settings
from machina_desktop.core.domain.provider import ProviderType
from machina_desktop.core.http_terms import Patience
from machina_desktop.core.providers.aws import Aws
from machina_desktop.core.providers.base import Access, Provider
from machina_desktop.core.providers.digitalocean import DigitalOcean
from machina_desktop.core.providers.gcp import Gcp
from machina_desktop.core.providers.hetzner import Hetzner
from machina_desktop.core.secret import Secret
from tests.fakes.clouds.aws_served import AMIS, moto
from tests.fakes.clouds.gcp import PROJECT

MACHINES, ROUNDS = 500, 5
LATENCY_S = 0.12
"""Of each answer, as from clouds that are an ocean away; moto takes longer than that by itself."""
REGION = "eu-central-1"
TOKEN = "token-of-an-account-0123456789"
GOAL, GOAL_SHOWN_S = 1.2, 2.0


@dataclass(frozen=True, kw_only=True)
class Account:
    """One account, opened."""

    provider: Provider
    access: Access

    async def listed(self) -> float:
        """How many seconds its list takes."""
        began = time.perf_counter()
        assert len(await self.provider.instances(self.access)) == MACHINES
        return time.perf_counter() - began


def access(settings: dict[str, str], **secrets: str) -> Access:
    """An account of these fields that only browses."""
    known = {name: Secret(value) for name, value in secrets.items()}
    return Access(settings=settings, secrets=known, preferences=Settings(Path("/nonexistent/settings.json")))


@contextlib.contextmanager
def served(kind: str) -> Iterator[str]:
    """The address of a stand-in in a process of its own."""
    command = [sys.executable, "-m", f"tests.fakes.clouds.{kind}", "--machines", str(MACHINES)]
    command += ["--latency", str(LATENCY_S), *([] if kind == "gcp" else ["--token", TOKEN])]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=REPOSITORY) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.kill()


async def fill(account: Account) -> None:
    """Have EC2 run the machines."""
    assert isinstance(account.provider, Aws)
    count = {"MinCount": MACHINES, "MaxCount": MACHINES}
    async with account.provider.open(account.access) as api:
        await api.write("run_instances", {"ImageId": AMIS[0][0], "InstanceType": "t3.micro", **count})


async def measure(accounts: list[Account]) -> tuple[list[float], float]:
    """Medians of each account alone, and of all together."""
    for account in accounts:
        await account.listed()
    alone: list[list[float]] = [[] for _ in accounts]
    together = []
    for _ in range(ROUNDS):
        for times, account in zip(alone, accounts, strict=True):
            times.append(await account.listed())
        began = time.perf_counter()
        await asyncio.gather(*(account.listed() for account in accounts))
        together.append(time.perf_counter() - began)
    return [statistics.median(times) for times in alone], statistics.median(together)


async def window(accounts: list[Account]) -> list[float]:
    """Seconds from the last answer to the table that is painted with all of them, in the real window."""
    providers: dict[ProviderType, Provider] = {each.provider.info.type: each.provider for each in accounts}
    fields = {
        each.provider.info.type: {
            **each.access.settings,
            **{name: secret.reveal() for name, secret in each.access.secrets.items()},
        }
        for each in accounts
    }
    return await _cloud_window.shown(providers, fields, machines=MACHINES, rounds=ROUNDS)


def main() -> int:
    """Measure; 1 where the goal is missed."""
    patience = Patience(read_s=60.0, call_s=90.0)
    with contextlib.ExitStack() as stack:
        ocean, hetzner, google = (stack.enter_context(served(kind)) for kind in ("digitalocean", "hetzner", "gcp"))
        amazon = stack.enter_context(moto())
        with urllib.request.urlopen(f"{google}/__fake/state", timeout=30) as answer:
            key = str(json.load(answer)["key_file"])
        keys = {"access_key_id": "AKIAIOSFODNN7EXAMPLE", "region": REGION}
        accounts = [
            Account(provider=DigitalOcean(), access=access({"endpoint": ocean}, api_token=TOKEN)),
            Account(provider=Hetzner(), access=access({"endpoint": hetzner}, api_token=TOKEN)),
            Account(
                provider=Gcp(), access=access({"endpoint": google, "project_id": PROJECT}, service_account_json=key)
            ),
            Account(
                provider=Aws(patience=patience), access=access({"endpoint": amazon, **keys}, secret_access_key="x" * 40)
            ),
        ]
        asyncio.run(fill(accounts[-1]))
        alone, together = asyncio.run(measure(accounts))
        shown = asyncio.run(window(accounts))
    for account, seconds in zip(accounts, alone, strict=True):
        print(f"{account.provider.info.title}: {MACHINES} machines in {seconds * 1000:.0f} ms")
    factor = together / max(alone)
    print(f"all four at once: {together * 1000:.0f} ms, {factor:.2f} x the slowest (goal {GOAL})")
    print(
        f"{len(accounts) * MACHINES} machines in one table: painted {statistics.median(shown) * 1000:.0f} ms after the "
        f"last answer, at most {max(shown) * 1000:.0f} ms (goal {GOAL_SHOWN_S * 1000:.0f})"
    )
    return int(factor > GOAL or max(shown) > GOAL_SHOWN_S)


if __name__ == "__main__":
    raise SystemExit(main())
