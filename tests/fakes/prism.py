"""Prism: a server made from an OpenAPI document, and the way to it on which answers are asked for by name.

It validates every request; before a server it validates every answer as well.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import re
import shutil
import socket
import subprocess
import threading
import time
import urllib.parse
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.fakes.ports import free_port

PROGRAM = (
    Path(__file__).parents[2] / ".venv" / "prism" / "node_modules" / "@stoplight" / "prism-cli" / "dist" / "index.js"
)
_START_S = 60.0


@contextlib.contextmanager
def prism(document: Path, *, upstream: str = "") -> Iterator[str]:
    """The address of a server for ``document``: of made-up answers, or of ``upstream`` with each one validated."""
    node = shutil.which("node")
    assert node, "node is missing: install the Debian package nodejs (scripts/setup.sh dev does)"
    assert PROGRAM.exists(), "Prism is missing: npm installs it, see scripts/setup.sh dev"
    port = free_port()
    what = ("proxy", str(document), upstream) if upstream else ("mock", str(document))
    # What is made up is the same each time.
    what += () if upstream else ("--seed", "machina")
    command = [node, str(PROGRAM), *what, "--errors", "--host", "127.0.0.1", "--port", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _await(process, port)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


def _await(process: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + _START_S
    while True:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.2):
            return
        assert process.poll() is None, "Prism ended"
        assert time.monotonic() < deadline, "Prism does not answer"
        time.sleep(0.05)


@dataclass
class Relay:
    """Stands before Prism, asks for the answers that a test wants, and keeps what Prism complains of.

    Attributes:
        home: What addresses in the document begin with; they lead here instead.
        prefer: ``Prefer`` for requests whose method and path match, such as ``example=GPU Droplets`` or ``code=404``.
        complaints: What was wrong with requests.
        served: Method, path and status of each request.
    """

    upstream: str
    home: str = ""
    url: str = ""
    prefer: list[tuple[re.Pattern[str], str]] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    served: list[tuple[str, str, int]] = field(default_factory=list)

    def ask(self, method: str, path: str, headers: dict[str, str], body: bytes) -> tuple[int, str, bytes]:
        """Pass it on; status, content type and body."""
        parts = urllib.parse.urlsplit(path)
        wanted = [value for pattern, value in self.prefer if pattern.fullmatch(f"{method} {parts.path}")]
        if wanted:
            headers = headers | {"Prefer": wanted[0]}
        line = http.client.HTTPConnection(urllib.parse.urlsplit(self.upstream).netloc, timeout=20)
        line.request(method, path, body or None, headers)
        answer = line.getresponse()
        said, kind = answer.read(), answer.getheader("content-type", "")
        line.close()
        self.served.append((method, parts.path, answer.status))
        if "problem+json" in kind or answer.getheader("sl-violations"):
            self.complaints.append(f"{method} {path} {body!r}: {said.decode()} {answer.getheader('sl-violations')}")
        elif said and "json" in kind:
            said = self._last_page(said, parts.query, is_made_up=bool(wanted) and "dynamic" in wanted[0])
        return answer.status, kind, said

    def _last_page(self, said: bytes, query: str, *, is_made_up: bool) -> bytes:
        """What a document shows of a list always has a next page; here the second is the last, and empty."""
        text = said.decode().replace(self.home, self.url) if self.home else said.decode()
        if is_made_up:
            # The document allows ids below zero in what is answered, and not in what is asked.
            text = re.sub(r'"id":\s*-', '"id":', text)
        body: Any = json.loads(text)
        if isinstance(body, dict) and (is_made_up or "page" in urllib.parse.parse_qs(query)):
            if isinstance(meta := body.get("meta"), dict) and "pagination" in meta:
                meta["pagination"]["next_page"] = None
            if "links" in body and "meta" in body:
                body["links"] = {}
            if not is_made_up:
                body |= {name: [] for name, value in body.items() if isinstance(value, list)}
        return json.dumps(body).encode()


@contextlib.contextmanager
def relayed(upstream: str, *, home: str = "") -> Iterator[Relay]:
    """A relay that runs."""
    relay = Relay(upstream, home)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name of the base class
            """Say nothing."""

        def serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {name: value for name, value in self.headers.items() if name.lower() not in {"host", "prefer"}}
            status, kind, said = relay.ask(self.command, self.path, headers, body)
            self.send_response(status)
            if said:
                self.send_header("Content-Type", kind)
            if status != 204:
                self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            with contextlib.suppress(OSError):
                self.wfile.write(said if status != 204 else b"")

        do_GET = do_POST = do_PUT = do_DELETE = serve  # noqa: N815 - names of the base class

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    relay.url = f"http://127.0.0.1:{server.server_address[1]}"
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    try:
        yield relay
    finally:
        server.shutdown()
        server.server_close()
