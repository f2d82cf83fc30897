"""Litestar with handlers that do next to nothing, on uvicorn as machina-server configures it: the anchor."""

from __future__ import annotations

import asyncio
import json
import socket
import sys
import time
from collections.abc import AsyncIterator
from typing import Any

import uvicorn
from litestar import Litestar, get, post
from litestar.response import ServerSentEvent

from machina_desktop.server.config import ServerConfig
from machina_desktop.server.serving import BACKLOG, IDLE_S, listen

_PUSHES = asyncio.Condition()
_LINES: list[str] = []


@post("/beat", status_code=200)
async def beat(data: dict[str, Any]) -> dict[str, Any]:
    """Take a body, give a body."""
    return {"at": data["heartbeat"]["sent_at"], "interval_s": 10}


async def tell() -> None:
    """Send a line to every stream for each line of this process's input."""
    while await asyncio.to_thread(sys.stdin.readline):
        async with _PUSHES:
            _LINES.append(json.dumps({"text": f"said {len(_LINES) + 1} {time.time():.6f}"}))
            _PUSHES.notify_all()


@get("/stream")
async def stream() -> ServerSentEvent:
    """What is said from now on."""

    async def lines() -> AsyncIterator[str]:
        known = 0
        while True:
            async with _PUSHES:
                while known == len(_LINES):
                    await _PUSHES.wait()
            while known < len(_LINES):
                yield _LINES[known]
                known += 1

    return ServerSentEvent(lines())


def main() -> None:
    """Serve until told to end."""
    listener = listen(ServerConfig(port=0))
    config = uvicorn.Config(
        Litestar([beat, stream], openapi_config=None, logging_config=None),
        http="h11",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=IDLE_S,
        backlog=BACKLOG,
        timeout_graceful_shutdown=1,
    )
    print(
        json.dumps({"message": f"serving at 127.0.0.1 port {listener.getsockname()[1]}"}), file=sys.stderr, flush=True
    )
    asyncio.run(_serve(uvicorn.Server(config), listener))


async def _serve(server: uvicorn.Server, listener: socket.socket) -> None:
    telling = asyncio.create_task(tell())
    await server.serve(sockets=[listener])
    telling.cancel()


if __name__ == "__main__":
    main()
