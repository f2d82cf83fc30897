"""Many readers of server-sent events over raw connections: ``python -m bench._listeners PORT PATH EACH``.

Tokens come as input, one a line up to an empty one; each makes EACH connections. It prints ``open`` when all of them
are, then the number of each event that all have got; when its input ends it prints what was seen as JSON.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
import time

SAID = re.compile(rb"said (\d+) ([0-9.]+)")


class Crowd:
    """What all readers together have seen."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.open = 0
        self.times: dict[int, list[float]] = {}
        self.wrong = 0

    def opened(self) -> None:
        self.open += 1
        if self.open == self.size:
            print("open", flush=True)

    def got(self, number: int, said_at: float) -> None:
        seen = self.times.setdefault(number, [])
        seen.append(time.time() - said_at)
        if len(seen) == self.size:
            print(number, flush=True)


class Reader(asyncio.Protocol):
    """One connection."""

    def __init__(self, crowd: Crowd, request: bytes) -> None:
        self._crowd = crowd
        self._request = request
        self._newest = 0
        self._came = b""
        self._is_open = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.write(self._request)  # type: ignore[attr-defined]

    def data_received(self, data: bytes) -> None:
        self._came += data
        if not self._is_open:
            if b"\r\n\r\n" not in self._came:
                return
            self._is_open = True
            self._crowd.wrong += not self._came.startswith(b"HTTP/1.1 200")
            self._crowd.opened()
        whole, ended, rest = self._came.rpartition(b"\n\n")
        ended = ended or b""
        if not ended:
            whole, ended, rest = self._came.rpartition(b"\r\n\r\n")
        if not ended:
            return
        self._came = rest
        for number, said_at in SAID.findall(whole):
            self._crowd.wrong += int(number) != self._newest + 1
            self._newest = int(number)
            self._crowd.got(self._newest, float(said_at))

    def connection_lost(self, exc: Exception | None) -> None:
        self._crowd.wrong += 1


async def run(port: int, path: str, each: int) -> None:
    """Open all, then read until the input ends."""
    loop = asyncio.get_running_loop()
    tokens = [token.strip() for token in iter(sys.stdin.readline, "\n")]
    crowd = Crowd(len(tokens) * each)
    for token in tokens:
        request = f"GET {path} HTTP/1.1\r\nHost: localhost:{port}\r\nAuthorization: Bearer {token}\r\n\r\n".encode()
        made = (
            loop.create_connection(lambda request=request: Reader(crowd, request), "127.0.0.1", port)  # type: ignore[misc]
            for _ in range(each)
        )
        await asyncio.gather(*made)
    await asyncio.to_thread(sys.stdin.read)
    print(json.dumps({"times": crowd.times, "wrong": crowd.wrong}), flush=True)


if __name__ == "__main__":
    asyncio.run(run(int(sys.argv[1]), sys.argv[2], int(sys.argv[3])))
