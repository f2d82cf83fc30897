"""The forty machines of the believable team, over five providers, one line each."""

from __future__ import annotations

from datetime import datetime, timedelta

from machina_desktop.core.domain.machine import Machine, MachineStatus, TerraformStateStatus
from machina_desktop.core.domain.provider import ProviderType
from tests.fakes import rows

_TABLE = """
web-1              hetzner      production  fsn1          cx32         running      212  prod web
web-2              hetzner      production  fsn1          cx32         running      212  prod web
web-3              hetzner      production  hel1          cx32         running       64  prod web
web-4              hetzner      production  hel1          cx32         provisioning   0  prod web
api-1              hetzner      production  fsn1          ccx23        running      198  prod api
api-2              hetzner      production  fsn1          ccx23        running      198  prod api
api-3              hetzner      production  hel1          ccx23        running       64  prod api
db-primary         hetzner      production  fsn1          ccx33        running      212  prod postgres
db-replica         hetzner      production  hel1          ccx33        running      180  prod postgres
cache-1            hetzner      production  fsn1          cx22         running      140  prod redis
queue-1            hetzner      production  fsn1          cx22         running      140  prod rabbitmq
proxy-fsn          hetzner      production  fsn1          cx22         running      212  prod edge
proxy-hel          hetzner      production  hel1          cx22         running       64  prod edge
telemetry-ingest-1 aws          telemetry   eu-central-1  t3.large     running      121  prod telemetry
telemetry-ingest-2 aws          telemetry   eu-central-1  t3.large     running      121  prod telemetry
telemetry-ingest-3 aws          telemetry   us-east-1     t3.large     error         38  prod telemetry
telemetry-store    aws          telemetry   eu-central-1  r6i.xlarge   running      121  prod clickhouse
vision-train-1     aws          telemetry   us-east-1     g5.2xlarge   stopped       45  ml gpu
vision-train-2     aws          telemetry   us-east-1     g5.2xlarge   running        9  ml gpu
bastion            aws          telemetry   eu-central-1  t3.micro     running      121  prod access
staging-web        digitalocean labs        ams3          s-2vcpu-4gb  running       77  staging web
staging-api        digitalocean labs        ams3          s-2vcpu-4gb  running       77  staging api
staging-db         digitalocean labs        ams3          s-4vcpu-8gb  running       77  staging postgres
docs               digitalocean labs        ams3          s-1vcpu-2gb  running      301  public
status-page        digitalocean labs        nyc1          s-1vcpu-1gb  running      301  public
grafana            digitalocean labs        ams3          s-2vcpu-4gb  running      156  internal
demo-hannover      digitalocean labs        fra1          s-4vcpu-8gb  running       19  demo
preview-142        digitalocean labs        ams3          s-1vcpu-2gb  pending        0  preview
preview-139        digitalocean labs        ams3          s-1vcpu-2gb  terminating    6  preview
nas                baremetal    rack        -             -            running      340  office storage
build-1            baremetal    rack        -             -            running      260  office ci
build-2            baremetal    rack        -             -            running      260  office ci
build-arm          baremetal    rack        -             -            stopped       88  office ci
sim-1              baremetal    rack        -             -            running      133  lab gazebo
sim-2              baremetal    rack        -             -            rebooting    133  lab gazebo
robot-gateway      baremetal    rack        -             -            running       51  lab ros
playground         sandbox      here        -             practice     running        3  -
try-ansible        sandbox      here        -             practice     running        2  learning
k3s-lab            sandbox      here        -             practice     running        1  learning
scratch            sandbox      here        -             practice     stopped        5  -
"""

_SHAPES = {
    "cx22": (2, 4, 40),
    "cx32": (4, 8, 80),
    "ccx23": (4, 16, 160),
    "ccx33": (8, 32, 240),
    "t3.micro": (2, 1, 8),
    "t3.large": (2, 8, 100),
    "r6i.xlarge": (4, 32, 500),
    "g5.2xlarge": (8, 32, 450),
    "s-1vcpu-1gb": (1, 1, 25),
    "s-1vcpu-2gb": (1, 2, 50),
    "s-2vcpu-4gb": (2, 4, 80),
    "s-4vcpu-8gb": (4, 8, 160),
}
_OWN = (16, 64, 1920)
_ZONES = {"fsn1": "fsn1-dc14", "hel1": "hel1-dc2", "eu-central-1": "eu-central-1a", "us-east-1": "us-east-1c"}
_NETWORKS = {
    ProviderType.HETZNER: ("203.0.113", "10.0.1"),
    ProviderType.AWS: ("198.51.100", "172.31.16"),
    ProviderType.DIGITALOCEAN: ("192.0.2", "10.110.0"),
    ProviderType.BAREMETAL: ("10.20.7", "10.20.7"),
    ProviderType.SANDBOX: ("127.0.0.1", "127.0.0.1"),
}
_USERS = {ProviderType.AWS: "admin", ProviderType.BAREMETAL: "acme", ProviderType.SANDBOX: "ada"}
_NOTES = {
    "db-primary": "Holds the orders of every customer. Ask Grace before you touch it; the nightly dump lies on nas.",
    "demo-hannover": "For the fair in Hannover, until the end of the month.",
}
_UNMADE = (MachineStatus.PENDING, MachineStatus.PROVISIONING)


def machines(team_id: str, at: datetime, ids: dict[str, str]) -> tuple[Machine, ...]:
    """All of them, as they stand at ``at``; ``ids`` gives the id of each machine, account and key by its name."""
    return tuple(_machine(number, line.split(), team_id, at, ids) for number, line in enumerate(_lines()))


def machine_names() -> tuple[tuple[str, int], ...]:
    """Each machine's name and its age in days."""
    return tuple((line.split()[0], int(line.split()[6])) for line in _lines())


def _lines() -> list[str]:
    return _TABLE.strip().splitlines()


def _machine(number: int, words: list[str], team_id: str, at: datetime, ids: dict[str, str]) -> Machine:
    name, kind, account, region, size, status_word, days, *tags = ("" if word == "-" else word for word in words)
    provider, status = ProviderType(kind), MachineStatus(status_word)
    made_at = at - timedelta(days=int(days), minutes=7 * number + 4)
    public, private = _addresses(provider, number)
    is_unmade, is_local = status in _UNMADE, provider is ProviderType.SANDBOX
    return rows.machine(
        number,
        machine_id=ids[name],
        team_id=team_id,
        name=name,
        provider=provider,
        provider_account_id=ids[account],
        region=region or ("this-computer" if is_local else ""),
        zone=_ZONES.get(region),
        size=size,
        image="" if provider is ProviderType.BAREMETAL else "this-system" if is_local else "debian-12",
        actual_status=status,
        desired_status=_desired(name, status),
        status_reason=_reason(name),
        public_ip=None if is_unmade or provider is ProviderType.BAREMETAL else public,
        private_ip=None if is_unmade or is_local else private,
        ssh_host="" if is_unmade else public,
        ssh_port=20_100 + 37 * number if is_local else 22,
        ssh_user=_USERS.get(provider, "root"),
        ssh_key_ids=(ids["laptop"], ids["deploy"]),
        terraform_workspace=ids[name],
        terraform_state_status=_state(name, status),
        provider_resource_id=None if is_unmade else _resource(provider, number, ids[name]),
        tags=tuple(filter(None, tags)),
        notes=_NOTES.get(name, ""),
        is_protected=name in {"db-primary", "db-replica", "nas"},
        facts={} if is_unmade else _facts(size, is_arm=name == "build-arm"),
        created_at=made_at,
        updated_at=at - timedelta(minutes=3 * number),
    )


def _addresses(provider: ProviderType, number: int) -> tuple[str, str]:
    public, private = _NETWORKS[provider]
    if provider is ProviderType.SANDBOX:
        return public, private
    return f"{public}.{number + 10}", f"{private}.{number + 10}"


def _desired(name: str, status: MachineStatus) -> MachineStatus:
    if name == "build-arm":
        # Somebody pulled its plug: what it is differs from what it should be.
        return MachineStatus.RUNNING
    return {MachineStatus.STOPPED: MachineStatus.STOPPED, MachineStatus.TERMINATING: MachineStatus.TERMINATED}.get(
        status, MachineStatus.RUNNING
    )


def _reason(name: str) -> str:
    return "AWS refused the change: the access key is not valid any more." if name == "telemetry-ingest-3" else ""


def _state(name: str, status: MachineStatus) -> TerraformStateStatus:
    if status in _UNMADE:
        return TerraformStateStatus.NONE
    return TerraformStateStatus.DRIFTED if name == "grafana" else TerraformStateStatus.SYNCED


def _resource(provider: ProviderType, number: int, machine_id: str) -> str:
    if provider is ProviderType.AWS:
        return f"i-0c{number * 7_919_113:014x}"
    return f"practice-{machine_id}" if provider is ProviderType.SANDBOX else str(48_210_000 + 317 * number)


def _facts(size: str, *, is_arm: bool) -> dict[str, str]:
    processors, memory, disk = _SHAPES.get(size, _OWN)
    return {
        "arch": "aarch64" if is_arm else "x86_64",
        "cpu": str(processors),
        "disk": f"{disk}.0 GB",
        "memory": f"{memory}.0 GB",
        "os": "Debian GNU/Linux 12 (bookworm)",
    }
