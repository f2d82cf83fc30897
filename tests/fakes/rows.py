"""A believable team for view tests: forty machines over five providers, runs in every state, accounts, keys."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from machina_desktop.core.domain.deployment import Deployment, DeploymentState, DeploymentType
from machina_desktop.core.domain.key import SSHKey, SSHKeyType
from machina_desktop.core.domain.log_line import LogLevel, LogLine
from machina_desktop.core.domain.machine import Machine, MachineStatus, ProvisioningMethod
from machina_desktop.core.domain.plan import AttributeChange, PlanAction, PlanSummary, ResourceChange
from machina_desktop.core.domain.provider import (
    AccountField,
    Catalogue,
    CredentialStatus,
    Image,
    ProviderAccount,
    ProviderInfo,
    ProviderType,
    Region,
    Size,
    SkippedStep,
    WizardStep,
)

TEAM_ID = "team-01acme"
ACTOR_ID = "user-01ada"
AT = datetime(2026, 3, 14, 9, 26, 53, tzinfo=UTC)

PROVIDER_INFOS = (
    ProviderInfo(
        type=ProviderType.DIGITALOCEAN,
        title="DigitalOcean",
        summary="Droplets in fourteen regions.",
        account_fields=(
            AccountField(
                name="api_token",
                title="API token",
                help="Made under API → Tokens, with read and write scope.",
                placeholder="dop_v1_…",
                is_secret=True,
                is_required=True,
            ),
        ),
        power_actions=("reboot", "stop", "start"),
        has_keys=True,
    ),
    ProviderInfo(
        type=ProviderType.AWS,
        title="Amazon Web Services",
        summary="EC2 instances.",
        has_keys=True,
        unavailable_reason="Amazon Web Services comes with a later version.",
        power_actions=("reboot", "stop", "start"),
    ),
    ProviderInfo(
        type=ProviderType.HETZNER,
        title="Hetzner Cloud",
        summary="Servers in Germany, Finland, the United States and Singapore.",
        account_fields=(AccountField(name="api_token", title="API token", is_secret=True, is_required=True),),
        power_actions=("reboot", "stop", "start", "rebuild", "snapshot", "rescue"),
        has_keys=True,
        has_firewalls=True,
        has_disk_in_size=True,
    ),
    ProviderInfo(
        type=ProviderType.BAREMETAL,
        title="My own server",
        summary="Any host you reach by SSH: a server in a rack, a virtual machine, a board on your desk.",
        account_fields=(
            AccountField(
                name="reboot_command",
                title="Reboot command",
                help="Run on the host with sudo.",
                placeholder="systemctl reboot",
            ),
            AccountField(name="notes", title="Notes", is_multiline=True),
        ),
        skipped_steps=(
            SkippedStep(step=WizardStep.SIZE, reason="Your server has the size it has."),
            SkippedStep(step=WizardStep.IMAGE, reason="Its operating system is installed already."),
            SkippedStep(step=WizardStep.FIREWALL, reason="Machina leaves the firewall of your own server alone."),
        ),
        asks_host=True,
        power_actions=("reboot", "stop"),
    ),
    ProviderInfo(
        type=ProviderType.SANDBOX,
        title="Practice machine",
        summary="A practice machine on this computer: free, needs no account, gone without a trace.",
        skipped_steps=(
            SkippedStep(step=WizardStep.REGION, reason="It runs on this computer."),
            SkippedStep(step=WizardStep.SIZE, reason="It shares this computer's processor and memory."),
            SkippedStep(step=WizardStep.IMAGE, reason="It uses this computer's operating system."),
            SkippedStep(step=WizardStep.FIREWALL, reason="It listens on this computer only."),
        ),
        power_actions=("reboot", "stop", "start"),
    ),
)

_CLOUD = Catalogue(
    regions=(
        Region(slug="fsn1", title="Falkenstein, Germany", zones=("fsn1-dc14", "fsn1-dc8")),
        Region(slug="hel1", title="Helsinki, Finland", zones=("hel1-dc2",)),
        Region(slug="ash", title="Ashburn, Virginia"),
    ),
    sizes=(
        Size(
            slug="cx22",
            title="CX22",
            vcpus=2,
            memory_mb=4096,
            disk_gb=40,
            price_hourly=0.006,
            price_monthly=3.79,
            currency="EUR",
        ),
        Size(
            slug="cx32",
            title="CX32",
            vcpus=4,
            memory_mb=8192,
            disk_gb=80,
            price_hourly=0.011,
            price_monthly=6.8,
            currency="EUR",
        ),
        Size(slug="ccx63", title="CCX63", vcpus=48, memory_mb=196608, disk_gb=960, currency="EUR"),
    ),
    images=(
        Image(slug="debian-12", title="Debian 12", family="Debian"),
        Image(slug="debian-11", title="Debian 11", family="Debian"),
        Image(slug="ubuntu-24.04", title="Ubuntu 24.04 LTS", family="Ubuntu"),
        Image(slug="fedora-41", title="Fedora 41", family="Fedora"),
    ),
    fetched_at=AT,
)
CATALOGUES = dict.fromkeys((ProviderType.DIGITALOCEAN, ProviderType.AWS, ProviderType.HETZNER), _CLOUD) | {
    ProviderType.GCP: _CLOUD,
    ProviderType.BAREMETAL: Catalogue(),
    ProviderType.SANDBOX: Catalogue(),
}

_ROLES = ("web", "db", "cache", "queue", "build", "mail", "metrics", "proxy")
_PROVIDERS = (
    (ProviderType.HETZNER, "account-hetzner", ("fsn1", "hel1"), "cx22"),
    (ProviderType.DIGITALOCEAN, "account-do", ("ams3", "nyc1"), "s-2vcpu-4gb"),
    (ProviderType.AWS, "account-aws", ("eu-central-1",), "t3.medium"),
    (ProviderType.BAREMETAL, "account-rack", ("",), ""),
    (ProviderType.SANDBOX, "account-here", ("",), ""),
)
_STATUSES = (
    *(MachineStatus.RUNNING,) * 7,
    MachineStatus.STOPPED,
    MachineStatus.PROVISIONING,
    MachineStatus.ERROR,
    MachineStatus.PENDING,
    MachineStatus.REBOOTING,
    MachineStatus.TERMINATING,
)


def machine(number: int = 1, **fields: object) -> Machine:
    """The ``number``-th machine of the team, with what the caller sets otherwise."""
    provider, account, regions, size = _PROVIDERS[number % len(_PROVIDERS)]
    status = _STATUSES[number % len(_STATUSES)]
    is_local = provider is ProviderType.SANDBOX
    address = "127.0.0.1" if is_local else f"203.0.113.{number + 1}"
    made: dict[str, object] = {
        "machine_id": f"machine-{number:02}",
        "team_id": TEAM_ID,
        "name": f"{_ROLES[number % len(_ROLES)]}-{number // len(_ROLES) + 1}",
        "provider": provider,
        "provider_account_id": account,
        "region": regions[number % len(regions)],
        "size": size,
        "image": "debian-12" if size else "",
        "desired_status": MachineStatus.RUNNING,
        "actual_status": status,
        "status_reason": "The server did not answer on port 22 within 120 s." if status is MachineStatus.ERROR else "",
        "public_ip": None if status is MachineStatus.PENDING else address,
        "ssh_host": address,
        "ssh_port": 20_000 + number if is_local else 22,
        "ssh_user": "ada" if is_local else "root",
        "ssh_key_ids": ("key-laptop",),
        "host_key": "SHA256:4Vv1s7k0k3Yx9mW2cQpTq8rJd6uZbNfLhEaGiOoPxYs",
        "tags": ("prod", "eu") if number % 3 else ("staging",),
        "facts": {"os": "Debian GNU/Linux 12 (bookworm)", "kernel": "6.1.0-28-amd64"},
        "provisioning_method": ProvisioningMethod.REGISTERED
        if provider is ProviderType.BAREMETAL
        else ProvisioningMethod.TERRAFORM,
        "created_at": AT - timedelta(days=number),
        "updated_at": AT - timedelta(hours=number),
    }
    return Machine(**{**made, **fields})  # type: ignore[arg-type]


def account(provider: ProviderType, key: str, label: str, **fields: object) -> ProviderAccount:
    """A provider account that was verified a day ago."""
    made: dict[str, object] = {
        "provider_account_id": key,
        "team_id": TEAM_ID,
        "provider_type": provider,
        "label": label,
        "credential_status": CredentialStatus.VALID,
        "last_verified_at": AT - timedelta(days=1),
        "settings": {},
        "created_at": AT - timedelta(days=90),
        "updated_at": AT - timedelta(days=1),
    }
    return ProviderAccount(**{**made, **fields})  # type: ignore[arg-type]


def accounts() -> tuple[ProviderAccount, ...]:
    """Five accounts, one of them with an expired token."""
    return (
        account(ProviderType.HETZNER, "account-hetzner", "Acme production", identity="project acme-prod"),
        account(
            ProviderType.DIGITALOCEAN, "account-do", "Labs", identity="labs@acme.example", scopes=("read", "write")
        ),
        account(
            ProviderType.AWS,
            "account-aws",
            "Old AWS",
            credential_status=CredentialStatus.INVALID,
            status_reason="The access key was deleted at AWS.",
        ),
        account(ProviderType.BAREMETAL, "account-rack", "Rack 7, cellar", settings={"reboot_command": "reboot"}),
        account(ProviderType.SANDBOX, "account-here", "This computer"),
    )


def keys() -> tuple[SSHKey, ...]:
    """Three keys; only the public half of the last is here."""
    return tuple(
        SSHKey(
            ssh_key_id=key,
            team_id=TEAM_ID,
            name=name,
            fingerprint=f"SHA256:{mark * 43}",
            public_key=f"ssh-{kind.value} AAAAC3NzaC1lZDI1NTE5AAAA{mark * 24} {name}",
            provider_key_ids={"account-hetzner": "21044711"} if key == "key-laptop" else {},
            key_type=kind,
            key_bits=bits,
            has_private_key=has_private,
            created_at=AT - timedelta(days=200),
            updated_at=AT - timedelta(days=200),
        )
        for key, name, mark, kind, bits, has_private in (
            ("key-laptop", "laptop", "a", SSHKeyType.ED25519, 256, True),
            ("key-deploy", "deploy 2024", "b", SSHKeyType.RSA, 4096, True),
            ("key-grace", "grace (public only)", "c", SSHKeyType.ECDSA, 256, False),
        )
    )


PLAN = PlanSummary(
    add=2,
    change=1,
    remove=1,
    resources=(
        ResourceChange(
            address="terraform_data.machine",
            type="terraform_data",
            name="machine",
            action=PlanAction.REPLACE,
            reason="input.port cannot be changed in place",
            attributes=(
                AttributeChange(path="input.port", before="22", after="2222", forces_replacement=True),
                AttributeChange(path="id", before='"5c1f"', unknown=True),
                AttributeChange(path="input.token", sensitive=True),
            ),
        ),
        ResourceChange(
            address="hcloud_ssh_key.deploy",
            type="hcloud_ssh_key",
            name="deploy",
            action=PlanAction.CREATE,
            attributes=(AttributeChange(path="name", after='"deploy"'),),
        ),
        ResourceChange(
            address="hcloud_server.machine",
            type="hcloud_server",
            name="machine",
            action=PlanAction.UPDATE,
            attributes=(AttributeChange(path="labels.tier", before='"dev"', after='"prod"'),),
        ),
    ),
    outputs=("public_ip",),
)

_RUNS = (
    (DeploymentState.QUEUED, DeploymentType.CREATE),
    (DeploymentState.PLANNING, DeploymentType.CREATE),
    (DeploymentState.AWAITING_APPROVAL, DeploymentType.UPDATE),
    (DeploymentState.APPLYING, DeploymentType.DESTROY),
    (DeploymentState.SUCCEEDED, DeploymentType.REBOOT),
    (DeploymentState.FAILED, DeploymentType.CREATE),
    (DeploymentState.CANCELLED, DeploymentType.STOP),
)


def deployment(number: int = 0, **fields: object) -> Deployment:
    """The ``number``-th run; seven of them show every state once."""
    state, kind = _RUNS[number % len(_RUNS)]
    target = machine(number % 40)
    asked = AT - timedelta(minutes=17 * number)
    failed = state is DeploymentState.FAILED
    made: dict[str, object] = {
        "deployment_id": f"deployment-{number:02}",
        "team_id": TEAM_ID,
        "machine_id": target.machine_id,
        "machine_name": target.name,
        "type": kind,
        "state": state,
        "terraform_workspace": target.machine_id,
        "plan_summary": PLAN if kind.is_planned and state is not DeploymentState.QUEUED else None,
        "plan_digest": "d" * 64,
        "initiated_by": ACTOR_ID,
        "error_message": "Terraform could not reach the provider." if failed else None,
        "error_code": "E-TF-APPLY" if failed else "",
        "error_hint": "Check the account's token, then retry." if failed else "",
        "phase_detail": "apply" if state is DeploymentState.APPLYING else "",
        "created_at": asked,
        "started_at": None if state is DeploymentState.QUEUED else asked + timedelta(seconds=2),
        "finished_at": asked + timedelta(seconds=94) if state.is_final else None,
        "updated_at": asked,
    }
    return Deployment(**{**made, **fields})  # type: ignore[arg-type]


def log_lines(count: int = 60) -> tuple[LogLine, ...]:
    """A run's log in four phases, with a warning and an error in it."""
    phases = ("prepare", "init", "plan", "apply")
    levels = {17: LogLevel.WARNING, count - 3: LogLevel.ERROR}
    return tuple(
        LogLine(
            at=AT + timedelta(milliseconds=240 * number),
            phase=phases[number * len(phases) // max(1, count)],
            level=levels.get(number, LogLevel.INFO),
            text=f"terraform_data.machine: still creating… [{number}s elapsed]",
            address="terraform_data.machine" if number % 5 == 0 else "",
        )
        for number in range(count)
    )


def team_rows(machines: int = 40, runs: int = 28) -> tuple[object, ...]:
    """Everything above as one team's rows."""
    return (
        *(machine(number) for number in range(machines)),
        *(deployment(number) for number in range(runs)),
        *accounts(),
        *keys(),
    )
