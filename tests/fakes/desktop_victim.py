"""A desktop without a window as a process of its own, to be killed: it carries out what its person has asked for.

Started as ``python -m tests.fakes.desktop_victim`` with its data folder in the environment.
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from machina_desktop.core.config import Paths, Settings
from machina_desktop.core.events import EventBus
from machina_desktop.core.host import Host
from tests.fakes.keyed_provider import KeyedProvider
from tests.fakes.provider import install


async def main() -> None:
    """For ever."""
    install(KeyedProvider())
    paths = Paths(Path(os.environ["MACHINA_HOME"]))
    host = Host(paths, Settings(paths.settings), EventBus())
    await host.start(watch=False)
    host.start_followers()
    host.start_deployer()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
