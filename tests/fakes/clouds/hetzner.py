"""Hetzner Cloud v1 on loopback; ``python -m tests.fakes.clouds.hetzner`` serves it for other processes."""

from __future__ import annotations

import base64
import hashlib
import re
import time
from collections.abc import Callable

from tests.fakes.clouds import hetzner_offers as offers
from tests.fakes.clouds.served import Asked, Cloud, Refused, Said, Thing, at, main

_NAME = re.compile(r"[a-zA-Z0-9]([a-zA-Z0-9.-]{0,251}[a-zA-Z0-9])?")
_LABEL = re.compile(r"([A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?)?")
_TAKES_S = {"create_server": 2.0, "change_server_type": 3.0, "rebuild_server": 3.0, "create_image": 4.0}


class Hetzner(Cloud):
    """One project. All below ``/v1``.

    Attributes:
        servers, keys, firewalls, images, actions: By id.
        datacenters: Whether there still are data centers, as before October 2026.
        deaf: Ids of servers whose systems do not heed a shutdown.
    """

    read_only = ("token_readonly", "token is only allowed to perform GET requests")
    unauthorized = ("unauthorized", "the request could not be authenticated")

    def __init__(self, **knobs: object) -> None:
        super().__init__(**knobs)  # type: ignore[arg-type]
        self.servers: dict[int, Thing] = {}
        self.keys: dict[int, Thing] = {}
        self.firewalls: dict[int, Thing] = {}
        self.images: dict[int, Thing] = {each["id"]: each for each in offers.images()}
        self.actions: dict[int, Thing] = {}
        self.datacenters = False
        self.deaf: set[int] = set()

    def error(self, refused: Refused) -> object:
        """An error as the API words it."""
        return {"error": {"code": refused.code, "message": refused.message, "details": None}}

    def state(self) -> Thing:
        """Everything there is."""
        kinds = ("servers", "keys", "firewalls", "actions")
        return {kind: list(getattr(self, kind).values()) for kind in kinds}

    def add_machines(self, count: int, *, prefix: str = "other") -> None:
        """Machines that somebody made by hand."""
        with self.lock:
            for number in range(count):
                body: Thing = {
                    "name": f"{prefix}-{number}",
                    "server_type": "cx22",
                    "image": "debian-12",
                    "location": "nbg1",
                }
                self._make_server(body)["status"] = "running"

    def route(self, asked: Asked) -> Said:
        """By what the path begins with."""
        parts = asked.path.removeprefix("/v1").strip("/").split("/")
        things: dict[str, Callable[[Asked, list[str]], Said]] = {
            "servers": self._servers,
            "ssh_keys": self._ssh_keys,
            "firewalls": self._firewalls,
            "images": self._images,
            "actions": self._actions,
        }
        if not asked.path.startswith("/v1/"):
            raise Refused(404, "not_found", "route not found")
        if parts[0] in things:
            return things[parts[0]](asked, parts[1:])
        lists: dict[str, Callable[[], list[Thing]]] = {
            "locations": offers.locations,
            "server_types": lambda: offers.types(self.sold_out),
        }
        if parts[0] == "datacenters" and not self.datacenters:
            raise Refused(410, "deprecated_api_endpoint", "this API endpoint has been removed")
        if self.datacenters:
            lists["datacenters"] = lambda: offers.datacenters(self.sold_out)
        if parts == ["pricing"]:
            return Said(body={"pricing": offers.pricing()})
        if parts[0] not in lists:
            raise Refused(404, "not_found", "route not found")
        found = {each["id"]: each for each in lists[parts[0]]()}
        if len(parts) > 1:
            return Said(body={parts[0].removesuffix("s"): _one(found, parts[1])})
        said = _listed(parts[0], list(found.values()), asked)
        if parts[0] == "datacenters":
            said.body["recommendation"] = next(iter(found))  # type: ignore[index]
        return said

    def _act(self, command: str, resource: Thing, done: Callable[[], None], kind: str = "server") -> Thing:
        if kind == "server":
            if resource["locked"]:
                raise Refused(423, "locked", "server is locked")
            resource["locked"] = True

        def end() -> None:
            action.update(status="success", progress=100, finished=at())
            if kind == "server":
                resource["locked"] = False
            done()

        action: Thing = {
            "id": self.new_id(),
            "command": command,
            "status": "running",
            "progress": 0,
            "started": at(),
            "finished": None,
            "resources": [{"id": resource["id"], "type": kind}],
            "error": None,
        }
        self.actions[action["id"]] = action
        self.begin(action, _TAKES_S.get(command, 1.0), end)
        return action

    def _actions(self, asked: Asked, parts: list[str]) -> Said:
        if parts:
            return Said(body={"action": _one(self.actions, parts[0])})
        return _listed(
            "actions", [each for each in self.actions.values() if str(each["id"]) == asked.query["id"]], asked
        )

    # Servers

    def _servers(self, asked: Asked, parts: list[str]) -> Said:
        if not parts and asked.method == "GET":
            at_s = time.monotonic()
            seen = [each for each in self.servers.values() if at_s - each["_since"] >= self.missing_s]
            return _listed("servers", seen, asked)
        if not parts:
            server = self._make_server(asked.body)
            started = asked.body.get("start_after_create", True)
            made = self._act("create_server", server, lambda: server.update(status="running" if started else "off"))
            password = None if asked.body.get("ssh_keys") else "made-up-root-password"
            whole: Thing = {"server": server, "action": made, "next_actions": [], "root_password": password}
            return Said(status=201, body=whole)
        server = _one(self.servers, parts[0])
        if len(parts) >= 2 and parts[1] == "actions":
            return self._acted(asked, server, parts[2:])
        if asked.method == "PUT":
            _rename(server, asked.body)
        if asked.method == "DELETE":
            if server["protection"]["delete"]:
                raise Refused(423, "protected", "server deletion is protected")
            gone = self._act("delete_server", server, lambda: None)
            self._forget(server)
            return Said(body={"action": gone})
        return Said(body={"server": server})

    def _acted(self, asked: Asked, server: Thing, rest: list[str]) -> Said:
        if asked.method == "POST":
            return Said(status=201, body=self._serve(server, rest[0], asked.body))
        if rest:
            return Said(body={"action": _one(self.actions, rest[0])})
        return _listed("actions", self._done_to(server, asked.query.get("sort", "")), asked)

    def do_at_its_console(self, server: Thing, command: str) -> None:
        """What a person does there, done at once; a rebuild puts the same image on it."""
        with self.lock:
            action = self._serve(server, command, {"image": server["image"]["name"]})["action"]
            server.update(status="running", locked=False)
            action.update(status="success", progress=100, finished=at())

    def _done_to(self, server: Thing, order: str) -> list[Thing]:
        mine = {"id": server["id"], "type": "server"}
        done = [each for each in self.actions.values() if mine in each["resources"]]
        return sorted(done, key=lambda each: int(each["id"]), reverse=order == "id:desc")

    def _make_server(self, body: Thing) -> Thing:
        kind = self._sold(body)
        image = self._image(body.get("image"), kind["architecture"])
        for key in body.get("ssh_keys") or ():
            if not any(str(key) in {str(each["id"]), each["name"]} for each in self.keys.values()):
                raise Refused(404, "not_found", f"SSH key with ID '{key}' not found")
        home = str(body.get("location") or str(body.get("datacenter") or "fsn1").split("-")[0])
        location = next((each for each in offers.locations() if each["name"] == home), None)
        if location is None:
            raise Refused(422, "invalid_input", "invalid input in field 'location'")
        number, net = self.new_id(), body.get("public_net") or {}
        firewalls = [{"id": each["firewall"], "status": "applied"} for each in body.get("firewalls") or ()]
        server = {
            "id": number,
            "name": body["name"],
            "status": "initializing",
            "created": at(),
            "server_type": kind,
            "location": location,
            "image": image,
            "iso": None,
            "rescue_enabled": False,
            "locked": False,
            "backup_window": None,
            "outgoing_traffic": 0,
            "ingoing_traffic": 0,
            "included_traffic": 20 << 40,
            "protection": {"delete": False, "rebuild": False},
            "labels": body.get("labels") or {},
            "volumes": [],
            "load_balancers": [],
            "primary_disk_size": kind["disk"],
            "placement_group": None,
            "private_net": [],
            "public_net": _public_net(number, net, firewalls, self.address),
            "_user_data": body.get("user_data"),
            "_ssh_keys": body.get("ssh_keys") or [],
            "_since": time.monotonic(),
        }
        if self.datacenters:
            homes = offers.datacenters(self.sold_out)
            server["datacenter"] = next(each for each in homes if each["location"]["name"] == home)
        self.servers[number] = server
        for each in firewalls:
            held = _one(self.firewalls, str(each["id"]))
            held["applied_to"].append({"type": "server", "server": {"id": number}})
        return server

    def _sold(self, body: Thing) -> Thing:
        if not _NAME.fullmatch(str(body.get("name", ""))):
            raise Refused(422, "invalid_input", "invalid input in field 'name'")
        if any(each["name"] == body["name"] for each in self.servers.values()):
            raise Refused(409, "uniqueness_error", "server name is already used")
        _check_labels(body)
        if len(self.servers) >= self.limit:
            raise Refused(403, "resource_limit_exceeded", "server limit reached")
        kind = self._type(body.get("server_type"))
        if not self.sold_out.isdisjoint({kind["name"], f"{kind['name']}@{body.get('location')}"}):
            raise Refused(412, "resource_unavailable", "error during placement")
        return kind

    def _type(self, name: object) -> Thing:
        found = next((each for each in offers.types() if str(name) in {str(each["id"]), each["name"]}), None)
        if found is None:
            raise Refused(422, "invalid_input", "server type not found")
        return found

    def _image(self, name: object, architecture: str) -> Thing:
        for each in self.images.values():
            if str(name) == str(each["id"]) or (name == each["name"] and each["architecture"] == architecture):
                return each
        raise Refused(422, "invalid_input", "image not found")

    def _forget(self, server: Thing) -> None:
        del self.servers[server["id"]]
        for firewall in self.firewalls.values():
            firewall["applied_to"] = [
                each for each in firewall["applied_to"] if each.get("server", {}).get("id") != server["id"]
            ]

    def _serve(self, server: Thing, command: str, body: Thing) -> Thing:
        commands: dict[str, Callable[[Thing, Thing], Thing]] = {
            "poweroff": lambda each, _body: self._turned(each, "stop_server", "off"),
            "shutdown": self._shut_down,
            "poweron": lambda each, _body: self._turned(each, "start_server", "running"),
            "reboot": lambda each, _body: self._turned(each, "reboot_server", "running"),
            "reset": lambda each, _body: self._turned(each, "reset_server", "running"),
            "change_type": self._change_type,
            "rebuild": self._rebuild,
            "create_image": self._create_image,
            "enable_rescue": self._enable_rescue,
            "disable_rescue": self._disable_rescue,
            "change_protection": self._change_protection,
        }
        if command not in commands:
            raise Refused(404, "not_found", "route not found")
        return commands[command](server, body)

    def _turned(self, server: Thing, command: str, status: str) -> Thing:
        return {"action": self._act(command, server, lambda: server.update(status=status))}

    def _shut_down(self, server: Thing, _body: Thing) -> Thing:
        if server["status"] != "running":
            raise Refused(422, "server_error", "server is not running")
        after = "running" if server["id"] in self.deaf else "off"
        action = self._act("shutdown_server", server, lambda: None)
        # The action only presses the button; the system goes down when it likes.
        self.begin({}, 1.5, lambda: server.update(status=after))
        return {"action": action}

    def _change_type(self, server: Thing, body: Thing) -> Thing:
        if server["status"] != "off":
            raise Refused(422, "server_not_stopped", "server must be stopped before changing its type")
        kind = self._type(body["server_type"])
        disk = kind["disk"] if body.get("upgrade_disk") else server["primary_disk_size"]
        action = self._act(
            "change_server_type", server, lambda: server.update(server_type=kind, primary_disk_size=disk)
        )
        return {"action": action}

    def _rebuild(self, server: Thing, body: Thing) -> Thing:
        image = self._image(body["image"], server["server_type"]["architecture"])
        action = self._act("rebuild_server", server, lambda: server.update(status="running", image=image))
        server["status"] = "rebuilding"
        return {"action": action, "root_password": None if server["_ssh_keys"] else "made-up-root-password"}

    def _create_image(self, server: Thing, body: Thing) -> Thing:
        number = self.new_id()
        image = offers.images()[0] | {
            "id": number,
            "type": body.get("type", "snapshot"),
            "status": "creating",
            "name": None,
            "description": body.get("description") or "",
            "created_from": {"id": server["id"], "name": server["name"]},
            "labels": body.get("labels") or {},
            "architecture": server["server_type"]["architecture"],
            "rapid_deploy": False,
            "created": at(),
        }
        action = self._act("create_image", server, lambda: image.update(status="available", image_size=2.3))
        self.images[number] = image
        return {"action": action, "image": image}

    def _enable_rescue(self, server: Thing, body: Thing) -> Thing:
        for key in body.get("ssh_keys") or ():
            _one(self.keys, str(key))
        action = self._act("enable_rescue", server, lambda: server.update(rescue_enabled=True))
        return {"action": action, "root_password": "made-up-rescue-password"}

    def _disable_rescue(self, server: Thing, _body: Thing) -> Thing:
        return {"action": self._act("disable_rescue", server, lambda: server.update(rescue_enabled=False))}

    def _change_protection(self, server: Thing, body: Thing) -> Thing:
        wanted = {name: body[name] for name in ("delete", "rebuild") if name in body}
        return {"action": self._act("change_protection", server, lambda: server["protection"].update(wanted))}

    # Keys, images, firewalls

    def _ssh_keys(self, asked: Asked, parts: list[str]) -> Said:
        if parts:
            key = _one(self.keys, parts[0])
            if asked.method == "DELETE":
                del self.keys[key["id"]]
                return Said(status=204)
            if asked.method == "PUT":
                _rename(key, asked.body)
            return Said(body={"ssh_key": key})
        if asked.method == "GET":
            return _listed("ssh_keys", list(self.keys.values()), asked)
        name, line = asked.body.get("name"), str(asked.body.get("public_key", ""))
        try:
            print_of = hashlib.md5(base64.b64decode(line.split()[1], validate=True)).hexdigest()
        except (ValueError, IndexError):
            raise Refused(422, "invalid_input", "invalid input in field 'public_key'") from None
        fingerprint = ":".join(print_of[each : each + 2] for each in range(0, 32, 2))
        if any(each["fingerprint"] == fingerprint or each["name"] == name for each in self.keys.values()):
            raise Refused(409, "uniqueness_error", "SSH key with the same fingerprint already exists")
        key = {
            "id": self.new_id(),
            "name": name,
            "fingerprint": fingerprint,
            "public_key": line,
            "labels": asked.body.get("labels") or {},
            "created": at(),
        }
        self.keys[key["id"]] = key
        return Said(status=201, body={"ssh_key": key})

    def _images(self, asked: Asked, parts: list[str]) -> Said:
        if parts:
            image = _one(self.images, parts[0])
            if asked.method == "DELETE":
                del self.images[image["id"]]
                return Said(status=204)
            return Said(body={"image": image})
        return _listed("images", list(self.images.values()), asked)

    def _firewalls(self, asked: Asked, parts: list[str]) -> Said:
        if not parts and asked.method == "GET":
            return _listed("firewalls", list(self.firewalls.values()), asked)
        if not parts:
            if any(each["name"] == asked.body["name"] for each in self.firewalls.values()):
                raise Refused(409, "uniqueness_error", "firewall name is already used")
            _check_labels(asked.body)
            firewall = {
                "id": self.new_id(),
                "name": asked.body["name"],
                "labels": asked.body.get("labels") or {},
                "created": at(),
                "rules": _rules(asked.body),
                "applied_to": asked.body.get("apply_to") or [],
            }
            self.firewalls[firewall["id"]] = firewall
            return Said(
                status=201, body={"firewall": firewall, "actions": [self._fire(firewall, "set_firewall_rules")]}
            )
        firewall = _one(self.firewalls, parts[0])
        if len(parts) > 1 and asked.method == "POST":
            return self._change_firewall(firewall, parts[2], asked.body)
        if asked.method == "DELETE":
            if firewall["applied_to"]:
                raise Refused(409, "resource_in_use", "firewall is still in use")
            del self.firewalls[firewall["id"]]
            return Said(status=204)
        if asked.method == "PUT":
            _rename(firewall, asked.body)
        return Said(body={"firewall": firewall})

    def _change_firewall(self, firewall: Thing, command: str, body: Thing) -> Said:
        if command == "set_rules":
            firewall["rules"] = _rules(body)
        elif command == "apply_to_resources":
            firewall["applied_to"] += [each for each in body["apply_to"] if each not in firewall["applied_to"]]
        elif command == "remove_from_resources":
            firewall["applied_to"] = [each for each in firewall["applied_to"] if each not in body["remove_from"]]
        else:
            raise Refused(404, "not_found", "route not found")
        bound = {each["server"]["id"] for each in firewall["applied_to"] if each["type"] == "server"}
        for server in self.servers.values():
            net = server["public_net"]
            net["firewalls"] = [each for each in net["firewalls"] if each["id"] != firewall["id"]]
            net["firewalls"] += [{"id": firewall["id"], "status": "applied"}] if server["id"] in bound else []
        return Said(status=201, body={"actions": [self._fire(firewall, command)]})

    def _fire(self, firewall: Thing, command: str) -> Thing:
        return self._act(command, firewall, lambda: None, kind="firewall")


def _one(things: dict[int, Thing], number: str) -> Thing:
    if not number.isdigit() or int(number) not in things:
        raise Refused(404, "not_found", f"resource with ID '{number}' not found")
    return things[int(number)]


def _listed(name: str, things: list[Thing], asked: Asked) -> Said:
    query = asked.query
    for part in ("name", "fingerprint", "type", "architecture", "status"):
        if part in query:
            things = [each for each in things if each.get(part) == query[part]]
    for term in query.get("label_selector", "").replace("==", "=").split(","):
        key, _, value = term.partition("=")
        things = [each for each in things if not key or (key in each["labels"] and value in {"", each["labels"][key]})]
    size, page = min(int(query.get("per_page", 25)), 50), int(query.get("page", 1))
    last = max(1, -(-len(things) // size))
    pagination = {
        "page": page,
        "per_page": size,
        "previous_page": page - 1 or None,
        "next_page": page + 1 if page < last else None,
        "last_page": last,
        "total_entries": len(things),
    }
    return Said(body={name: things[(page - 1) * size : page * size], "meta": {"pagination": pagination}})


def _rename(thing: Thing, body: Thing) -> None:
    _check_labels(body)
    thing.update({name: body[name] for name in ("name", "labels") if name in body})


def _check_labels(body: Thing) -> None:
    for key, value in (body.get("labels") or {}).items():
        if not key or not _LABEL.fullmatch(key) or not _LABEL.fullmatch(value):
            raise Refused(422, "invalid_input", "invalid input in field 'labels'")


def _rules(body: Thing) -> list[Thing]:
    rules = []
    for rule in body.get("rules") or ():
        needs_port = rule["protocol"] in {"tcp", "udp"}
        if needs_port != bool(rule.get("port")):
            raise Refused(422, "invalid_input", "invalid input in field 'rules': port")
        empty: Thing = {"port": None, "description": None, "source_ips": [], "destination_ips": []}
        rules.append(empty | rule)
    return rules


def _public_net(number: int, net: Thing, firewalls: list[Thing], address: str) -> Thing:
    four = {"id": number, "ip": address or f"198.51.{number // 250 % 250}.{number % 250 + 1}", "blocked": False}
    six = {"id": number + 1, "ip": f"2001:db8:{number & 0xFFFF:x}::/64", "blocked": False, "dns_ptr": []}
    return {
        "ipv4": four | {"dns_ptr": f"static.{number}.example.net"} if net.get("enable_ipv4", True) else None,
        "ipv6": six if net.get("enable_ipv6", True) else None,
        "floating_ips": [],
        "firewalls": firewalls,
    }


if __name__ == "__main__":
    main(Hetzner)
