"""HTTP as programs of ours speak it: bounded in time and size, no redirects, and nothing of it in any log."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import logging
import platform
import ssl
import urllib.parse
import urllib.request
from collections.abc import AsyncIterator, Iterator, Mapping
from functools import cache, lru_cache
from pathlib import Path

import certifi
import httpx

from machina_desktop import __version__
from machina_desktop.core.config import NO_PROXY_HOSTS, PROXY_MODE, PROXY_URL, Settings
from machina_desktop.core.errors import Unavailable
from machina_desktop.core.http_terms import Answer, NoAnswer, Patience, checked_origin, strange
from machina_desktop.core.ids import now

ANSWER_BYTES = 8 << 20
CONNECTIONS = 8
IDLE_S = 20.0
"""Shorter than servers keep a line that nobody uses, so that no request goes out on one that they just close."""

USER_AGENT = f"Machina/{__version__} ({platform.system() or 'unknown'})"


class Http:
    """A line to one origin. Lives on the loop.

    Every method raises:
        Unavailable: E-OFFLINE, E-TLS, E-PROXY, or E-SERVER-ANSWER for what is no HTTP or too large; of these
            :class:`NoAnswer` where the request may have arrived.
    """

    def __init__(self, origin: str, settings: Settings, patience: Patience | None = None) -> None:
        """``origin`` is scheme, host and port, such as ``https://machina.example.org``.

        Raises:
            InvalidInput: E-SERVER-ADDRESS, it is anything else.
            Unavailable: E-PROXY, the proxy that is set cannot be used.
        """
        self.origin = checked_origin(origin)
        self._patience = patience or Patience()
        self.host = urllib.parse.urlsplit(origin).netloc
        # What these two tell of requests would hold addresses and headers.
        for name in ("httpx", "httpcore"):
            logging.getLogger(name).setLevel(logging.WARNING)
        try:
            self._client = httpx.AsyncClient(
                base_url=self.origin,
                headers={"User-Agent": USER_AGENT, "Accept-Encoding": "identity"},
                timeout=httpx.Timeout(self._patience.read_s, connect=self._patience.connect_s),
                limits=httpx.Limits(
                    max_connections=CONNECTIONS, max_keepalive_connections=CONNECTIONS, keepalive_expiry=IDLE_S
                ),
                proxy=proxy_for(self.origin, settings) or None,
                verify=trusted() if self.origin.startswith("https:") else False,
                trust_env=False,
                follow_redirects=False,
            )
        except (ImportError, ValueError, httpx.InvalidURL) as error:
            raise Unavailable(
                "The proxy that is set cannot be used for this.",
                hint="Set a proxy whose address begins with http:// or https://, or none.",
                code="E-PROXY",
            ) from error

    async def ask(
        self,
        method: str,
        path: str,
        *,
        query: tuple[tuple[str, str], ...] = (),
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        limit: int = ANSWER_BYTES,
    ) -> Answer:
        """The whole answer, which may be no longer than ``limit`` bytes."""
        with self._translated():
            async with asyncio.timeout(self._patience.call_s):
                request = self._client.build_request(method, path, params=query or None, headers=headers, content=body)
                return await self._whole(request, limit)

    async def _whole(self, request: httpx.Request, limit: int) -> Answer:
        response = await self._client.send(request, stream=True)
        try:
            _refuse_encoding(response)
            found = bytearray()
            async for piece in response.aiter_raw():
                found += piece
                if len(found) > limit:
                    raise strange(self.host, f"with more than {limit >> 20} MiB")
            return Answer(status=response.status_code, headers=_headers(response), body=bytes(found))
        finally:
            await response.aclose()

    @contextlib.asynccontextmanager
    async def follow(
        self, path: str, *, headers: Mapping[str, str]
    ) -> AsyncIterator[tuple[Answer, AsyncIterator[bytes]]]:
        """A stream that has no end: its head, without a body, and its pieces as they come.

        After a while without a piece it is taken for broken. Of an answer that is no success the whole body, up to
        1 MiB, is in the head.
        """
        connect_s, silence_s = self._patience.connect_s, self._patience.silence_s
        with self._translated():
            async with asyncio.timeout(connect_s + silence_s):
                timeout = httpx.Timeout(silence_s, connect=connect_s)
                request = self._client.build_request("GET", path, headers=headers, timeout=timeout)
                response = await self._client.send(request, stream=True)
            try:
                _refuse_encoding(response)
                pieces = response.aiter_raw()
                body = b""
                if not response.is_success:
                    async with asyncio.timeout(silence_s):
                        body = await self._beginning(pieces)
                yield Answer(status=response.status_code, headers=_headers(response), body=body), pieces
            finally:
                await response.aclose()

    async def _beginning(self, pieces: AsyncIterator[bytes]) -> bytes:
        found = bytearray()
        async for piece in pieces:
            found += piece
            if len(found) > 1 << 20:
                raise strange(self.host, "with an error of more than 1 MiB")
        return bytes(found)

    async def close(self) -> None:
        """Let go of all lines."""
        await self._client.aclose()

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except TimeoutError as error:
            raise NoAnswer(f"{self.host} does not answer.", hint=_HINT, is_late=True) from error
        except httpx.TransportError as error:
            raise _translation(error, self.host) from error
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as error:
            raise strange(self.host, "in a way that cannot be read") from error


_HINT = "Check the network; what is on this computer can still be read."


@cache
def load() -> None:
    """Read what the first request would make its loop wait for, half a second of libraries. In a thread."""
    asyncio.run(_touch())


async def _touch() -> None:
    # No line leads to port 0: what carries them is read on the way to that.
    async with httpx.AsyncClient(trust_env=False, verify=trusted()) as client:
        with contextlib.suppress(httpx.TransportError):
            await client.get("http://127.0.0.1:0")


def trusted() -> ssl.SSLContext:
    """Whom to believe: the authorities of this system and of ``SSL_CERT_FILE``, those of Mozilla where it has none.

    One for all lines, for reading it takes 60 ms; read anew when the file is another.
    """
    where = ssl.get_default_verify_paths()
    try:
        stamp = Path(where.cafile).stat().st_mtime_ns if where.cafile else 0
    except OSError:
        stamp = 0
    return _trusted(where.cafile, where.capath, stamp)


@lru_cache(2)
def _trusted(cafile: str | None, capath: str | None, _stamp: int) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if not cafile and not capath and not context.cert_store_stats()["x509_ca"]:
        context.load_verify_locations(certifi.where())
    return context


def proxy_for(origin: str, settings: Settings) -> str:
    """The proxy on the way to ``origin``; empty for none. This computer itself is reached directly."""
    parts = urllib.parse.urlsplit(origin)
    host, mode = parts.hostname or "", settings.get(PROXY_MODE)
    if mode == "none" or _is_own(host):
        return ""
    if mode == "system":
        if urllib.request.proxy_bypass(host):
            return ""
        found = urllib.request.getproxies()
        return found.get(parts.scheme, "") or found.get("all", "")
    direct = (each.strip().lower() for each in settings.get(NO_PROXY_HOSTS).split(","))
    return "" if any(_covers(each, host) for each in direct if each) else settings.get(PROXY_URL)


def _is_own(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _covers(pattern: str, host: str) -> bool:
    """Whether a host without proxy, as it stands in the settings, means ``host``."""
    try:
        return ipaddress.ip_address(host) in ipaddress.ip_network(pattern.strip("[]"), strict=False)
    except ValueError:
        name = pattern.lstrip("*.")
        return not name or host == name or host.endswith(f".{name}")


def _headers(response: httpx.Response) -> Mapping[str, str]:
    return {name.lower(): value for name, value in response.headers.items()}


def _refuse_encoding(response: httpx.Response) -> None:
    # A few bytes can be made to unpack to any number; nothing packed was asked for.
    if response.headers.get("content-encoding", "identity").lower() != "identity":
        raise httpx.DecodingError("It is packed.")


def _translation(error: httpx.TransportError, host: str) -> Unavailable:
    if isinstance(error, httpx.ProxyError):
        return Unavailable(
            f"The proxy does not let this computer through to {host}.",
            hint="Check the proxy in the settings.",
            code="E-PROXY",
        )
    cause = _tls_error(error)
    if cause is not None:
        return _tls(cause, host)
    if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout):
        return Unavailable(f"{host} cannot be reached.", hint=_HINT, code="E-OFFLINE")
    is_cut = isinstance(error, httpx.TimeoutException | httpx.NetworkError) or "disconnected" in str(error)
    if is_cut or "closed connection" in str(error):
        is_late = isinstance(error, httpx.TimeoutException)
        how = "does not answer" if is_late else "broke the line before it had answered"
        return NoAnswer(f"{host} {how}.", hint=_HINT, is_late=is_late)
    return strange(host, "in a way that is no HTTP")


def _tls_error(error: BaseException) -> ssl.SSLError | None:
    found: BaseException | None = error
    while found is not None and not isinstance(found, ssl.SSLError):
        found = found.__cause__ or found.__context__
    return found


def _tls(error: ssl.SSLError, host: str) -> Unavailable:
    expired, not_yet = 10, 9
    if isinstance(error, ssl.SSLCertVerificationError) and error.verify_code in {expired, not_yet}:
        return Unavailable(
            f"The certificate of {host} {'has expired' if error.verify_code == expired else 'does not hold yet'}.",
            hint=f"The clock of this computer says {now():%Y-%m-%d %H:%M} UTC; if that is right, tell whoever runs "
            "the server.",
            code="E-TLS",
        )
    if isinstance(error, ssl.SSLCertVerificationError):
        return Unavailable(
            f"The certificate of {host} cannot be trusted: {error.verify_message}.",
            hint="If its authority is your own, name its certificate's file in SSL_CERT_FILE.",
            code="E-TLS",
        )
    return Unavailable(
        f"No safe line to {host} can be made.", hint="Check that the address and its port speak TLS.", code="E-TLS"
    )
