"""Signing in while somebody tries a hundred wrong passwords a second, and what everybody else feels of it (G04, T32).

And whether the time of a refusal tells if there is such an account: Welch's t of both kinds, 4.5 and above would.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import statistics
import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx

from bench._served import Process, Store, machina, seed, spread, stores
from machina_desktop.core.config import REPOSITORY, Paths
from machina_desktop.core.domain.account import Account, Session, SessionKind
from machina_desktop.core.domain.team import Actor, Client, User
from machina_desktop.core.errors import Unauthenticated
from machina_desktop.core.ids import now
from machina_desktop.core.secret import Secret
from machina_desktop.core.services.accounts import Login
from machina_desktop.core.services.passwords import Passwords, stored_pepper
from machina_desktop.core.workers.deployer import RUNNER
from tests.fakes.accounts import PASSWORD, server

RATE, SECONDS = 100, 20
SAMPLES = 1_000


async def feel(url: str, token: str, team_id: str, seconds: float) -> list[float]:
    """How long somebody at work waits for a list of machines."""
    times = []
    until = time.perf_counter() + seconds
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(base_url=url, headers=headers, timeout=60, trust_env=False) as http:
        while time.perf_counter() < until:
            began = time.perf_counter()
            answer = await http.get("/api/machines", params={"team_id": team_id})
            assert answer.status_code == 200, answer.text
            times.append(time.perf_counter() - began)
            await asyncio.sleep(0.05)
    return times


async def sign_in(url: str, seconds: float) -> tuple[list[float], int]:
    """How long each good sign-in of one after the other took, and how many were refused as too many."""
    times, refused = [], 0
    until = time.perf_counter() + seconds
    number = 0
    async with httpx.AsyncClient(base_url=url, timeout=60, trust_env=False) as http:
        while time.perf_counter() < until:
            number += 1
            fields = {"email": f"good{number}@example.org", "password": PASSWORD.reveal(), "kind": "device"}
            headers = {"X-Forwarded-For": f"203.0.113.{number}"}
            began = time.perf_counter()
            answer = await http.post("/api/auth/login", json=fields, headers=headers)
            if answer.status_code == 200:
                times.append(time.perf_counter() - began)
            else:
                refused += 1
                await asyncio.sleep(0.1)
    return times, refused


async def under_attack(server_: Process, token: str, team_id: str) -> None:
    """Print what is felt meanwhile."""
    url = f"http://localhost:{server_.port}"
    command = [sys.executable, "-m", "bench._intruder", str(server_.port), str(RATE), str(SECONDS)]
    calm = await feel(url, token, team_id, 3)
    intruder = await asyncio.create_subprocess_exec(*command, cwd=REPOSITORY, stdout=subprocess.PIPE)
    # One after the other: two at once would be two hashes without a pause, on a computer that may have two cores.
    felt, (good, refused) = await asyncio.gather(feel(url, token, team_id, SECONDS), sign_in(url, SECONDS))
    seen = json.loads((await intruder.communicate())[0])
    print(f"wrong sign-ins tried, {RATE} a second        {sum(seen.values()):6}   by status {seen}")
    print(f"GET /api/machines before              {spread(calm)}")
    print(f"GET /api/machines meanwhile           {spread(felt)}   (bar: p99 500 ms)")
    taken = f"{spread(good)}" if good else "none"
    print(f"good sign-ins meanwhile               {len(good) / SECONDS:6.2f} a second   {taken}   (bar: 2 a second)")
    print(f"good sign-ins turned away             {refused:6}   by the limit that all share")


async def timing() -> None:
    """Print Welch's t of refusals of a known and an unknown account, at bcrypt's lowest cost: the work around shows."""
    times: dict[str, list[float]] = {"known@example.org": [], "nobody@example.org": []}
    with TemporaryDirectory() as folder:
        async with server(Path(folder) / "home") as shared:
            await shared.registered("known")
            # On this computer nothing is counted.
            stranger = Actor(user_id="", display_name="", client=Client())
            execute = shared.made.host.dispatcher.execute
            for _ in range(SAMPLES):
                # In no order that one of them could gain by.
                for email in random.sample(sorted(times), 2):
                    began = time.perf_counter()
                    try:
                        await execute(stranger, Login(email=email, password=Secret("wrong"), kind=SessionKind.DEVICE))
                    except Unauthenticated:
                        times[email].append(time.perf_counter() - began)
    # Without the slowest tenth, which other programs of this computer made.
    kept = [sorted(seen)[: int(len(seen) * 0.9)] for seen in times.values()]
    spreads = [statistics.variance(seen) / len(seen) for seen in kept]
    t = abs(statistics.mean(kept[0]) - statistics.mean(kept[1])) / (sum(spreads) ** 0.5)
    apart = (statistics.mean(kept[0]) - statistics.mean(kept[1])) * 1e6
    print(f"known or unknown account, Welch's t   {t:6.2f}   of {SAMPLES} refusals each, {apart:+.1f} µs (bar: 4.5)")


def once(number: int, at: datetime) -> Session:
    """That person was signed in at that address before, and is not any more."""
    return Session(
        session_id=f"session-good{number}",
        user_id=f"user-good{number}",
        kind=SessionKind.DEVICE,
        device_name="",
        user_agent="",
        address=f"203.0.113.{number}",
        token_hash=f"{number}",
        created_at=at,
        last_seen_at=at,
        expires_at=at,
        revoked_at=at,
    )


async def people(store: Store) -> tuple[str, str]:
    """Accounts that sign in later; the token of somebody at work, and their team."""
    database = store.open()
    crew = await seed(database, machines=100, people=1)
    paths = Paths(store.home)
    paths.create()
    passwords = Passwords(stored_pepper(paths.pepper))
    hashed, pepper = await passwords.hashed(PASSWORD)
    passwords.close()
    at = now()
    for number in range(1, 250):
        email, user_id = f"good{number}@example.org", f"user-good{number}"
        user = User(user_id=user_id, email=email, display_name=email, created_at=now())
        account = Account(user_id=user_id, email=email, password_hash=hashed.reveal(), pepper=pepper, changed_at=now())
        rows = (user, account, once(number, at))
        await database.write(RUNNER, lambda *_: None, lambda tx, rows=rows: [tx.add(row) for row in rows])
    database.close()
    return crew.people[0], crew.team_id


def main() -> None:
    """On SQLite, where everything is one process."""
    os.environ["MACHINA_TRUSTED_PROXIES"] = "127.0.0.1"
    with stores() as both:
        store = both["SQLite"]
        token, team_id = asyncio.run(people(store))
        with machina(store) as server_:
            asyncio.run(under_attack(server_, token, team_id))
    asyncio.run(timing())


if __name__ == "__main__":
    main()
