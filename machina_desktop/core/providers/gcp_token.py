"""Service accounts of Google: a key that is checked before it is used, and tokens that last an hour."""

from __future__ import annotations

import asyncio
import re
import urllib.parse
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from machina_desktop.core.codec import from_json, from_plain
from machina_desktop.core.config import Settings
from machina_desktop.core.errors import InvalidInput, Unavailable
from machina_desktop.core.http_terms import Patience
from machina_desktop.core.ids import now
from machina_desktop.core.providers.cloud_api import CloudApi, Pace, checked_endpoint
from machina_desktop.core.providers.cloud_clock import clock_is_off
from machina_desktop.core.providers.cloud_errors import DENIED, CloudError, Complaint, Dialect
from machina_desktop.core.providers.gcp_errors import TITLE
from machina_desktop.core.secret import Secret

READ_ONLY = "https://www.googleapis.com/auth/compute.readonly"
FULL = "https://www.googleapis.com/auth/compute"

_LASTS_S = 3600
"""How long a token is asked for; Google gives none for longer."""
_EARLY_S = 60.0
"""So long before its end a token is renewed."""
_TOKEN_URI = "https://oauth2.googleapis.com/token"  # noqa: S105 - an address
_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_OTHERS = {
    "authorized_user": "a person's own credentials, as gcloud keeps them,",
    "external_account": "the description of a workload identity",
    "external_account_authorized_user": "the description of a workforce identity",
    "impersonated_service_account": "the description of an impersonation",
}
_CLOCK = re.compile(r"\biat\b|\bexp\b|timeframe")
_NOT_BELIEVED = frozenset(
    {"invalid_grant", "invalid_client", "unauthorized_client", "access_denied", "account_disabled"}
)
_HINT = "In Google's console under IAM, Service accounts, Keys, make a key of the type JSON and paste its whole file."


@dataclass(frozen=True, kw_only=True)
class ServiceAccount:
    """Who signs, and what with.

    Attributes:
        project_id: The project in which it was made; it may have rights in others.
        token_uri: Where what it signs is exchanged for a token.
        text: The whole key file, as Terraform takes it.
    """

    client_email: str
    project_id: str
    private_key_id: str
    private_key: Secret
    token_uri: str
    text: Secret


@dataclass(frozen=True, kw_only=True)
class _KeyFile:
    client_email: str
    private_key: Secret
    project_id: str = ""
    private_key_id: str = ""
    token_uri: str = _TOKEN_URI


@dataclass(frozen=True, kw_only=True)
class Grant:
    """What the token endpoint answers."""

    access_token: Secret = field(repr=False)
    expires_in: float = _LASTS_S


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """What it answers when it does not."""

    error: str
    error_description: str = ""


def service_account_of(key: Secret, name: str) -> ServiceAccount:
    """The service account of a key file, the text of the account's field ``name``.

    Raises:
        InvalidInput: E-CLOUD-TOKEN, it is none; says what is wrong and holds nothing of it.
    """
    text = key.reveal().strip().removeprefix("\ufeff")
    if not text:
        raise _wrong("The account has no key of a service account.", name)
    if text.startswith("-----BEGIN"):
        raise _wrong("This is a private key alone; the key file around it is needed.", name)
    try:
        found = from_json(text, dict[str, object])
    except InvalidInput:
        raise _wrong("This is no JSON, so it is no key of a service account.", name) from None
    kind = found.get("type")
    if kind != "service_account":
        raise _wrong(f"This is {_named(kind, found)} and no key of a service account.", name)
    missing = [each for each in ("client_email", "private_key") if not found.get(each)]
    if missing:
        raise _wrong(f"The key of the service account lacks its field {missing[0]}.", name)
    try:
        file = from_plain(found, _KeyFile)
    except InvalidInput as error:
        field_name = error.field or "project_id"
        raise _wrong(f"The field {field_name} of the service account's key is no text.", name) from None
    try:
        token_uri = checked_endpoint(file.token_uri)
    except InvalidInput:
        raise _wrong("The token_uri in the service account's key is no address that may be asked.", name) from None
    return ServiceAccount(
        client_email=file.client_email,
        project_id=file.project_id,
        private_key_id=file.private_key_id,
        private_key=file.private_key,
        token_uri=token_uri,
        text=Secret(text),
    )


def signed(account: ServiceAccount, scope: str, name: str) -> Secret:
    """What the account signs to be given a token of that scope.

    Raises:
        InvalidInput: E-CLOUD-TOKEN, its private key cannot be read.
        Unavailable: E-CLOUD-LIBRARY, google-auth is missing.
    """
    try:
        # A window that is opened does not sign, and most never do.
        from google.auth import crypt, jwt  # noqa: PLC0415 - brings cryptography
    except ImportError as error:
        raise Unavailable(
            "The library google-auth, which signs for Google Cloud, is not installed.",
            hint="Install Machina with its part for clouds: machina-desktop[clouds].",
            code="E-CLOUD-LIBRARY",
        ) from error
    try:
        signer = crypt.RSASigner.from_string(  # type: ignore[no-untyped-call]
            account.private_key.reveal(), account.private_key_id or None
        )
    except (ValueError, TypeError):
        raise _wrong("The private key in the service account's key cannot be read.", name) from None
    at = int(now().timestamp())
    claims = {"iss": account.client_email, "scope": scope, "aud": account.token_uri, "iat": at, "exp": at + _LASTS_S}
    return Secret(jwt.encode(signer, claims).decode())  # type: ignore[no-untyped-call]


@dataclass(frozen=True, kw_only=True)
class Line:
    """How both lines of an account are kept, as :class:`CloudApi` takes it."""

    preferences: Settings
    cancelled: Callable[[], bool]
    pace: Pace
    patience: Patience


class TokenLine(CloudApi):
    """A line to the token endpoint of one service account, with the newest token that it gave. Lives on the loop."""

    def __init__(self, account: ServiceAccount, scope: str, name: str, line: Line) -> None:
        """``name`` is the account's field with the key, for what is wrong with it."""
        super().__init__(
            account.token_uri,
            Secret("none"),
            DIALECT,
            line.preferences,
            cancelled=line.cancelled,
            pace=line.pace,
            patience=line.patience,
        )
        self._account, self._scope, self._name = account, scope, name
        self._token, self._until = Secret(""), 0.0
        self._lock = asyncio.Lock()

    async def token(self) -> Secret:
        """A token that holds for another minute at least.

        Raises:
            InvalidInput: E-CLOUD-TOKEN, nothing can be signed with the key.
            CloudError: E-CLOUD-DENIED, E-CLOUD-CLOCK.
            Unavailable: as every request.
        """
        async with self._lock:
            # The time of day: a computer that slept does not count its sleep on the other clock.
            if not self._token or now().timestamp() > self._until:
                # Reading the library and checking a key of RSA take their time.
                assertion = await asyncio.to_thread(signed, self._account, self._scope, self._name)
                grant = await self._granted(assertion)
                if not re.fullmatch(r"[\x21-\x7e]+", grant.access_token.reveal()):
                    raise self.dialect.strange(self._http.host, "without a token")
                self._token = grant.access_token
                self._until = now().timestamp() + grant.expires_in - _EARLY_S
            return self._token

    async def _granted(self, assertion: Secret) -> Grant:
        self._secrets = (assertion,)
        try:
            # Asking for a token changes nothing.
            answer = await self._asked("POST", "", body=assertion, again=True)
        except CloudError as error:
            if error.code == DENIED and _CLOCK.search(error.complaint.words):
                raise clock_is_off(TITLE) from error
            raise
        return self._decoded(answer, Grant)

    async def _dressed(self, body: object) -> tuple[dict[str, str], bytes | None]:
        assertion = body.reveal() if isinstance(body, Secret) else ""
        form = urllib.parse.urlencode({"grant_type": _GRANT, "assertion": assertion})
        return {"Accept": "application/json", "Content-Type": "application/x-www-form-urlencoded"}, form.encode()


class GoogleApi(CloudApi):
    """A line to an API of Google's, whose token is renewed before it ends. Lives on the loop.

    Attributes:
        account: Who asks.
        project: Whose things are asked for.
    """

    def __init__(
        self, endpoint: str, *, account: ServiceAccount, project: str, tokens: TokenLine, dialect: Dialect, line: Line
    ) -> None:
        super().__init__(
            endpoint,
            Secret("none"),
            dialect,
            line.preferences,
            cancelled=line.cancelled,
            pace=line.pace,
            patience=line.patience,
        )
        self.account, self.project, self._tokens = account, project, tokens

    async def __aenter__(self) -> Self:
        try:
            await self._tokens.token()
        except BaseException:
            await self._close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._close()

    async def _close(self) -> None:
        await self._http.close()
        await self._tokens.__aexit__(None, None, None)

    async def _dressed(self, body: object) -> tuple[dict[str, str], bytes | None]:
        token = await self._tokens.token()
        self._secrets, self._authorization = (token,), f"Bearer {token.reveal()}"
        return await super()._dressed(body)


def _wrong(what: str, name: str) -> InvalidInput:
    return InvalidInput(what, field=name, hint=_HINT, code="E-CLOUD-TOKEN")


def _named(kind: object, found: dict[str, object]) -> str:
    if "web" in found or "installed" in found:
        return "an OAuth client"
    return _OTHERS.get(str(kind), "JSON of another kind")


def _read(body: bytes) -> tuple[str, str]:
    refusal = from_json(body, Refusal)
    return refusal.error, refusal.error_description


def _judge(complaint: Complaint) -> str:
    # It is told with 400, and whatever the name, what was signed is not believed.
    return DENIED if complaint.status in {400, 401, 403} and complaint.code in _NOT_BELIEVED else ""


DIALECT = Dialect(title=TITLE, read=_read, judge=_judge)
