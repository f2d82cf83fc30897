"""A cloud on loopback: real sockets, a memory, faults on order; what answers like which provider stands beside it."""

from __future__ import annotations

import argparse
import contextlib
import json
import threading
import time
import urllib.parse
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from machina_desktop.core.ids import now

Thing = dict[str, Any]
"""One resource as the API spells it; names that begin with an underscore are the fake's own and never told."""


class Refused(Exception):
    """What the API says no with."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


@dataclass(kw_only=True)
class Fault:
    """What goes wrong with requests whose method and path begin so, such as ``POST /v1/servers``.

    Attributes:
        times: How often it does.
        status: What is answered, with ``code`` and ``message`` as the API words errors.
        after: The request is carried out first.
        drop: The line is cut instead of an answer.
        delay_s: The answer comes so much later; with ``status`` 0 that is all.
        raw: What the body is instead, whatever it is.
        headers: Of the answer.
    """

    match: str
    times: int = 1
    status: int = 503
    code: str = "service_error"
    message: str = "told to fail"
    after: bool = False
    drop: bool = False
    delay_s: float = 0.0
    raw: str | None = None
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(kw_only=True)
class Asked:
    """A request that came."""

    method: str
    path: str
    query: dict[str, str]
    body: Thing

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


@dataclass(kw_only=True)
class Said:
    """An answer; no body means none at all, and no content type."""

    status: int = 200
    body: object = None


@dataclass(kw_only=True)
class Work:
    """Something that takes its time, and what happens when it is done."""

    thing: Thing
    since: float
    takes_s: float
    done: Callable[[], None]


class Cloud(ABC):
    """A cloud with one account. Any thread; the state is changed under ``lock`` only.

    Attributes:
        token: The token that may do everything; empty lets any in.
        read_token: One that may only read; empty for none.
        latency_s: How long each answer takes.
        meeting: What requests begin with, such as ``GET``, that wait for each other before they are answered.
        speed: What the usual time of each action is multiplied with; 0 does everything at once.
        held: Nothing that is under way ends.
        missing_s: For so long a new machine is in no list.
        address: What every new machine gets for its own; empty for one of an example network.
        limit: Machines that the account may have.
        sold_out: Sizes of which there are none; ``size@region`` for one region.
        faults: What will go wrong, first come first served.
        requests: What was asked, in order.
    """

    def __init__(self, *, token: str = "", read_token: str = "", speed: float = 0.02, latency_s: float = 0.0) -> None:
        self.lock = threading.RLock()
        self.token, self.read_token, self.speed, self.latency_s = token, read_token, speed, latency_s
        self.held, self.missing_s, self.limit, self.address = False, 0.0, 1000, ""
        self.sold_out: set[str] = set()
        self.faults: list[Fault] = []
        self.meeting: tuple[str, threading.Barrier] | None = None
        self.requests: list[Asked] = []
        self.url = ""
        self._last_id = 1000
        self._works: list[Work] = []

    @abstractmethod
    def route(self, asked: Asked) -> Said:
        """The answer to a request that is let in.

        Raises:
            Refused: the API says no.
        """

    @abstractmethod
    def error(self, refused: Refused) -> object:
        """The body of an error as this API words it."""

    @abstractmethod
    def add_machines(self, count: int, *, prefix: str = "other") -> None:
        """Have machines that somebody made by hand."""

    @abstractmethod
    def state(self) -> Thing:
        """Everything there is, for tests in other processes."""

    def new_id(self) -> int:
        """A number that nothing else has."""
        self._last_id += 1
        return self._last_id

    def meet(self, start: str, count: int) -> tuple[str, threading.Barrier]:
        """Answer requests that begin so when ``count`` of them are under way, and none where that does not happen."""
        self.meeting = (start, threading.Barrier(count, timeout=20))
        return self.meeting

    def begin(self, thing: Thing, takes_s: float, done: Callable[[], None]) -> None:
        """Have it be done after so many seconds of this cloud's time."""
        self._works.append(Work(thing=thing, since=time.monotonic(), takes_s=takes_s * self.speed, done=done))

    def tick(self) -> None:
        """End what has taken its time."""
        at = time.monotonic()
        for work in tuple(self._works):
            share = (at - work.since) / work.takes_s if work.takes_s else 1.0
            if share >= 1.0 and not self.held:
                self._works.remove(work)
                work.done()
            elif "progress" in work.thing:
                work.thing["progress"] = int(min(share, 0.99) * 100)

    def answer(self, asked: Asked, authorization: str) -> tuple[Said, Fault | None]:
        """What is said to a request, and the fault that befalls it."""
        with self.lock:
            self.tick()
            self.requests.append(asked)
            fault = next((each for each in self.faults if each.times > 0 and str(asked).startswith(each.match)), None)
            if fault is not None:
                fault.times -= 1
                if fault.status and not fault.after:
                    return self._failing(fault), fault
            try:
                self._let_in(asked, authorization)
                said = self.route(asked)
            except Refused as refused:
                said = Said(status=refused.status, body=self.error(refused))
            # Things may change before they are sent.
            said = Said(status=said.status, body=json.loads(json.dumps(told(said.body))))
            return (self._failing(fault) if fault is not None and fault.status else said), fault

    def control(self, path: str, body: Thing) -> object:
        """What tests in other processes do: ``state``, ``fail``, ``set``; ``body`` has fields of a fault or of this."""
        with self.lock:
            self.tick()
            if path == "/__fake/fail":
                self.faults.append(Fault(**body))
            elif path == "/__fake/set":
                for name, value in body.items():
                    setattr(self, name, set(value) if name == "sold_out" else value)
            return json.loads(json.dumps(told(self.state()) | {"requests": [str(each) for each in self.requests]}))

    def _failing(self, fault: Fault) -> Said:
        return Said(status=fault.status, body=self.error(Refused(fault.status, fault.code, fault.message)))

    def _let_in(self, asked: Asked, authorization: str) -> None:
        given = authorization.removeprefix("Bearer ")
        if self.read_token and given == self.read_token:
            if asked.method != "GET":
                raise Refused(403, *self.read_only)
        elif self.token and given != self.token:
            raise Refused(401, *self.unauthorized)

    read_only = ("forbidden", "You are not authorized to perform this operation")
    unauthorized = ("unauthorized", "Unable to authenticate you")


def told(value: object) -> Any:
    """It without the fake's own notes."""
    if isinstance(value, dict):
        return {name: told(each) for name, each in value.items() if not str(name).startswith("_")}
    return [told(each) for each in value] if isinstance(value, list) else value


def at() -> str:
    """Now, as APIs write it."""
    return now().strftime("%Y-%m-%dT%H:%M:%SZ")


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    cloud: Cloud

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name of the base class
        """Say nothing."""

    def _serve(self) -> None:
        address = urllib.parse.urlsplit(self.path)
        length = int(self.headers.get("Content-Length") or 0)
        sent = self.rfile.read(length)
        try:
            body = json.loads(sent or b"{}")
        except ValueError:
            body = dict(urllib.parse.parse_qsl(sent.decode("utf-8", "replace")))
        if address.path.startswith("/__fake/"):
            self._send(Said(body=self.cloud.control(address.path, body)), None)
            return
        query = dict(urllib.parse.parse_qsl(address.query, keep_blank_values=True))
        asked = Asked(method=self.command, path=address.path.rstrip("/"), query=query, body=body)
        said, fault = self.cloud.answer(asked, self.headers.get("Authorization", ""))
        if self.cloud.meeting is not None and str(asked).startswith(self.cloud.meeting[0]):
            self.cloud.meeting[1].wait()
        time.sleep(self.cloud.latency_s + (fault.delay_s if fault else 0.0))
        if fault is not None and fault.drop:
            self.close_connection = True
            return
        self._send(said, fault)

    def _send(self, said: Said, fault: Fault | None) -> None:
        whole = b"" if said.body is None else json.dumps(said.body).encode()
        if fault is not None and fault.raw is not None:
            whole = fault.raw.encode()
        self.send_response(said.status)
        if whole:
            self.send_header("Content-Type", "application/json")
        if said.status != 204:
            self.send_header("Content-Length", str(len(whole)))
        reset = str(int(time.time()) + 3600)
        limits = {"RateLimit-Limit": "5000", "RateLimit-Remaining": "4999", "RateLimit-Reset": reset}
        for name, value in (limits | (fault.headers if fault else {})).items():
            self.send_header(name, value)
        self.end_headers()
        if said.status != 204:
            with contextlib.suppress(OSError):
                self.wfile.write(whole)

    do_GET = do_POST = do_PUT = do_DELETE = _serve  # noqa: N815 - names of the base class


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    # A cloud has room for every request of a page that asks for everything at once.
    request_queue_size = 128


@contextlib.contextmanager
def serving(cloud: Cloud, *, port: int = 0) -> Iterator[Cloud]:
    """The cloud at ``cloud.url``, scheme, host and port, until the end."""
    handler = type("Handler", (_Handler,), {"cloud": cloud})
    server = _Server(("127.0.0.1", port), handler)
    cloud.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield cloud
    finally:
        server.shutdown()
        server.server_close()


def main(make: Callable[..., Cloud]) -> None:
    """Serve until killed; prints the address once it answers."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--speed", type=float, default=1.0, help="times the usual duration of actions")
    parser.add_argument("--latency", type=float, default=0.0, help="seconds that each answer takes")
    parser.add_argument("--token", default="")
    parser.add_argument("--read-token", default="")
    parser.add_argument("--machines", type=int, default=0, help="that somebody made by hand")
    given = parser.parse_args()
    made = make(token=given.token, read_token=given.read_token, speed=given.speed, latency_s=given.latency)
    made.add_machines(given.machines)
    with serving(made, port=given.port) as cloud:
        print(cloud.url, flush=True)
        threading.Event().wait()
