"""Use cases have exactly the routes of the spec, and a route takes from its request only what that has."""

from __future__ import annotations

import re
from dataclasses import fields

import pytest

from machina_desktop.core.services import catalogue
from machina_desktop.core.services.use_case import REGISTRY, UseCase

# Spec 6.1 to 6.5, 6.7 and 6.10; `*` stands for any path parameter.
SPEC = {
    "machine.list": "GET /api/machines",
    "machine.create": "POST /api/machines",
    "machine.get": "GET /api/machines/*",
    "machine.reboot": "POST /api/machines/*/reboot",
    "machine.start": "POST /api/machines/*/start",
    "machine.stop": "POST /api/machines/*/stop",
    "machine.destroy": "POST /api/machines/*/destroy",
    "provider.list": "GET /api/providers",
    "provider_account.catalogue": "GET /api/providers/{type}/options",
    "provider_account.list": "GET /api/providers/accounts",
    "provider_account.add": "POST /api/providers/{type}/accounts",
    "provider_account.verify": "POST /api/providers/accounts/*/verify",
    "provider_account.delete": "DELETE /api/providers/accounts/*",
    "deployment.list": "GET /api/deployments",
    "deployment.get": "GET /api/deployments/*",
    "deployment.read_log": "GET /api/deployments/*/logs",
    "deployment.cancel": "POST /api/deployments/*/cancel",
    "deployment.approve": "POST /api/deployments/*/approve",
    "ssh_key.list": "GET /api/ssh/keys",
    "ssh_key.generate": "POST /api/ssh/keys/generate",
    "ssh_key.import": "POST /api/ssh/keys/import",
    "ssh_key.delete": "DELETE /api/ssh/keys/*",
    "audit.list": "GET /api/audit/events",
    "audit.get": "GET /api/audit/events/*",
    "account.login": "POST /api/auth/login",
    "session.logout": "POST /api/auth/logout",
    "account.register": "POST /api/auth/register",
    "user.me": "GET /api/auth/me",
    "account.change_password": "POST /api/auth/change-password",
    "session.list": "GET /api/auth/sessions",
    "session.revoke": "DELETE /api/auth/sessions/*",
    "team.list": "GET /api/teams",
    "team.create": "POST /api/teams",
    "team.get": "GET /api/teams/*",
    "team.update": "PUT /api/teams/*",
    "team.delete": "DELETE /api/teams/*",
    "member.list": "GET /api/teams/*/members",
    "invite.create": "POST /api/teams/*/invites",
    "team.join": "POST /api/teams/join",
    "member.update": "PUT /api/teams/*/members/*",
    "member.remove": "DELETE /api/teams/*/members/*",
}
CASES = {case.action: case for case in REGISTRY.by_request.values()}


def route(case: UseCase) -> str:
    return f"{case.method} {case.path}"


@pytest.mark.parametrize("action", SPEC)
def test_a_use_case_of_the_spec_has_its_route(action: str) -> None:
    wanted = re.escape(SPEC[action]).replace(r"\*", r"\{[a-z_]+\}")
    assert re.fullmatch(wanted, route(CASES[action])), route(CASES[action])


def test_a_route_names_only_fields_of_its_request() -> None:
    assert catalogue.AREAS
    for case in CASES.values():
        names = {field.name for field in fields(case.request)}
        assert set(re.findall(r"\{([a-z_]+)\}", case.path)) <= names, route(case)


def test_no_two_use_cases_answer_the_same_call() -> None:
    shapes = [re.sub(r"\{[a-z_]+\}", "*", route(case)) for case in CASES.values()]
    assert len(shapes) == len(set(shapes))
