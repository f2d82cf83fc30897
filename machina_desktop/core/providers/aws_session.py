"""A line to EC2 and STS through boto3: bounded, in threads of its own, and nothing is done twice."""

from __future__ import annotations

import asyncio
import logging
import os
import random
import re
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from types import TracebackType
from typing import Any, Protocol, Self, TypeVar

from machina_desktop.core.config import Settings
from machina_desktop.core.errors import InvalidInput, Unavailable
from machina_desktop.core.http_terms import Patience
from machina_desktop.core.ids import now
from machina_desktop.core.providers.aws_errors import DIALECT, Shown, missing, no_answer, note_status, sign_on, told
from machina_desktop.core.providers.cloud_api import Pace, pause
from machina_desktop.core.providers.cloud_errors import BUSY, FAULT
from machina_desktop.core.secret import Secret

HOME = "us-east-1"
"""The region that is asked where an account names none; every account has it."""

THREADS = 16
PAGES = 1000
_AGAIN = frozenset({"E-OFFLINE", BUSY, FAULT})
_EARLY = timedelta(seconds=60)
T = TypeVar("T")
_REGION = re.compile(r"[a-z]{2,4}(-[a-z]+)+-[0-9]{1,2}")
Found = Mapping[str, Any]
"""One thing as boto3 answers it; of what is in it nothing is certain."""


Given = Mapping[str, object]
"""What is asked with, by the API's names."""


class Client(Protocol):
    """A service in one region, as boto3 has it."""

    meta: Any

    def __getattr__(self, name: str) -> Callable[..., Found]:
        """One of its operations."""


class Frozen(Protocol):
    """Credentials at one moment."""

    access_key: str
    secret_key: str
    token: str | None


class Held(Protocol):
    """Credentials that may change."""

    def get_frozen_credentials(self) -> Frozen:
        """As they are now."""


class Session(Protocol):
    """A session of boto3."""

    def client(self, service: str, **given: object) -> Client:
        """A client of one service."""

    def get_credentials(self) -> Held | None:
        """Those of its profile."""


@dataclass(frozen=True, kw_only=True)
class Login:
    """Who asks.

    Attributes:
        profile: Of the files in ``~/.aws``, which are read for it and never else; instead of the keys.
        role: Is assumed with them; empty for none.
        role_field: The account's field that names it.
    """

    access_key_id: str = ""
    secret_access_key: Secret = field(default_factory=lambda: Secret(""))
    profile: str = ""
    role: str = ""
    role_field: str = "assume_role_arn"


@dataclass(frozen=True, kw_only=True)
class Keys:
    """Credentials that requests are signed with; ``until`` is when they end, ``None`` for never."""

    access_key_id: str
    secret_access_key: Secret
    session_token: Secret = field(default_factory=lambda: Secret(""))
    until: datetime | None = None

    @property
    def is_fresh(self) -> bool:
        """Whether they hold for another minute."""
        return self.until is None or now() < self.until - _EARLY


@dataclass(frozen=True, kw_only=True)
class Line:
    """How it is asked.

    Attributes:
        region: The only one that the account uses; empty for all that are enabled.
        endpoint: Of a private cloud or a test, for EC2 and STS; empty for Amazon's own.
    """

    preferences: Settings
    cancelled: Callable[[], bool]
    pace: Pace
    patience: Patience
    region: str = ""
    endpoint: str = ""


class AwsApi:
    """Requests of one account. Lives on the loop; ``async with`` lets go of its threads.

    Every request raises:
        CloudError: ``E-CLOUD-…``.
        InvalidInput: the account's fields cannot be used.
        Unavailable: ``E-OFFLINE``, ``E-TLS``, ``E-PROXY``; :class:`NoAnswer` where a write may have been carried out.
        Cancelled: while waiting.
    """

    def __init__(self, login: Login, line: Line) -> None:
        """Nothing is asked or loaded yet.

        Raises:
            InvalidInput: E-CLOUD-REGION.
        """
        self.login, self.line = login, line
        self.region = line.region or HOME
        if not _REGION.fullmatch(self.region):
            raise InvalidInput(
                f"{self.region[:40]!r} is no region of AWS.",
                field="region",
                hint="Its name is like eu-central-1.",
                code="E-CLOUD-REGION",
            )
        # What these tell of requests would hold headers and tokens.
        for name in ("boto3", "botocore", "urllib3"):
            logging.getLogger(name).setLevel(logging.WARNING)
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="aws")
        self._room = asyncio.Semaphore(THREADS)
        self._lock = threading.RLock()
        self._session: Session | None = None
        self._keys: Keys | None = None
        self._clients: dict[tuple[str, str], Client] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # A thread that still waits for an answer ends with its time-out.
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def keys(self) -> Keys:
        """The credentials that requests are signed with, those of the role where there is one."""
        return await self._retried("", self._fresh_keys, is_write=False)

    async def ask(self, operation: str, given: Given | None = None, *, region: str = "", service: str = "ec2") -> Found:
        """The answer to what changes nothing."""
        return await self._asked(operation, region, service, given or {}, is_write=False)

    async def write(self, operation: str, given: Given, *, region: str = "") -> Found:
        """Change something; sent once."""
        return await self._asked(operation, region, "ec2", given, is_write=True)

    async def listed(
        self, operation: str, part: str, given: Given | None = None, *, region: str = ""
    ) -> tuple[Found, ...]:
        """What is on all pages of a list.

        Raises:
            CloudError: E-CLOUD-ANSWER, a page repeats.
        """
        found: list[Found] = []
        tokens = {""}
        asked = dict(given or {})
        for _ in range(PAGES):
            page = await self.ask(operation, asked, region=region)
            found += page.get(part) or ()
            token = str(page.get("NextToken") or "")
            if not token:
                return tuple(found)
            if token in tokens:
                break
            tokens.add(token)
            asked["NextToken"] = token
        raise DIALECT.strange(self._where(region), "with the same page of a list again and again")

    async def _asked(self, operation: str, region: str, service: str, given: Given, *, is_write: bool) -> Found:
        def ask() -> Found:
            answer: Found = getattr(self._client(service, region or self.region), operation)(**given)
            # Something in between may answer 200 with nothing at all, which would read as an empty list.
            if not answer.get("ResponseMetadata", {}).get("RequestId"):
                raise DIALECT.strange(self._where(region), "with nothing", may_be_done=is_write)
            return answer

        return await self._retried(region, ask, is_write=is_write)

    async def _retried(self, region: str, ask: Callable[[], T], *, is_write: bool) -> T:
        number, since, pace = 0, time.monotonic(), self.line.pace
        while True:
            number += 1
            await pause(0, self.line.cancelled)
            try:
                return await self._in_thread(region, ask, is_write=is_write)
            except Unavailable as error:
                is_late = number >= pace.tries or time.monotonic() - since > pace.whole_s
                if is_write or error.code not in _AGAIN or is_late:
                    raise
            pause_s = pace.pause_s * 2 ** (number - 1) * random.uniform(0.5, 1.0)  # noqa: S311 - spreads load
            await pause(pause_s, self.line.cancelled)

    async def _in_thread(self, region: str, ask: Callable[[], T], *, is_write: bool) -> T:
        shown = Shown(where=self._where(region), secrets=self._secrets(), is_write=is_write, login=self.login)

        def run() -> T:
            with told(shown):
                return ask()

        patience = self.line.patience
        try:
            # Waiting for a thread is not waiting for an answer.
            async with self._room, asyncio.timeout(patience.call_s):
                return await asyncio.get_running_loop().run_in_executor(self._threads, run)
        except TimeoutError as error:
            raise no_answer(shown, is_late=True) from error

    def _where(self, region: str) -> str:
        return self.line.endpoint.partition("://")[2] or f"AWS in {region or self.region}"

    def _secrets(self) -> tuple[Secret, ...]:
        mine = (self.login.secret_access_key,)
        return mine if self._keys is None else (*mine, self._keys.secret_access_key, self._keys.session_token)

    def _fresh_keys(self) -> Keys:
        with self._lock:
            if self._keys is None or not self._keys.is_fresh:
                keys = self._own_keys()
                self._keys = self._role_keys(keys) if self.login.role else keys
                self._clients.clear()
            return self._keys

    def _own_keys(self) -> Keys:
        if not self.login.profile:
            return Keys(access_key_id=self.login.access_key_id, secret_access_key=self.login.secret_access_key)
        session = self._opened()
        found = session.get_credentials()
        if found is None:
            raise InvalidInput(
                f"The profile {self.login.profile} has no credentials.",
                field="profile",
                hint=f"Look at ~/.aws/config and ~/.aws/credentials. {sign_on(self.login.profile)}",
                code="E-CLOUD-TOKEN",
            )
        frozen = found.get_frozen_credentials()
        # How long those of a profile hold is not told; after a while they are asked for again.
        return Keys(
            access_key_id=frozen.access_key,
            secret_access_key=Secret(frozen.secret_key),
            session_token=Secret(frozen.token or ""),
            until=now() + timedelta(minutes=10) if frozen.token else None,
        )

    def _role_keys(self, keys: Keys) -> Keys:
        sts = self._made("sts", self.region, keys)
        found = sts.assume_role(RoleArn=self.login.role, RoleSessionName="machina")["Credentials"]
        return Keys(
            access_key_id=found["AccessKeyId"],
            secret_access_key=Secret(found["SecretAccessKey"]),
            session_token=Secret(found["SessionToken"]),
            until=found["Expiration"],
        )

    def _client(self, service: str, region: str) -> Client:
        # Under one lock: keys that another thread renews in between would sign for ever in a client that is kept.
        with self._lock:
            keys = self._fresh_keys()
            if (service, region) not in self._clients:
                self._clients[service, region] = self._made(service, region, keys)
            return self._clients[service, region]

    def _made(self, service: str, region: str, keys: Keys) -> Client:
        session = self._opened()
        from botocore.config import Config  # type: ignore[import-untyped]  # noqa: PLC0415 - heavy

        from machina_desktop.core.http import proxy_for  # noqa: PLC0415 - brings httpx

        line, patience = self.line, self.line.patience
        proxy = proxy_for(line.endpoint or f"https://{service}.{region}.amazonaws.com", line.preferences)
        made = session.client(
            service,
            region_name=region,
            endpoint_url=line.endpoint or None,
            # As all lines of ours: the authorities of this system, where it has a file of them.
            verify=ssl.get_default_verify_paths().cafile,
            aws_access_key_id=keys.access_key_id,
            aws_secret_access_key=keys.secret_access_key.reveal(),
            aws_session_token=keys.session_token.reveal() or None,
            config=Config(
                connect_timeout=patience.connect_s,
                read_timeout=patience.read_s,
                retries={"total_max_attempts": 1, "mode": "standard"},
                proxies={"http": proxy, "https": proxy} if proxy else {},
                max_pool_connections=THREADS,
                ignore_configured_endpoint_urls=True,
            ),
        )
        made.meta.events.register("before-parse", note_status)
        return made

    def _opened(self) -> Session:
        """A session that reads neither files nor the environment nor the cloud's own metadata, but for a profile."""
        if self._session is not None:
            return self._session
        try:
            import boto3  # type: ignore[import-untyped]  # noqa: PLC0415 - heavy, and most never need it
            from botocore import session  # type: ignore[import-untyped]  # noqa: PLC0415 - as boto3
        except ImportError as error:
            raise missing() from error
        nothing = (None, None, os.devnull, None)
        closed = {"profile": (None, None, None, None), "config_file": nothing, "credentials_file": nothing}
        profile = self.login.profile
        inner = session.Session(profile=profile) if profile else session.Session(session_vars=closed)
        inner.register_component("data_loader", _loader())
        for name in ("env", "boto-config", "container-role", "iam-role"):
            inner.get_component("credential_provider").remove(name)
        made: Session = boto3.Session(botocore_session=inner)
        self._session = made
        return made


@cache
def _loader() -> object:
    """What describes the services: megabytes, whose reading takes longer than most answers, so it is read once."""
    from botocore.loaders import create_loader  # type: ignore[import-untyped]  # noqa: PLC0415 - as boto3

    from machina_desktop.core.providers.aws_models import Models  # noqa: PLC0415 - needed by none but boto3

    found: Any = create_loader()
    found.file_loader = Models()
    return found
