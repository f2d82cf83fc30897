"""Somebody who tries passwords: ``python -m bench._intruder PORT RATE SECONDS`` sends so many wrong sign-ins a second.

Each comes from an address of its own, as from a great many computers: the bench's server believes this one's word on
that. Prints how often each status came, as JSON.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import Counter


async def attempt(port: int, number: int, seen: Counter[int]) -> None:
    """One wrong sign-in on a connection of its own."""
    body = json.dumps({"email": f"user{number}@example.org", "password": "wrong", "kind": "device"}).encode()
    head = (
        f"POST /api/auth/login HTTP/1.1\r\nHost: localhost:{port}\r\nConnection: close\r\n"
        f"X-Forwarded-For: 198.51.{number // 250 % 250}.{number % 250}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(head.encode() + body)
        answer = await reader.read()
        writer.close()
    except OSError:
        answer = b""
    seen[int(answer[9:12] or 0)] += 1


async def run(port: int, rate: float, seconds: float) -> None:
    """Open loop: the next comes whether or not the last was answered."""
    seen: Counter[int] = Counter()
    began = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for number in range(int(rate * seconds)):
            await asyncio.sleep(began + number / rate - time.perf_counter())
            group.create_task(attempt(port, number, seen))
    print(json.dumps(seen))


if __name__ == "__main__":
    asyncio.run(run(int(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3])))
