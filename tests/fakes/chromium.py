"""A real browser without a window, spoken to over a pipe as its own developer tools do."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import itertools
import json
import os
import shutil
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PROGRAM = "chromium-headless-shell"
DEADLINE_S = 60.0
LONGEST = 1 << 26
FLAGS = (
    "--remote-debugging-pipe",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-extensions",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--no-proxy-server",
    "--hide-scrollbars",
    # It speaks with this computer only.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1",
)
Json = dict[str, Any]


class Chromium:
    """The browser's process; each answer goes to who asked, all else is kept as it came."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.WriteTransport) -> None:
        self._reader, self._writer = reader, writer
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[Json]] = {}
        self.events: list[Json] = []
        self._heard = asyncio.Event()
        self._task = asyncio.create_task(self._read())

    async def _read(self) -> None:
        while True:
            told = json.loads((await self._reader.readuntil(b"\0"))[:-1])
            if "id" in told:
                self._waiting.pop(told["id"]).set_result(told)
            else:
                self.events.append(told)
                self._heard.set()

    async def ask(self, method: str, session: str = "", **parameters: Any) -> Any:
        """The result of a command; one that fails fails the test."""
        number = next(self._numbers)
        future = self._waiting[number] = asyncio.get_running_loop().create_future()
        told = {"id": number, "method": method, "params": parameters} | ({"sessionId": session} if session else {})
        self._writer.write(json.dumps(told).encode() + b"\0")
        answer = await asyncio.wait_for(future, DEADLINE_S)
        assert "error" not in answer, f"{method}: {answer}"
        return answer["result"]

    async def event(self, method: str, session: str, after: int) -> Json:
        """The first such event of a tab that came after so many events."""
        async with asyncio.timeout(DEADLINE_S):
            while True:
                self._heard.clear()
                for each in self.events[after:]:
                    if (each["method"], each.get("sessionId")) == (method, session):
                        return each
                await self._heard.wait()

    async def close(self) -> None:
        self._task.cancel()
        self._writer.close()


@dataclass
class Tab:
    """One page of the browser."""

    browser: Chromium
    session: str

    async def ask(self, method: str, **parameters: Any) -> Any:
        return await self.browser.ask(method, self.session, **parameters)

    async def open(self, url: str) -> None:
        """Go there and wait until everything is loaded, fonts included."""
        after = len(self.browser.events)
        await self.ask("Page.navigate", url=url)
        await self.browser.event("Page.loadEventFired", self.session, after)
        await self.run("document.fonts.ready.then(() => true)")

    async def run(self, script: str) -> Any:
        """The value of an expression in the page, with a click's rights."""
        answer = await self.ask(
            "Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True, userGesture=True
        )
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    async def show(self, width: int, height: int = 900, **features: str) -> None:
        """A screen of that size, and what the person prefers, such as ``prefers_color_scheme='dark'``."""
        await self.ask(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600
        )
        media = [{"name": name.replace("_", "-"), "value": value} for name, value in features.items()]
        await self.ask("Emulation.setEmulatedMedia", features=media)

    async def press(self, key: str) -> None:
        """A key of the keyboard."""
        text = {"text": "\r"} if key == "Enter" else {}
        codes = {"Tab": 9, "Enter": 13}
        for kind in ("keyDown", "keyUp"):
            sent = text if kind == "keyDown" else {}
            await self.ask(
                "Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=codes[key], **sent
            )

    async def click(self, selector: str) -> None:
        """The middle of an element."""
        place = await self.run(
            f"(() => {{ const box = document.querySelector({json.dumps(selector)}).getBoundingClientRect();"
            " return [box.x + box.width / 2, box.y + box.height / 2]; })()"
        )
        for kind in ("mousePressed", "mouseReleased"):
            await self.ask("Input.dispatchMouseEvent", type=kind, x=place[0], y=place[1], button="left", clickCount=1)

    async def picture(self, target: Path) -> None:
        """What it looks like, all of it."""
        shot = await self.ask("Page.captureScreenshot", captureBeyondViewport=True)
        await asyncio.to_thread(target.parent.mkdir, parents=True, exist_ok=True)
        await asyncio.to_thread(target.write_bytes, base64.b64decode(shot["data"]))

    def look_for_faults(self) -> list[str]:
        """What its console said, what its policy refused and what it could not load so far, oldest first."""
        faults: list[str] = []
        own = [each for each in self.browser.events if each.get("sessionId") == self.session]
        for each in own:
            told = each["params"]
            if each["method"] == "Log.entryAdded":
                faults.append(told["entry"]["text"])
            elif each["method"] in {"Runtime.exceptionThrown", "Audits.issueAdded"}:
                faults.append(json.dumps(told))
            elif each["method"] == "Runtime.consoleAPICalled" and told["type"] in {"error", "warning", "assert"}:
                faults.append(json.dumps(told["args"]))
        return faults


# The browser hears at descriptor 3 and speaks at 4.
_BEGIN = """
import fcntl, os, sys
hears, speaks = (fcntl.fcntl(int(each), fcntl.F_DUPFD, 10) for each in sys.argv[1:3])
os.dup2(hears, 3)
os.dup2(speaks, 4)
os.execv(sys.argv[3], sys.argv[3:])
"""


@asynccontextmanager
async def browsing(profile: Path) -> AsyncIterator[Chromium]:
    """A browser that ends with the test."""
    program = shutil.which(PROGRAM)
    assert program is not None, f"{PROGRAM} is missing: install the Debian package {PROGRAM}"
    theirs_in, ours_out = os.pipe()
    ours_in, theirs_out = os.pipe()
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-ISc",
        _BEGIN,
        str(theirs_in),
        str(theirs_out),
        program,
        *FLAGS,
        f"--user-data-dir={profile}",
        pass_fds=(theirs_in, theirs_out),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
        start_new_session=True,
    )
    os.close(theirs_in)
    os.close(theirs_out)
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=LONGEST)
    incoming, _ = await loop.connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(ours_in, "rb", buffering=0)
    )
    outgoing, _ = await loop.connect_write_pipe(asyncio.BaseProtocol, os.fdopen(ours_out, "wb", buffering=0))
    browser = Chromium(reader, outgoing)
    try:
        yield browser
    finally:
        await browser.close()
        incoming.close()
        # With all the processes it made.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()


@asynccontextmanager
async def tab(browser: Chromium) -> AsyncIterator[Tab]:
    """A page in a context of its own, that may write to a clipboard."""
    context = (await browser.ask("Target.createBrowserContext"))["browserContextId"]
    made = await browser.ask("Target.createTarget", url="about:blank", browserContextId=context)
    attached = await browser.ask("Target.attachToTarget", targetId=made["targetId"], flatten=True)
    session = attached["sessionId"]
    for domain in ("Page", "Runtime", "Log", "Network", "Audits"):
        await browser.ask(f"{domain}.enable", session)
    permissions = ["clipboardReadWrite", "clipboardSanitizedWrite"]
    await browser.ask("Browser.grantPermissions", permissions=permissions, browserContextId=context)
    try:
        yield Tab(browser, session)
    finally:
        await browser.ask("Target.disposeBrowserContext", browserContextId=context)
