"""The server answers at exactly the paths and methods of spec 6; what comes with later areas stands here, once."""

from __future__ import annotations

import re

import pytest

from machina_desktop.core.services.use_case import REGISTRY, UseCase
from machina_desktop.server.routes import served, served_to_devices, success_of

# Spec 6.1 to 6.10, as it is written there but for the query; every path parameter is `:id`, `:type` or `:name`.
SPEC = """
POST   /api/auth/login
POST   /api/auth/logout
POST   /api/auth/register
GET    /api/auth/me
POST   /api/auth/change-password
GET    /api/auth/sessions
DELETE /api/auth/sessions/:id
GET    /api/machines
POST   /api/machines
GET    /api/machines/:id
POST   /api/machines/:id/reboot
POST   /api/machines/:id/start
POST   /api/machines/:id/stop
POST   /api/machines/:id/destroy
GET    /api/machines/:id/services
POST   /api/machines/:id/services/:name/restart
GET    /api/machines/:id/networking
GET    /api/providers
GET    /api/providers/:type/options
GET    /api/providers/accounts
POST   /api/providers/:type/accounts
POST   /api/providers/accounts/:id/verify
DELETE /api/providers/accounts/:id
GET    /api/deployments
GET    /api/deployments/:id
GET    /api/deployments/:id/logs
POST   /api/deployments/:id/cancel
POST   /api/deployments/:id/approve
GET    /api/ssh/keys
POST   /api/ssh/keys/generate
POST   /api/ssh/keys/import
DELETE /api/ssh/keys/:id
POST   /api/ssh/keys/:id/sync
GET    /api/bootstrap/profiles
POST   /api/bootstrap/profiles
GET    /api/bootstrap/profiles/:id
PUT    /api/bootstrap/profiles/:id
DELETE /api/bootstrap/profiles/:id
GET    /api/bootstrap/firewall-profiles
GET    /api/teams
POST   /api/teams
GET    /api/teams/:id
PUT    /api/teams/:id
DELETE /api/teams/:id
GET    /api/teams/:id/members
POST   /api/teams/:id/invites
POST   /api/teams/join
PUT    /api/teams/:id/members/:memberId
DELETE /api/teams/:id/members/:memberId
GET    /api/integrations
GET    /api/integrations/:type/status
GET    /api/integrations/:type/setup
POST   /api/integrations/:type/setup
GET    /api/integrations/:type/connect
GET    /api/integrations/:type/callback
POST   /api/integrations/:type/sync
DELETE /api/integrations/:type
GET    /api/repositories
POST   /api/repositories
GET    /api/repositories/:id
DELETE /api/repositories/:id
POST   /api/repositories/:id/sync
GET    /api/repositories/:id/commits
GET    /api/repositories/:id/prs
GET    /api/repositories/:id/branches
GET    /api/audit/events
GET    /api/audit/events/:id
"""

# What the spec lists and no use case answers yet: how its path begins, or its whole route, and what it waits for.
LATER = {
    "GET /api/machines/*/services": "the agent tells what runs on a machine",
    "POST /api/machines/*/services/*/restart": "the agent restarts it",
    "GET /api/machines/*/networking": "the agent tells which ports are open",
    "/api/bootstrap/profiles": "profiles are an area of their own",
    "/api/integrations": "GitHub, Slack and Discord are an area of their own",
    "/api/repositories": "repositories come through integrations",
}

# What is served beyond the spec: by whom it is wanted.
BEYOND = {
    "PUT /api/auth/me": "the profile page",
    "POST /api/auth/rotate": "devices renew their token",
    "PUT /api/machines/*": "tags, notes and protection",
    "PUT /api/machines/*/host-key": "a person has recognised the host key of a machine that had none",
    "POST /api/machines/*/refresh": "the deployment type refresh of spec 3.2",
    "POST /api/machines/*/retry": "a machine in error",
    "POST /api/machines/*/copy": "a machine like another one",
    "POST /api/machines/*/resize": "another size",
    "POST /api/machines/*/rebuild": "a new system in place of the old one",
    "POST /api/machines/*/snapshot": "an image of a machine's disk",
    "POST /api/machines/*/rescue": "a system to mend a machine from",
    "POST /api/machines/*/firewall": "another firewall, or the new rules of its own",
    "GET /api/machines/*/console": "where the console of a machine is",
    "POST /api/machines/import": "a machine that was not made by Machina",
    "GET /api/providers/instances": "what there is in all accounts",
    "PUT /api/providers/accounts/*": "an account's label and colour",
    "GET /api/providers/accounts/*/sizes/*/elsewhere": "the same size at other accounts, with its price",
    "POST /api/providers/accounts/*/credentials": "an account's token is rotated",
    "DELETE /api/providers/accounts/*/plugins": "the next run takes the plugins that it is given",
    "DELETE /api/ssh/keys/*/sync": "a key leaves an account",
    "POST /api/bootstrap/firewall-profiles": "firewalls of a team",
    "GET /api/bootstrap/firewall-profiles/*": "firewalls of a team",
    "PUT /api/bootstrap/firewall-profiles/*": "firewalls of a team",
    "DELETE /api/bootstrap/firewall-profiles/*": "firewalls of a team",
    "GET /api/bootstrap/firewall-profiles/*/machines": "which machines have a firewall",
    "GET /api/bootstrap/firewall-templates": "rules to begin a firewall with",
    "GET /api/ssh/keys/*": "the key's inspector",
    "GET /api/teams/*/members/*": "the member's sidekick of spec 4.7",
    "GET /api/teams/*/members/*/exposure": "what a removed member was able to read",
    "POST /api/teams/*/members/*/grants": "finer roles",
    "DELETE /api/teams/*/grants/*": "finer roles",
    "GET /api/teams/*/invites": "invites are listed",
    "DELETE /api/teams/*/invites/*": "invites are revoked",
    "POST /api/teams/*/leave": "leaving a team",
    "GET /api/audit/export": "the audit app's export",
    "POST /api/machines/*/agent-token": "the agent of spec 5.4 shows who it is",
    "DELETE /api/machines/*/agent-token": "an agent is heard no more",
    "POST /api/agents/heartbeat": "the heartbeats of spec 5.4 and 10.1",
    "GET /api/runner/key": "secrets for the runners are sealed to it",
    "GET /api/server": "who may sign in there, before anybody does",
    "GET /api/sync/pull": "copies of a team elsewhere",
    "GET /api/sync/imports/*": "how far a team has come that moves here",
    "PUT /api/sync/imports/*/parts": "a team that moves here, in parts",
    "POST /api/sync/imports/*/finish": "a team that moves here",
    "DELETE /api/sync/imports/*": "a team that does not move here after all",
    "GET /api/sync/export": "audit trail and logs of a team that moves away",
    "POST /api/teams/*/release": "a team moves away",
    "GET /api/sync/departures/*": "whether a team has moved away",
    "GET /api/sync/snapshot": "copies of a team that are too far behind",
    "GET /api/audit/chain": "the audit app's check",
    "GET /api/snippets": "texts that a team's people run in terminals",
    "POST /api/snippets": "texts that a team's people run in terminals",
    "PUT /api/snippets/*": "texts that a team's people run in terminals",
    "DELETE /api/snippets/*": "texts that a team's people run in terminals",
    "GET /api/recording-rules": "machines whose terminals are to be recorded",
    "POST /api/recording-rules": "machines whose terminals are to be recorded",
    "DELETE /api/recording-rules/*": "machines whose terminals are to be recorded",
}


def written() -> set[str]:
    """The spec's routes with every parameter as a star."""
    return {" ".join(re.sub(r":[A-Za-z]+", "*", line).split()) for line in SPEC.strip().splitlines()}


def shape(case: UseCase) -> str:
    # The type of a provider is a parameter in the spec as well.
    return re.sub(r"\{[a-z_]+\}", "*", f"{case.method} {case.path}")


def is_later(route: str) -> bool:
    return any(route == named or route.partition(" ")[2].startswith(named) for named in LATER)


SERVED = {shape(case): case for case in served()}


def test_every_route_of_the_spec_is_served_or_named_as_coming_later() -> None:
    missing = written() - SERVED.keys()
    assert {route for route in missing if not is_later(route)} == set()


def test_nothing_that_is_served_is_still_named_as_coming_later() -> None:
    assert {route for route in SERVED if is_later(route)} == set()
    for named in LATER:
        assert any(route == named or route.partition(" ")[2].startswith(named) for route in written()), named


def test_whatever_is_served_beyond_the_spec_is_named() -> None:
    assert SERVED.keys() - written() == BEYOND.keys()


def test_what_concerns_one_computer_or_is_said_by_runners_is_never_served() -> None:
    kept = [case for case in REGISTRY.by_request.values() if case not in served()]
    assert all(case.is_internal and not case.path.startswith("/api/device/") for case in served_to_devices())
    assert kept
    assert all(case.is_internal or case.path.startswith("/api/device/") for case in kept)
    paths = {case.path for case in served()}
    assert {path for path in paths if path.startswith(("/api/device", "/api/runner"))} == {"/api/runner/key"}


@pytest.mark.parametrize(
    ("action", "status"),
    [
        ("machine.list", 200),
        ("machine.create", 201),
        ("machine.reboot", 202),
        ("deployment.approve", 202),
        ("machine.update", 200),
        ("team.create", 201),
        ("team.delete", 204),
        ("session.logout", 204),
        ("account.login", 200),
        ("member.remove", 200),
        ("ssh_key.generate", 201),
    ],
)
def test_success_has_the_status_of_its_kind(action: str, status: int) -> None:
    assert success_of(next(case for case in served() if case.action == action)) == status
