"""A server as ``machina-server`` makes it, in which a run says a line for each line of this process's input."""

from __future__ import annotations

import asyncio
import json
import sys
import time

from machina_desktop.core import log
from machina_desktop.core.config import Paths, environment
from machina_desktop.core.domain.log_line import LogLevel, LogLine
from machina_desktop.core.events import LogAppended
from machina_desktop.core.host import Host
from machina_desktop.core.ids import now
from machina_desktop.core.workers.deployer import RUNNER
from machina_desktop.server.config import read_config
from machina_desktop.server.serving import Web, listen, opened
from machina_desktop.server.streams import Times


async def tell(host: Host, deployment_id: str) -> None:
    """Append to the run's log as the dispatcher does for a runner of this process."""
    number = 0
    while await asyncio.to_thread(sys.stdin.readline):
        number += 1
        line = LogLine(at=now(), phase="apply", level=LogLevel.INFO, text=f"said {number} {time.time():.6f}")
        end, _tx = await host.database.write(
            RUNNER, lambda *_: None, lambda tx, line=line: tx.append_log(deployment_id, (line,), {})
        )
        host.bus.publish(LogAppended(deployment_id, end))


async def serve(deployment_id: str) -> None:
    """Serve until the input ends."""
    config, paths = read_config(environment()), Paths.default()
    listener = listen(config)
    async with opened(config, paths, times=Times()) as server:
        web = Web(server)
        print(json.dumps({"message": f"serving at port {listener.getsockname()[1]}"}), file=sys.stderr, flush=True)
        serving = asyncio.create_task(web.serve(sockets=[listener]))
        await tell(server._parts.host, deployment_id)  # noqa: SLF001 - a runner has no face to ask through
        web.should_exit = True
        await serving


if __name__ == "__main__":
    log.configure_stream(sys.stderr, level="warning")
    asyncio.run(serve(sys.argv[1]))
