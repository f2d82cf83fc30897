"""Stands in for the hcloud provider plugin: its arguments, its waiting, against any server that speaks Hetzner's API.

`python -m tests.fakes.plugin.hcloud`, with HCLOUD_TOKEN and HCLOUD_ENDPOINT in the environment as the real one.
"""

from __future__ import annotations

import json
import os
import urllib.error
import urllib.request
from typing import Any

from tests.fakes.plugin.mirror import schema_of
from tests.fakes.plugin.protocol import UNKNOWN, Missing, Resource, Stop, Values, serve

POLL_S = 0.05


class Api:
    """Requests, and actions waited for."""

    def __init__(self, endpoint: str, token: str) -> None:
        self._endpoint = endpoint.rstrip("/")
        self._token = token

    def ask(self, method: str, path: str, body: Values | None = None) -> Values:
        """The answer.

        Raises:
            Missing: there is no such thing.
            ConnectionError: the API says no, in its own words.
        """
        request = urllib.request.Request(
            self._endpoint + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                raw = answer.read()
        except urllib.error.HTTPError as error:
            told = json.loads(error.read() or b"{}").get("error", {})
            if error.code == 404:
                raise Missing(path) from error
            raise ConnectionError(
                f"{told.get('message', error.reason)} ({told.get('code', '')}, {error.code})"
            ) from error
        return dict(json.loads(raw)) if raw else {}

    def act(self, method: str, path: str, stop: Stop, body: Values | None = None) -> Values:
        """The answer of what begins an action, once that is done."""
        answer = self.ask(method, path, body)
        action = answer.get("action")
        while action and action["status"] == "running":
            stop.wait(POLL_S)
            action = self.ask("GET", f"/actions/{action['id']}")["action"]
        if action and action["status"] == "error":
            raise ConnectionError(f"{action['command']} failed: {action['error']['message']}")
        return answer


class Server(Resource):
    """`hcloud_server`."""

    replaced_by = frozenset({"image", "location", "ssh_keys", "user_data"})
    recomputed = ("primary_disk_size",)

    def create(self, client: Any, planned: Values, stop: Stop) -> Values:
        body: Values = {
            "name": planned["name"],
            "server_type": planned["server_type"],
            "image": planned["image"],
            "location": planned["location"],
            "ssh_keys": [int(each) for each in planned["ssh_keys"] or ()],
            "labels": planned["labels"] or {},
            "firewalls": [{"firewall": int(each)} for each in _known(planned["firewall_ids"]) or ()],
        }
        if planned["user_data"]:
            body["user_data"] = planned["user_data"]
        for net in planned["public_net"] or ():
            body["public_net"] = {"enable_ipv4": net["ipv4_enabled"], "enable_ipv6": net["ipv6_enabled"]}
        made = client.ask("POST", "/servers", body)
        stop.made["id"] = str(made["server"]["id"])
        action = made["action"]
        while action["status"] == "running":
            stop.wait(POLL_S)
            action = client.ask("GET", f"/actions/{action['id']}")["action"]
        if action["status"] == "error":
            raise ConnectionError(f"create_server failed: {action['error']['message']}")
        return self._told(client, str(made["server"]["id"]), planned)

    def read(self, client: Any, state: Values) -> Values:
        return self._told(client, state["id"], state)

    def update(self, client: Any, prior: Values, planned: Values, stop: Stop) -> Values:
        path = f"/servers/{prior['id']}"
        if planned["server_type"] != prior["server_type"]:
            client.act("POST", f"{path}/actions/poweroff", stop, {})
            change = {"server_type": planned["server_type"], "upgrade_disk": not planned["keep_disk"]}
            client.act("POST", f"{path}/actions/change_type", stop, change)
            client.act("POST", f"{path}/actions/poweron", stop, {})
        client.ask("PUT", path, {"name": planned["name"], "labels": planned["labels"] or {}})
        before, after = ({*(_known(values["firewall_ids"]) or ())} for values in (prior, planned))
        target = [{"type": "server", "server": {"id": int(prior["id"])}}]
        for firewall in sorted(after - before):
            client.ask("POST", f"/firewalls/{int(firewall)}/actions/apply_to_resources", {"apply_to": target})
        for firewall in sorted(before - after):
            client.ask("POST", f"/firewalls/{int(firewall)}/actions/remove_from_resources", {"remove_from": target})
        return self._told(client, prior["id"], planned)

    def delete(self, client: Any, state: Values, stop: Stop) -> None:
        client.act("DELETE", f"/servers/{state['id']}", stop)

    @staticmethod
    def _told(client: Any, server_id: str, values: Values) -> Values:
        """``values`` as the API has them now."""
        server = client.ask("GET", f"/servers/{server_id}")["server"]
        net = server["public_net"]
        image = server["image"] or {}
        six = (net["ipv6"] or {}).get("ip", "")
        told = {
            "id": server_id,
            "name": server["name"],
            "server_type": server["server_type"]["name"],
            "location": (server.get("location") or server["datacenter"]["location"])["name"],
            "datacenter": (server.get("datacenter") or {}).get("name", ""),
            "labels": server["labels"] or values.get("labels"),
            "ipv4_address": (net["ipv4"] or {}).get("ip", ""),
            "ipv6_address": six.replace("::/64", "::1"),
            "ipv6_network": six,
            "status": server["status"],
            "firewall_ids": [each["id"] for each in net["firewalls"]],
            "primary_disk_size": server.get("primary_disk_size", 0),
            "backup_window": server.get("backup_window") or "",
        }
        kept = {name: None if value is UNKNOWN else value for name, value in values.items()}
        return {**kept, "image": kept.get("image") or image.get("name"), **told}


class Firewall(Resource):
    """`hcloud_firewall`."""

    def create(self, client: Any, planned: Values, stop: Stop) -> Values:
        body = {"name": planned["name"], "labels": planned["labels"] or {}, "rules": _rules(planned)}
        made = client.ask("POST", "/firewalls", body)["firewall"]
        return {**planned, "id": str(made["id"])}

    def read(self, client: Any, state: Values) -> Values:
        found = client.ask("GET", f"/firewalls/{state['id']}")["firewall"]
        return {**state, "name": found["name"], "labels": found["labels"] or state.get("labels")}

    def update(self, client: Any, prior: Values, planned: Values, stop: Stop) -> Values:
        path = f"/firewalls/{prior['id']}"
        client.ask("PUT", path, {"name": planned["name"], "labels": planned["labels"] or {}})
        client.ask("POST", f"{path}/actions/set_rules", {"rules": _rules(planned)})
        return planned

    def delete(self, client: Any, state: Values, stop: Stop) -> None:
        client.ask("DELETE", f"/firewalls/{state['id']}")


def _known(value: Any) -> Any:
    return None if value is UNKNOWN else value


def _rules(planned: Values) -> list[Values]:
    return [{name: value for name, value in rule.items() if value not in (None, [])} for rule in planned["rule"] or ()]


def configure(config: Values) -> Api:
    """The client of a configured provider.

    Raises:
        ValueError: token or endpoint are missing.
    """
    token = config.get("token") or os.environ.get("HCLOUD_TOKEN", "")
    endpoint = config.get("endpoint") or os.environ.get("HCLOUD_ENDPOINT", "")
    if not token or not endpoint:
        raise ValueError("The hcloud provider needs a token, and here an endpoint.")
    return Api(endpoint, token)


def main() -> None:
    """Be the plugin."""
    schema = json.loads(schema_of("hcloud").read_text(encoding="utf-8"))
    serve(schema, {"hcloud_server": Server(), "hcloud_firewall": Firewall()}, configure)


if __name__ == "__main__":
    main()
