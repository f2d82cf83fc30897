"""The firewall of a machine in its detail, and the question about another one: what changes, before it is planned."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel, QPushButton

from machina_desktop.core.domain.deployment import Deployment, DeploymentState, DeploymentType
from machina_desktop.core.domain.firewall import FirewallProfile, changes_between, rule_of, sources_of_port
from machina_desktop.core.domain.machine import Machine, ProvisioningMethod
from machina_desktop.core.services.upkeep import SetFirewall
from tests.fakes.gateway import until
from tests.fakes.rows import AT, TEAM_ID, deployment
from tests.views.test_machine_upkeep import Shown, at_hetzner


def profile(name: str, *rules: str, **fields: object) -> FirewallProfile:
    made: dict[str, object] = {"profile_id": f"firewall-{name}", "team_id": TEAM_ID, "name": name}
    times = {"created_at": AT, "updated_at": AT}
    return FirewallProfile(rules=tuple(map(rule_of, rules)), **{**made, **times, **fields})  # type: ignore[arg-type]


WEB = profile("web", "tcp:22", "tcp:443", "icmp")
SSH = profile("ssh", "tcp:22", "udp:51820")
CLOSED = profile("closed", "tcp:443")
OFFICE = profile("office", "tcp:22 from 203.0.113.0/24")
PROFILES = (WEB, SSH, CLOSED, OFFICE)


@pytest.fixture(autouse=True)
def _home(tmp_path: object, monkeypatch: pytest.MonkeyPatch, qapp: object) -> None:
    monkeypatch.setenv("MACHINA_HOME", str(tmp_path))


def behind(firewall: FirewallProfile | None, **fields: object) -> Machine:
    return at_hetzner(firewall_profile_id=firewall.profile_id if firewall is not None else None, **fields)


async def asked(shown: Shown) -> None:
    await shown.choose("Change the firewall…")
    await until(lambda: shown.has("machine.firewall.none") and shown.find("machine.firewall.none").isVisible())


def said(shown: Shown) -> list[str]:
    """The lines of what changes, from the top."""
    labels = shown.find("machine.firewall-changes").findChildren(QLabel)
    return [label.text() for label in labels if label.isVisible()]


def confirm(shown: Shown) -> QPushButton:
    button = shown.find("machine.firewall-dialog.confirm")
    assert isinstance(button, QPushButton)
    return button


def warned(shown: Shown) -> str:
    warning = shown.find("machine.firewall-warning")
    return f"{warning.accessibleName()} {warning.accessibleDescription()}" if warning.isVisible() else ""


async def test_each_firewall_tells_which_other_machines_have_it() -> None:
    others = [replace(behind(WEB), machine_id=f"m-{number}", name=f"web-{number}") for number in range(3)]
    async with Shown(behind(WEB), *PROFILES, *others) as shown:
        await asked(shown)
        await until(lambda: "web-0 and 2 more" in shown.find("machine.firewall.firewall-web").accessibleDescription())
        assert "web-" not in shown.find("machine.firewall.firewall-ssh").accessibleDescription()


async def test_another_firewall_shows_rule_by_rule_what_changes_and_then_its_plan() -> None:
    async with Shown(behind(WEB), *PROFILES) as shown:
        await asked(shown)
        shown.click("machine.firewall.firewall-ssh")
        assert said(shown) == [
            "Let through anew",
            "UDP port 51820 from anywhere",
            "No longer let through",
            "TCP port 443 from anywhere",
            "ICMP from anywhere",
            "As before",
            "TCP port 22 from anywhere",
        ]
        assert not warned(shown)
        shown.click("machine.firewall-dialog.confirm")
        await until(lambda: shown.window.inspected)
        (ask,) = shown.gateway.asked_of(SetFirewall)
        assert (ask.profile_id, ask.auto_approve) == ("firewall-ssh", False)
        assert shown.window.inspected == [("deployment", ask.deployment_id)]


async def test_a_firewall_is_taken_away_by_the_keyboard_and_that_is_warned_of() -> None:
    async with Shown(behind(CLOSED), *PROFILES) as shown:
        await asked(shown)
        chosen = shown.find("machine.firewall.firewall-closed")
        QTest.keyClick(chosen, Qt.Key.Key_Up)
        assert said(shown) == ["These rules are taken away", "TCP port 443 from anywhere"]
        assert "Everything will reach the machine." in warned(shown)
        QTest.keyClick(shown.find("machine.firewall.none"), Qt.Key.Key_Return)
        await until(lambda: shown.gateway.asked_of(SetFirewall))
        assert shown.gateway.asked_of(SetFirewall)[0].profile_id == ""


async def test_a_firewall_that_keeps_ssh_out_is_warned_of() -> None:
    async with Shown(behind(None), *PROFILES) as shown:
        await asked(shown)
        assert not confirm(shown).isEnabled()
        shown.click("machine.firewall.firewall-closed")
        assert "port 22" in warned(shown)
        shown.click("machine.firewall.firewall-office")
        assert "203.0.113.0/24 only" in warned(shown)
        shown.click("machine.firewall.firewall-web")
        assert not warned(shown)
        assert said(shown)[0] == "Only this is let through"
        assert said(shown)[-1] == "Nothing else gets in; everything gets out."
        assert confirm(shown).isEnabled()


async def test_the_same_firewall_puts_its_new_rules_in_force() -> None:
    async with Shown(behind(WEB), *PROFILES) as shown:
        await asked(shown)
        assert confirm(shown).text() == "Plan its rules again"
        shown.click("machine.firewall-dialog.confirm")
        await until(lambda: shown.gateway.asked_of(SetFirewall))
        assert shown.gateway.asked_of(SetFirewall)[0].profile_id == "firewall-web"


async def test_the_detail_shows_the_firewall_and_its_rules_as_they_are_now() -> None:
    async with Shown(behind(WEB), *PROFILES) as shown:
        await until(lambda: shown.text("machine.firewall-name") == "web")
        assert "TCP port 443 from anywhere" in shown.text("machine.firewall-rules")
        shown.gateway.put(replace(WEB, rules=(rule_of("tcp:8443"),)))
        await until(lambda: "8443" in shown.text("machine.firewall-rules"))
        shown.click("machine.firewall-change")
        await until(lambda: shown.has("machine.firewall-dialog"))


async def test_rules_that_were_changed_since_the_last_plan_are_told_of() -> None:
    put: dict[str, object] = {"state": DeploymentState.SUCCEEDED, "type": DeploymentType.CREATE}
    run: Deployment = deployment(1, machine_id=behind(WEB).machine_id, created_at=AT, started_at=AT, **put)
    async with Shown(behind(WEB), *PROFILES, run) as shown:
        await until(lambda: shown.text("machine.firewall-name") == "web")
        assert not shown.find("machine.firewall-behind").isVisible()
        shown.gateway.put(replace(WEB, updated_at=AT + timedelta(hours=1)))
        await until(lambda: shown.find("machine.firewall-behind").isVisible())


@pytest.mark.parametrize(
    ("method", "words"),
    [(ProvisioningMethod.TERRAFORM, "Everything reaches"), (ProvisioningMethod.IMPORTED, "taken over stays")],
)
async def test_without_a_firewall_the_detail_says_what_that_means(method: ProvisioningMethod, words: str) -> None:
    async with Shown(behind(None, provisioning_method=method), *PROFILES) as shown:
        await until(lambda: shown.text("machine.firewall-name") == "No firewall")
        assert words in shown.text("machine.firewall-rules")


def test_descriptions_and_the_order_of_ranges_change_nothing() -> None:
    before = (rule_of("tcp:22 from 203.0.113.0/24,198.51.100.0/24"),)
    after = (replace(rule_of("tcp:22 from 198.51.100.0/24,203.0.113.0/24"), description="SSH"),)
    found = changes_between(before, after)
    assert (found.added, found.removed, found.kept) == ((), (), after)


def test_a_port_is_reached_by_its_own_rule_a_range_and_by_all() -> None:
    for rule in ("tcp:2222", "tcp:2000-3000", "tcp"):
        assert sources_of_port((rule_of(rule),), 2222)
    for rule in ("tcp:22", "udp:2222", "out tcp:2222", "icmp"):
        assert not sources_of_port((rule_of(rule),), 2222)
