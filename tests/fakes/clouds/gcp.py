"""Compute Engine v1 and its token endpoint on loopback; ``python -m tests.fakes.clouds.gcp`` serves it for others."""

from __future__ import annotations

import base64
import json
import re
import time
import uuid
from collections.abc import Callable
from functools import cache

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from tests.fakes.clouds.served import Asked, Cloud, Refused, Said, Thing, at, main

PROJECT = "machina-test-1234"
FULL_EMAIL = f"machina@{PROJECT}.iam.gserviceaccount.com"
READ_EMAIL = f"viewer@{PROJECT}.iam.gserviceaccount.com"
ZONES = tuple(f"{region}-{zone}" for region in ("europe-west3", "us-central1", "asia-east1") for zone in "abc")
SIZES = (
    ("e2-micro", 2, 1024, True, "X86_64"),
    ("e2-standard-2", 2, 8192, False, "X86_64"),
    ("n2-standard-4", 4, 16384, False, ""),
    ("t2a-standard-1", 1, 4096, False, "ARM64"),
)
_ROOT = "/compute/v1/projects/"
_WWW = "https://www.googleapis.com/compute/v1/projects/"
_SCOPES = ("https://www.googleapis.com/auth/compute", "https://www.googleapis.com/auth/compute.readonly")
_FILTER = re.compile(r'labels\.([a-z_-]+)="([^"]*)"')
_TAKES_S = {"start": 2.0, "stop": 2.0, "reset": 1.0, "resume": 1.0, "createSnapshot": 4.0}
_BECOMES = {"start": "RUNNING", "resume": "RUNNING", "reset": "RUNNING", "stop": "TERMINATED"}
_STATUSES = {400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED", 404: "NOT_FOUND"}


class TokenRefused(Refused):
    """The token endpoint says no, in words of its own."""


@cache
def key_of(email: str) -> rsa.RSAPrivateKey:
    """The key pair of a service account."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def key_file(url: str, email: str = FULL_EMAIL, **changed: str) -> str:
    """What Google's console saves of a service account, with the token endpoint at ``url``."""
    pem = key_of(email).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    found = {
        "type": "service_account",
        "project_id": PROJECT,
        "private_key_id": "0123456789abcdef",
        "private_key": pem.decode(),
        "client_email": email,
        "client_id": "104",
        "auth_uri": "https://accounts.google.com/o/oauth2/auth",
        "token_uri": f"{url}/token",
        "universe_domain": "googleapis.com",
    }
    return json.dumps(found | changed, indent=2)


class Gcp(Cloud):
    """One project, and the service accounts of it. All below ``/compute/v1`` but ``/token``.

    Attributes:
        instances: By zone and name.
        snapshots, operations: By name.
        firewalls: Names of the rules of its network.
        tokens: Scope and end of those that were given.
        lasts_s: How long a token lasts.
        ahead_s: What the clock there is ahead of ours.
        unreachable: Zones that cannot be asked.
        page: Things on a page at most.
        stuck: What an operation fails with, by its verb.
        closed: Projects whose images may not be seen.
        consoles: What machines have printed, by zone and name.
        told: Host keys that Google's agent has told, type and base64, by zone and name.
    """

    def __init__(self, **knobs: object) -> None:
        super().__init__(**knobs)  # type: ignore[arg-type]
        self.instances: dict[str, Thing] = {}
        self.firewalls: list[str] = []
        self.snapshots: dict[str, Thing] = {}
        self.operations: dict[str, Thing] = {}
        self.tokens: dict[str, tuple[str, float]] = {}
        self.lasts_s, self.ahead_s, self.page = 3599, 0.0, 500
        self.unreachable: set[str] = set()
        self.stuck: dict[str, tuple[str, str]] = {}
        self.closed: set[str] = {"opensuse-cloud"}
        self.consoles: dict[str, str] = {}
        self.told: dict[str, list[tuple[str, str]]] = {}

    def error(self, refused: Refused) -> object:
        """An error as the API words it, or the token endpoint."""
        if isinstance(refused, TokenRefused):
            return {"error": refused.code, "error_description": refused.message}
        reason = {"message": refused.message, "domain": "global", "reason": refused.code}
        status = _STATUSES.get(refused.status, "UNAVAILABLE")
        return {"error": {"code": refused.status, "message": refused.message, "errors": [reason], "status": status}}

    def state(self) -> Thing:
        """Everything there is, and the key of the account."""
        found = {"instances": list(self.instances.values()), "snapshots": list(self.snapshots.values())}
        return found | {"key_file": key_file(self.url)}

    def add_machines(self, count: int, *, prefix: str = "other") -> None:
        """Machines that somebody made by hand, in all zones."""
        with self.lock:
            for number in range(count):
                self.make(f"{prefix}-{number}", ZONES[number % len(ZONES)])

    def make(self, name: str, zone: str) -> Thing:
        """A machine that runs."""
        number = self.new_id()
        here = f"{_WWW}{PROJECT}/zones/{zone}"
        net = {"networkIP": f"10.156.{number // 250 % 250}.{number % 250 + 1}", "name": "nic0", "accessConfigs": []}
        outside = {"natIP": self.address or f"203.0.{number // 250 % 250}.{number % 250 + 1}", "name": "External NAT"}
        disk = {
            "boot": True,
            "source": f"{here}/disks/{name}",
            "licenses": [f"{_WWW}debian-cloud/global/licenses/debian-12-bookworm"],
            "diskSizeGb": "10",
        }
        self.instances[f"{zone}/{name}"] = {
            "id": str(number),
            "name": name,
            "zone": here,
            "status": "RUNNING",
            "machineType": f"{here}/machineTypes/e2-micro",
            "networkInterfaces": [net | {"accessConfigs": [outside]}],
            "disks": [disk],
            "labels": {},
            "creationTimestamp": "2026-03-14T01:02:03.456-07:00",
            "_since": time.monotonic(),
        }
        return self.instances[f"{zone}/{name}"]

    def route(self, asked: Asked) -> Said:
        """By what the path says after the project."""
        if asked.path == "/token":
            return self._token(asked.body)
        if not asked.path.startswith(_ROOT):
            raise Refused(404, "notFound", "Not found")
        project, *parts = asked.path.removeprefix(_ROOT).split("/")
        if parts == ["global", "images"]:
            return self._images(project, asked)
        if project != PROJECT:
            raise Refused(404, "notFound", f"The resource 'projects/{project}' was not found")
        return self._below(parts, asked) or self._listing(parts, asked)

    def _below(self, parts: list[str], asked: Asked) -> Said | None:
        match parts:
            case ["zones", _, "operations", name] if name in self.operations:
                return Said(body=self.operations[name])
            case ["zones", zone, "instances", name, *verb]:
                return self._instance(f"{zone}/{name}", verb, asked)
            case ["zones", zone, "disks", name, "createSnapshot"]:
                return Said(body=self._snapshot(zone, name, asked.body))
        return None

    def _listing(self, parts: list[str], asked: Asked) -> Said:
        match parts:
            case []:
                return Said(body={"name": PROJECT, "quotas": [_quota("CPUS_ALL_REGIONS", 32, len(self.instances))]})
            case ["regions"]:
                return self._listed([self._region(each) for each in _regions()], asked)
            case ["zones"]:
                return self._listed([_zone(each) for each in ZONES], asked)
            case ["zones", zone, "machineTypes"] if zone in self.unreachable:
                raise Refused(503, "backendError", f"The zone {zone} cannot be reached.")
            case ["zones", zone, "machineTypes"]:
                return self._listed([_type(zone, size) for size in SIZES], asked)
            case ["global", "firewalls"]:
                return self._listed([{"name": name} for name in self.firewalls], asked)
            case ["aggregated", kind]:
                return self._aggregated(kind, asked)
        raise Refused(404, "notFound", f"The resource '{asked.path}' was not found")

    # Tokens

    def _let_in(self, asked: Asked, authorization: str) -> None:
        if asked.path == "/token":
            return
        scope, until = self.tokens.get(authorization.removeprefix("Bearer "), ("", 0.0))
        if not scope or time.monotonic() > until:
            raise Refused(401, "authError", "Request had invalid authentication credentials.")
        if asked.method != "GET" and scope != _SCOPES[0]:
            raise Refused(403, "insufficientPermissions", "Request had insufficient authentication scopes.")

    def _token(self, form: Thing) -> Said:
        if form.get("grant_type") != "urn:ietf:params:oauth:grant-type:jwt-bearer":
            raise TokenRefused(400, "unsupported_grant_type", f"Invalid grant_type: {form.get('grant_type')}")
        head, body, seal = (each.encode() for each in str(form.get("assertion")).split("."))
        claims = json.loads(_bytes(body))
        email = claims["iss"]
        if email not in {FULL_EMAIL, READ_EMAIL}:
            raise TokenRefused(400, "invalid_grant", "Invalid grant: account not found")
        try:
            key_of(email).public_key().verify(_bytes(seal), head + b"." + body, padding.PKCS1v15(), hashes.SHA256())
        except InvalidSignature:
            raise TokenRefused(400, "invalid_grant", "Invalid JWT Signature.") from None
        at_s = time.time() + self.ahead_s
        if not (claims["iat"] - 60 <= at_s <= claims["exp"] <= claims["iat"] + 3600):
            words = "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. "
            raise TokenRefused(400, "invalid_grant", f"{words}Check your iat and exp values in the JWT claim.")
        if claims["aud"] != f"{self.url}/token" or claims["scope"] not in _SCOPES:
            raise TokenRefused(400, "invalid_scope", "Invalid OAuth scope or ID token audience provided.")
        token = f"ya29.{uuid.uuid4().hex}"
        scope = _SCOPES[1] if email == READ_EMAIL else claims["scope"]
        self.tokens[token] = (scope, time.monotonic() + self.lasts_s)
        return Said(body={"access_token": token, "expires_in": self.lasts_s, "token_type": "Bearer"})

    # Lists

    def _listed(self, things: list[Thing], asked: Asked) -> Said:
        page, following = self._page(things, asked)
        return Said(body={"items": page} | following)

    def _page(self, things: list[Thing], asked: Asked) -> tuple[list[Thing], Thing]:
        count = min(int(asked.query.get("maxResults", "500")), self.page)
        start = int(asked.query.get("pageToken", "0"))
        end = start + count
        return things[start:end], {"nextPageToken": str(end)} if end < len(things) else {}

    def _aggregated(self, kind: str, asked: Asked) -> Said:
        if kind == "instances":
            at_s = time.monotonic()
            things = [each for each in self.instances.values() if at_s - each["_since"] >= self.missing_s]
        else:
            raise Refused(404, "notFound", f"There are no {kind}")
        if match := _FILTER.fullmatch(asked.query.get("filter", "")):
            things = [each for each in things if each["labels"].get(match[1]) == match[2]]
        silent = sorted(self.unreachable)
        things = [each for each in things if _last(each["zone"]) not in self.unreachable]
        page, following = self._page(things, asked)
        items: Thing = {}
        for zone in ZONES:
            here = [each for each in page if _last(each["zone"]) == zone]
            none = {"code": "NO_RESULTS_ON_PAGE", "message": f"There are no results for scope 'zones/{zone}'."}
            if zone in silent:
                none = {"code": "UNREACHABLE", "message": f"The zone {zone} cannot be reached."}
            items[f"zones/{zone}"] = {kind: here} if here else {"warning": none}
        body: Thing = {"items": items} | following
        if silent:
            body["unreachables"] = [f"projects/{PROJECT}/zones/{zone}" for zone in silent]
        return Said(body=body)

    def _images(self, project: str, asked: Asked) -> Said:
        if project in self.closed:
            raise Refused(403, "forbidden", "Constraint constraints/compute.trustedImageProjects violated.")
        if project == PROJECT:
            return self._listed([_image("golden", "", "2026-01-01")], asked)
        name = project.removesuffix("-cloud").removesuffix("-os").removesuffix("-linux")
        old = _image(f"{name}-11-v1", f"{name}-11", "2025-01-01") | {"deprecated": {"state": "DEPRECATED"}}
        arm = _image(f"{name}-12-arm64-v2", f"{name}-12-arm64", "2026-02-01") | {"architecture": "ARM64"}
        new = [_image(f"{name}-12-v{each}", f"{name}-12", f"2026-0{each}-01") for each in (1, 3, 2)]
        return self._listed([old, arm, *new], asked)

    def _region(self, name: str) -> Thing:
        used = sum(1 for each in self.instances if each.startswith(name))
        zones = [f"{_WWW}{PROJECT}/zones/{each}" for each in ZONES if each.startswith(name)]
        return {"name": name, "status": "UP", "zones": zones, "quotas": [_quota("INSTANCES", 24, used)]}

    # Machines

    def _instance(self, where: str, verb: list[str], asked: Asked) -> Said:
        if where not in self.instances:
            raise Refused(404, "notFound", f"The resource 'projects/{PROJECT}/zones/{where}' was not found")
        instance = self.instances[where]
        if not verb and asked.method == "GET":
            return Said(body=instance)
        if verb == ["serialPort"] and asked.method == "GET":
            text = self.consoles.get(where, "")
            return Said(
                body={"kind": "compute#serialPortOutput", "contents": text, "start": "0", "next": f"{len(text)}"}
            )
        if verb == ["getGuestAttributes"] and asked.query.get("queryPath") == "hostkeys/" and where in self.told:
            entries = [{"namespace": "hostkeys", "key": kind, "value": value} for kind, value in self.told[where]]
            return Said(body={"queryPath": "hostkeys/", "queryValue": {"items": entries}})
        if verb == ["getGuestAttributes"]:
            raise Refused(404, "notFound", "The resource 'hostkeys/' of type 'Guest Attribute' was not found.")
        if len(verb) != 1 or verb[0] not in _BECOMES or asked.method != "POST":
            raise Refused(400, "invalid", f"Invalid request {asked}")
        if (verb[0] == "resume") is not (instance["status"] == "SUSPENDED") and verb[0] in {"start", "resume"}:
            raise Refused(400, "invalid", f"Instance is in state {instance['status']}")
        return Said(body=self._operate(instance, verb[0], lambda: instance.update(status=_BECOMES[verb[0]])))

    def _snapshot(self, zone: str, disk: str, body: Thing) -> Thing:
        if body["name"] in self.snapshots:
            raise Refused(409, "alreadyExists", f"The resource '{body['name']}' already exists")
        instance = self.instances[f"{zone}/{disk}"]
        return self._operate(instance, "createSnapshot", lambda: self.snapshots.update({body["name"]: body}))

    def _operate(self, instance: Thing, verb: str, done: Callable[[], None]) -> Thing:
        if any(each["_on"] is instance and each["status"] != "DONE" for each in self.operations.values()):
            raise Refused(400, "resourceNotReady", f"The resource '{instance['name']}' is not ready")
        operation: Thing = {
            "id": str(self.new_id()),
            "name": f"operation-{uuid.uuid4().hex[:12]}",
            "operationType": verb,
            "status": "RUNNING",
            "progress": 0,
            "zone": instance["zone"],
            "insertTime": at(),
            "_on": instance,
        }

        def end() -> None:
            operation.update(status="DONE", progress=100)
            if verb in self.stuck:
                code, message = self.stuck[verb]
                operation["error"] = {"errors": [{"code": code, "message": message}]}
            else:
                done()

        self.operations[operation["name"]] = operation
        self.begin(operation, _TAKES_S[verb], end)
        return operation


def _bytes(part: bytes) -> bytes:
    return base64.urlsafe_b64decode(part + b"=" * (-len(part) % 4))


def _last(address: str) -> str:
    return address.rpartition("/")[2]


def _regions() -> list[str]:
    return sorted({zone.rpartition("-")[0] for zone in ZONES})


def _quota(metric: str, limit: float, usage: float) -> Thing:
    return {"metric": metric, "limit": limit, "usage": usage}


def _zone(name: str) -> Thing:
    return {"name": name, "status": "UP", "region": f"{_WWW}{PROJECT}/regions/{name.rpartition('-')[0]}"}


def _type(zone: str, size: tuple[str, int, int, bool, str]) -> Thing:
    name, cpus, memory, is_shared, architecture = size
    found: Thing = {"name": name, "zone": zone, "guestCpus": cpus, "memoryMb": memory, "isSharedCpu": is_shared}
    return found | ({"architecture": architecture} if architecture else {})


def _image(name: str, family: str, day: str) -> Thing:
    found: Thing = {"name": name, "status": "READY", "architecture": "X86_64", "diskSizeGb": "10"}
    found |= {"creationTimestamp": f"{day}T00:00:00.000-08:00", "description": f"{name}, built on {day}"}
    return found | ({"family": family} if family else {})


if __name__ == "__main__":
    main(Gcp)
