"""DigitalOcean v2 on loopback; ``python -m tests.fakes.clouds.digitalocean`` serves it for other processes."""

from __future__ import annotations

import base64
import hashlib
import re
import time
import uuid
from collections.abc import Callable

from tests.fakes.clouds import digitalocean_offers as offers
from tests.fakes.clouds.served import Asked, Cloud, Refused, Said, Thing, at, main

_NAME = re.compile(r"[a-zA-Z0-9]([a-zA-Z0-9.-]{0,251}[a-zA-Z0-9])?")
_TAG = re.compile(r"[A-Za-z0-9:_-]{1,255}")
_TAKES_S = {"create": 3.0, "rebuild": 3.0, "resize": 3.0, "snapshot": 4.0}
_UNFIT = "unprocessable_entity"


class DigitalOcean(Cloud):
    """One team. All below ``/v2``.

    Attributes:
        droplets, keys, images, actions: By id.
        firewalls: By id, which is a UUID.
        tags: Names.
        deaf: Ids of droplets whose systems do not heed a shutdown.
        scopes_without_account: The token may not ask whose it is.
    """

    def __init__(self, **knobs: object) -> None:
        super().__init__(**knobs)  # type: ignore[arg-type]
        self.droplets: dict[int, Thing] = {}
        self.keys: dict[int, Thing] = {}
        self.firewalls: dict[str, Thing] = {}
        self.images: dict[int, Thing] = {each["id"]: each for each in offers.images()}
        self.actions: dict[int, Thing] = {}
        self.tags: set[str] = set()
        self.deaf: set[int] = set()
        self.scopes_without_account = False

    def error(self, refused: Refused) -> object:
        """An error as the API words it."""
        return {"id": refused.code, "message": refused.message, "request_id": str(uuid.uuid4())}

    def state(self) -> Thing:
        """Everything there is."""
        kinds = ("droplets", "keys", "firewalls", "actions")
        return {kind: list(getattr(self, kind).values()) for kind in kinds} | {"tags": sorted(self.tags)}

    def add_machines(self, count: int, *, prefix: str = "other") -> None:
        """Machines that somebody made by hand."""
        with self.lock:
            for number in range(count):
                body: Thing = {"name": f"{prefix}-{number}", "size": "s-1vcpu-1gb", "region": "fra1"}
                self._make(body | {"image": "debian-12-x64"})["status"] = "active"

    def route(self, asked: Asked) -> Said:
        """By what the path begins with."""
        parts = asked.path.removeprefix("/v2").strip("/").split("/")
        things: dict[str, Callable[[Asked, list[str]], Said]] = {
            "account": self._account,
            "droplets": self._droplets,
            "firewalls": self._firewalls,
            "images": self._images,
            "tags": self._tags,
        }
        if not asked.path.startswith("/v2/"):
            raise Refused(404, "not_found", "The resource you requested could not be found.")
        if parts[0] == "actions":
            return Said(body={"action": _one(self.actions, parts[1])})
        if parts[0] == "regions":
            return self._listed("regions", offers.regions(self.sold_out), asked)
        if parts[0] == "sizes":
            return self._listed("sizes", offers.sizes(), asked)
        if parts[0] in things:
            return things[parts[0]](asked, parts[1:])
        raise Refused(404, "not_found", "The resource you requested could not be found.")

    def _listed(self, name: str, found: list[Thing], asked: Asked) -> Said:
        size, page = min(int(asked.query.get("per_page", 20)), 200), int(asked.query.get("page", 1))
        last = max(1, -(-len(found) // size))
        pages: Thing = {}
        others = "".join(f"&{key}={value}" for key, value in asked.query.items() if key not in {"page", "per_page"})
        if page > 1:
            pages |= {"first": 1, "prev": page - 1}
        if page < last:
            pages |= {"next": page + 1, "last": last}
        address = f"{self.url}{asked.path}?per_page={size}{others}"
        links = {"pages": {name: f"{address}&page={number}" for name, number in pages.items()}} if pages else {}
        whole = {name: found[(page - 1) * size : page * size], "links": links, "meta": {"total": len(found)}}
        return Said(body=whole)

    def _account(self, asked: Asked, parts: list[str]) -> Said:
        if parts[:1] == ["keys"]:
            return self._keys(asked, parts[1:])
        if self.scopes_without_account:
            raise Refused(403, *self.read_only)
        account = {
            "droplet_limit": self.limit,
            "floating_ip_limit": 5,
            "reserved_ip_limit": 5,
            "volume_limit": 10,
            "email": "sammy@example.com",
            "name": "Sammy the Shark",
            "uuid": "b6fr89dbf6d9156cace5f3c78dc9851d957381ef",
            "email_verified": True,
            "status": "active",
            "status_message": "",
            "team": {"uuid": "5df3e3004a17e242b7c20ca6c9fc25b701a47ece", "name": "My Team"},
        }
        return Said(body={"account": account})

    def _keys(self, asked: Asked, parts: list[str]) -> Said:
        if parts:
            known = self.keys | {each["fingerprint"]: each for each in self.keys.values()}
            key = known.get(int(parts[0]) if parts[0].isdigit() else parts[0])
            if key is None:
                raise Refused(404, "not_found", "The resource you requested could not be found.")
            if asked.method == "DELETE":
                del self.keys[key["id"]]
                return Said(status=204)
            if asked.method == "PUT":
                key["name"] = asked.body["name"]
            return Said(body={"ssh_key": key})
        if asked.method == "GET":
            return self._listed("ssh_keys", list(self.keys.values()), asked)
        line = str(asked.body.get("public_key", ""))
        try:
            print_of = hashlib.md5(base64.b64decode(line.split()[1], validate=True)).hexdigest()
        except (ValueError, IndexError):
            raise Refused(422, _UNFIT, "Key invalid, key should be of the format `type key [comment]`") from None
        fingerprint = ":".join(print_of[each : each + 2] for each in range(0, 32, 2))
        if any(each["fingerprint"] == fingerprint for each in self.keys.values()):
            raise Refused(422, _UNFIT, "SSH Key is already in use on your account")
        key = {"id": self.new_id(), "fingerprint": fingerprint, "public_key": line, "name": asked.body["name"]}
        self.keys[key["id"]] = key
        return Said(status=201, body={"ssh_key": key})

    # Droplets

    def _droplets(self, asked: Asked, parts: list[str]) -> Said:
        if not parts and asked.method == "POST":
            droplet = self._make(asked.body)
            action = self._act(droplet, "create", lambda: droplet.update(status="active"))
            link = {"id": action["id"], "rel": "create", "href": f"{self.url}/v2/actions/{action['id']}"}
            return Said(status=202, body={"droplet": droplet, "links": {"actions": [link]}})
        if not parts:
            at_s, tag, name = time.monotonic(), asked.query.get("tag_name"), asked.query.get("name")
            seen = [each for each in self.droplets.values() if at_s - each["_since"] >= self.missing_s]
            seen = [each for each in seen if not tag or tag in each["tags"]]
            return self._listed("droplets", [each for each in seen if name in {None, each["name"]}], asked)
        droplet = _one(self.droplets, parts[0])
        if parts[1:2] == ["actions"]:
            return self._droplet_actions(droplet, asked, parts[2:])
        if parts[1:2] == ["firewalls"]:
            bound = [each for each in self.firewalls.values() if droplet["id"] in each["droplet_ids"]]
            return self._listed("firewalls", bound, asked)
        if asked.method == "DELETE":
            if any(each["_droplet"] is droplet and each["status"] == "in-progress" for each in self.actions.values()):
                raise Refused(422, _UNFIT, "Droplet already has a pending event.")
            del self.droplets[droplet["id"]]
            for firewall in self.firewalls.values():
                firewall["droplet_ids"] = [each for each in firewall["droplet_ids"] if each != droplet["id"]]
            return Said(status=204)
        return Said(body={"droplet": droplet})

    def _make(self, body: Thing) -> Thing:
        size, region = self._sold(body)
        image = self._image(body.get("image"))
        for key in body.get("ssh_keys") or ():
            if not any(str(key) in {str(each["id"]), each["fingerprint"]} for each in self.keys.values()):
                raise Refused(422, _UNFIT, f"{key} are invalid key identifiers for Droplet creation.")
        for tag in body.get("tags") or ():
            if not _TAG.fullmatch(tag):
                raise Refused(
                    422, _UNFIT, "Tag name can only contain letters, numbers, colons, dashes, and underscores"
                )
            self.tags.add(tag)
        number = self.new_id()
        droplet: Thing = {
            "id": number,
            "name": body["name"],
            "memory": size["memory"],
            "vcpus": size["vcpus"],
            "disk": size["disk"],
            "disk_info": [{"type": "local", "size": {"amount": size["disk"], "unit": "gib"}}],
            "locked": False,
            "status": "new",
            "kernel": None,
            "created_at": at(),
            "features": ["ipv6"] if body.get("ipv6") else [],
            "backup_ids": [],
            "next_backup_window": None,
            "snapshot_ids": [],
            "image": image,
            "volume_ids": [],
            "size": size,
            "size_slug": size["slug"],
            "networks": _networks(number, self.address, is_six=bool(body.get("ipv6"))),
            "region": region,
            "tags": list(body.get("tags") or ()),
            "vpc_uuid": "760e09ef-dc84-11e8-981e-3cfdfeaae000",
            "_since": time.monotonic(),
            "_user_data": body.get("user_data"),
        }
        self.droplets[number] = droplet
        return droplet

    def _sold(self, body: Thing) -> tuple[Thing, Thing]:
        _checked_name(body)
        if len(self.droplets) >= self.limit:
            raise Refused(422, _UNFIT, "creating this/these droplet(s) will exceed your droplet limit")
        size = self._size(body.get("size"))
        region = next((each for each in offers.regions(self.sold_out) if each["slug"] == body.get("region")), None)
        if region is None:
            raise Refused(422, _UNFIT, "You specified an invalid region for Droplet creation.")
        if size["slug"] not in region["sizes"]:
            raise Refused(422, _UNFIT, "Size is not available in this region.")
        return size, region

    def _size(self, slug: object) -> Thing:
        found = next((each for each in offers.sizes() if each["slug"] == slug), None)
        if found is None:
            raise Refused(422, _UNFIT, "You specified an invalid size for Droplet creation.")
        return found

    def _image(self, slug: object) -> Thing:
        found = next(
            (each for each in self.images.values() if slug in (each["id"], str(each["id"]), each["slug"])), None
        )
        if found is None:
            raise Refused(422, _UNFIT, "You specified an invalid image for Droplet creation.")
        return found

    def _act(self, droplet: Thing, kind: str, done: Callable[[], None], *, ends: str = "completed") -> Thing:
        if any(each["_droplet"] is droplet and each["status"] == "in-progress" for each in self.actions.values()):
            raise Refused(422, _UNFIT, "Droplet already has a pending event.")

        def end() -> None:
            action.update(status=ends, completed_at=at())
            droplet["locked"] = False
            done()

        action: Thing = {
            "id": self.new_id(),
            "status": "in-progress",
            "type": kind,
            "started_at": at(),
            "completed_at": None,
            "resource_id": droplet["id"],
            "resource_type": "droplet",
            "region": droplet["region"],
            "region_slug": droplet["region"]["slug"],
            "_droplet": droplet,
        }
        self.actions[action["id"]] = action
        droplet["locked"] = kind != "create"
        self.begin(action, _TAKES_S.get(kind, 1.0), end)
        return action

    def _droplet_actions(self, droplet: Thing, asked: Asked, parts: list[str]) -> Said:
        if asked.method == "GET" and parts:
            return Said(body={"action": _one(self.actions, parts[0])})
        if asked.method == "GET":
            return self._listed(
                "actions", [each for each in self.actions.values() if each["_droplet"] is droplet], asked
            )
        kind = str(asked.body.get("type"))
        turns = {"reboot": "active", "power_cycle": "active", "power_on": "active", "power_off": "off"}
        if kind == "power_off" and droplet["status"] == "off":
            raise Refused(422, _UNFIT, "Droplet is already powered off.")
        if kind in turns:
            action = self._act(droplet, kind, lambda: droplet.update(status=turns[kind]))
        elif kind == "shutdown":
            is_deaf = droplet["id"] in self.deaf
            after, ends = ("active", "errored") if is_deaf else ("off", "completed")
            action = self._act(droplet, kind, lambda: droplet.update(status=after), ends=ends)
        elif kind == "rebuild":
            image = self._image(asked.body.get("image"))
            action = self._act(droplet, kind, lambda: droplet.update(status="active", image=image))
        elif kind == "resize":
            action = self._resize(droplet, asked.body)
        elif kind == "rename":
            name = _checked_name(asked.body)
            action = self._act(droplet, kind, lambda: droplet.update(name=name))
        elif kind == "snapshot":
            action = self._snapshot(droplet, str(asked.body.get("name") or droplet["name"]))
        else:
            raise Refused(422, _UNFIT, f"{kind} is not a valid action type")
        return Said(status=201, body={"action": action})

    def _resize(self, droplet: Thing, body: Thing) -> Thing:
        if droplet["status"] != "off":
            raise Refused(422, _UNFIT, "Droplet must be powered off before resizing.")
        size = self._size(body.get("size"))
        wanted = {"size": size, "size_slug": size["slug"], "vcpus": size["vcpus"], "memory": size["memory"]}
        if body.get("disk"):
            wanted["disk"] = size["disk"]
        return self._act(droplet, "resize", lambda: droplet.update(wanted))

    def _snapshot(self, droplet: Thing, name: str) -> Thing:
        number = self.new_id()
        image = droplet["image"] | {
            "id": number,
            "name": name,
            "slug": None,
            "public": False,
            "type": "snapshot",
            "regions": [droplet["region"]["slug"]],
            "min_disk_size": droplet["disk"],
            "status": "available",
            "created_at": at(),
        }

        def done() -> None:
            self.images[number] = image
            droplet["snapshot_ids"].append(number)

        return self._act(droplet, "snapshot", done)

    # Images, tags, firewalls

    def _images(self, asked: Asked, parts: list[str]) -> Said:
        if parts and not parts[0].isdigit():
            return Said(body={"image": self._image(parts[0])})
        if parts:
            image = _one(self.images, parts[0])
            if asked.method == "DELETE":
                del self.images[image["id"]]
                return Said(status=204)
            return Said(body={"image": image})
        own = asked.query.get("private") == "true"
        return self._listed("images", [each for each in self.images.values() if each["public"] is not own], asked)

    def _tags(self, asked: Asked, parts: list[str]) -> Said:
        if not parts and asked.method == "POST":
            self.tags.add(asked.body["name"])
            return Said(status=201, body={"tag": {"name": asked.body["name"], "resources": {"count": 0}}})
        if not parts:
            return self._listed(
                "tags", [{"name": each, "resources": {"count": 0}} for each in sorted(self.tags)], asked
            )
        tag = parts[0]
        if tag not in self.tags:
            raise Refused(404, "not_found", "The resource you requested could not be found.")
        if parts[1:] == ["resources"]:
            for resource in asked.body["resources"]:
                tags = _one(self.droplets, str(resource["resource_id"]))["tags"]
                if asked.method == "POST" and tag not in tags:
                    tags.append(tag)
                elif asked.method == "DELETE" and tag in tags:
                    tags.remove(tag)
            return Said(status=204)
        return Said(body={"tag": {"name": tag, "resources": {"count": 0}}})

    def _firewalls(self, asked: Asked, parts: list[str]) -> Said:
        if not parts and asked.method == "GET":
            return self._listed("firewalls", list(self.firewalls.values()), asked)
        if not parts:
            if any(each["name"] == asked.body.get("name") for each in self.firewalls.values()):
                raise Refused(409, "conflict", "duplicate name")
            firewall: Thing = {"id": str(uuid.uuid4()), "created_at": at(), "pending_changes": [], "tags": []}
            self._fill(firewall, asked.body)
            self.firewalls[firewall["id"]] = firewall
            return Said(status=202, body={"firewall": firewall})
        if parts[0] not in self.firewalls:
            raise Refused(404, "not_found", "The resource you requested could not be found.")
        firewall = self.firewalls[parts[0]]
        if parts[1:] == ["droplets"]:
            ids = set(asked.body["droplet_ids"])
            kept = set(firewall["droplet_ids"])
            firewall["droplet_ids"] = sorted(kept | ids if asked.method == "POST" else kept - ids)
            return Said(status=204)
        if asked.method == "DELETE":
            del self.firewalls[parts[0]]
            return Said(status=204)
        if asked.method == "PUT":
            self._fill(firewall, asked.body)
        return Said(body={"firewall": firewall})

    def _fill(self, firewall: Thing, body: Thing) -> None:
        droplets = list(body.get("droplet_ids") or ())
        for number in droplets:
            _one(self.droplets, str(number))
        # The API answers "0" where "all" was asked for, and for ICMP, which has no ports.
        rules = {
            name: [rule | {"ports": "0" if rule.get("ports") in {None, "", "all"} else rule["ports"]} for rule in given]
            for name in ("inbound_rules", "outbound_rules")
            if (given := body.get(name) or []) is not None
        }
        firewall |= rules | {"name": body["name"], "droplet_ids": droplets, "tags": list(body.get("tags") or ())}
        # It is answered before the droplets have it.
        waiting = [{"droplet_id": each, "removing": False, "status": "waiting"} for each in droplets]
        firewall |= {"status": "waiting" if waiting else "succeeded", "pending_changes": waiting}
        self.begin(firewall, 2.0, lambda: firewall.update(status="succeeded", pending_changes=[]))


def _one(things: dict[int, Thing], number: str) -> Thing:
    if not number.isdigit() or int(number) not in things:
        raise Refused(404, "not_found", "The resource you requested could not be found.")
    return things[int(number)]


def _checked_name(body: Thing) -> str:
    name = str(body.get("name", ""))
    if not _NAME.fullmatch(name):
        raise Refused(422, _UNFIT, "Only valid hostname characters are allowed. (a-z, A-Z, 0-9, . and -)")
    return name


def _networks(number: int, address: str, *, is_six: bool) -> Thing:
    inside = f"10.135.{number // 250 % 250}.{number % 250 + 1}"
    outside = address or f"203.0.{number // 250 % 250}.{number % 250 + 1}"
    four = [
        {"ip_address": inside, "netmask": "255.255.0.0", "gateway": "10.135.0.1", "type": "private"},
        {"ip_address": outside, "netmask": "255.255.240.0", "gateway": "203.0.0.1", "type": "public"},
    ]
    six: Thing = {"ip_address": f"2001:db8:1::{number & 0xFFFF:x}", "netmask": 64, "gateway": "2001:db8:1::1"}
    return {"v4": four, "v6": [six | {"type": "public"}] if is_six else []}


if __name__ == "__main__":
    main(DigitalOcean)
