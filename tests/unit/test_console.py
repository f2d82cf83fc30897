"""Where consoles are found."""

from __future__ import annotations

from dataclasses import replace

import pytest

from machina_desktop.core.domain.console import console_of
from machina_desktop.core.domain.machine import MachineStatus
from machina_desktop.core.domain.provider import ProviderAccount, ProviderType
from machina_desktop.core.providers.registry import provider_for
from tests.fakes.rows import AT, machine

ACCOUNT = ProviderAccount(
    provider_account_id="a",
    team_id="t",
    provider_type=ProviderType.AWS,
    label="Acme",
    settings={},
    created_at=AT,
    updated_at=AT,
)


@pytest.mark.parametrize(
    ("kind", "resource_id", "address"),
    [
        (ProviderType.DIGITALOCEAN, "42", "https://cloud.digitalocean.com/droplets/42/access"),
        (ProviderType.HETZNER, "42", "https://console.hetzner.com/projects"),
        (
            ProviderType.AWS,
            "i-0abc",
            "https://eu-x-1.console.aws.amazon.com/ec2/home?region=eu-x-1#ConnectToInstance:instanceId=i-0abc",
        ),
        (
            ProviderType.GCP,
            "projects/acme-1/zones/eu-x-1-b/instances/web",
            "https://console.cloud.google.com/compute/instancesDetail/zones/eu-x-1-b/instances/web?project=acme-1",
        ),
    ],
)
def test_a_console_has_its_page_at_the_provider(kind: ProviderType, resource_id: str, address: str) -> None:
    known = machine(1, provider_resource_id=resource_id, region="eu-x-1", zone="eu-x-1-b")
    assert console_of(known, provider_for(kind).info, ACCOUNT) == address


def test_a_cloud_of_ones_own_a_practice_machine_and_one_that_is_gone_have_none() -> None:
    known = machine(1, provider_resource_id="42", actual_status=MachineStatus.RUNNING)
    info = provider_for(ProviderType.DIGITALOCEAN).info
    assert console_of(known, info, ACCOUNT)
    assert not console_of(known, info, replace(ACCOUNT, settings={"endpoint": "https://cloud.example.org"}))
    assert not console_of(known, provider_for(ProviderType.SANDBOX).info, ACCOUNT)
    assert not console_of(replace(known, actual_status=MachineStatus.TERMINATED), info, ACCOUNT)
    assert not console_of(replace(known, provider_resource_id=None), info, ACCOUNT)
