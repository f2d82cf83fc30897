"""Agents that send heartbeats over raw connections, cheap enough that the server is what is measured.

``python -m bench._beats PORT PATH MODE RATE SECONDS`` reads tokens from its input, one a line, and prints what it saw
as JSON; MODE is ``open`` (so many a second, whatever the answers) or ``closed`` (each asks again when answered).
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from uuid import uuid4


class Agent(asyncio.Protocol):
    """One connection of one agent, one request at a time."""

    def __init__(self, port: int, path: str, token: str) -> None:
        self.seq = 0
        boot = str(uuid4())
        head = f"POST {path} HTTP/1.1\r\nHost: localhost:{port}\r\nAuthorization: Bearer {token}\r\n"
        self._head = f"{head}Content-Type: application/json\r\nContent-Length: "
        self._body = (
            f'{{"heartbeat":{{"boot_id":"{boot}","seq":%d,"sent_at":"2026-01-31T12:00:00Z","uptime_s":86400,'
            '"load":[0.31,0.25,0.2],"memory_bytes":8589934592,"memory_used_bytes":2147483648,'
            '"disk_bytes":107374182400,"disk_used_bytes":21474836480,"version":"1.0.0"}}}}'
        ).replace("}}}}", "}}")
        self._came = b""
        self._answered: asyncio.Future[int] | None = None
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        self._came += data
        head, found, rest = self._came.partition(b"\r\n\r\n")
        if not found:
            return
        at = head.lower().find(b"content-length:")
        length = int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
        if len(rest) >= length and self._answered is not None:
            self._came = b""
            answered, self._answered = self._answered, None
            answered.set_result(int(head[9:12]))

    def connection_lost(self, exc: Exception | None) -> None:
        if self._answered is not None:
            self._answered.set_result(0)

    async def beat(self) -> int:
        """Send the next heartbeat; the status of its answer, 0 when the line was cut."""
        self.seq += 1
        body = self._body % self.seq
        self._answered = asyncio.get_running_loop().create_future()
        assert self._transport is not None
        self._transport.write(f"{self._head}{len(body)}\r\n\r\n{body}".encode())
        return await self._answered


async def at_a_rate(agents: list[Agent], rate: float, seconds: float) -> tuple[list[float], int]:
    """Open loop: each heartbeat has its moment, and waiting for a slow answer counts as waiting."""
    times: list[float] = []
    wrong = 0
    began = time.perf_counter() + 0.1

    async def one(number: int, agent: Agent) -> None:
        nonlocal wrong
        for turn in range(int(rate * seconds / len(agents))):
            due = began + (number + turn * len(agents)) / rate
            await asyncio.sleep(due - time.perf_counter())
            wrong += await agent.beat() != 200
            times.append(time.perf_counter() - due)

    await asyncio.gather(*(one(number, agent) for number, agent in enumerate(agents)))
    return times, wrong


async def as_fast_as_answered(agents: list[Agent], seconds: float) -> tuple[list[float], int]:
    """Closed loop."""
    times: list[float] = []
    wrong = 0
    until = time.perf_counter() + seconds

    async def one(agent: Agent) -> None:
        nonlocal wrong
        while (began := time.perf_counter()) < until:
            wrong += await agent.beat() != 200
            times.append(time.perf_counter() - began)

    await asyncio.gather(*(one(agent) for agent in agents))
    return times, wrong


async def run(port: int, path: str, mode: str, rate: float, seconds: float) -> None:
    """Do it and print what was seen."""
    loop = asyncio.get_running_loop()
    agents = []
    for token in sys.stdin.read().split():
        _, agent = await loop.create_connection(lambda token=token: Agent(port, path, token), "127.0.0.1", port)  # type: ignore[misc]
        await agent.beat()
        agents.append(agent)
    began, cpu = time.perf_counter(), time.process_time()
    if mode == "open":
        times, wrong = await at_a_rate(agents, rate, seconds)
    else:
        times, wrong = await as_fast_as_answered(agents, seconds)
    took = time.perf_counter() - began
    print(json.dumps({"times": times, "wrong": wrong, "took": took, "cpu": time.process_time() - cpu}))


if __name__ == "__main__":
    asyncio.run(run(int(sys.argv[1]), sys.argv[2], sys.argv[3], float(sys.argv[4]), float(sys.argv[5])))
