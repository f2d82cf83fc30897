"""Acme Robotics, a team as one would meet it, written into a real store with a real vault: :func:`settle_in`."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from machina_desktop.core import ids
from machina_desktop.core.config import Paths
from machina_desktop.core.domain.deployment import Deployment, DeploymentState, Lease
from machina_desktop.core.domain.key import SSHKeyType
from machina_desktop.core.domain.machine import Machine
from machina_desktop.core.domain.provider import CredentialStatus, ProviderAccount, ProviderType
from machina_desktop.core.domain.team import SystemRole, Team, TeamMember, TeamRole, User
from machina_desktop.core.secret import Secret
from machina_desktop.core.services.keys import PRIVATE_FIELD
from machina_desktop.core.services.keys import TABLE as KEY_TABLE
from machina_desktop.core.services.providers import TABLE as ACCOUNT_TABLE
from machina_desktop.core.ssh import keys as ssh_keys
from machina_desktop.core.store.database import Database
from machina_desktop.core.store.sql_transaction import SqlTransaction
from machina_desktop.core.store.transaction import SealedPlace
from machina_desktop.core.vault.cipher import FLOOR_COST
from machina_desktop.core.vault.vault import Vault
from machina_desktop.core.workers.deployer import RUNNER
from machina_desktop.core.workers.holders import runner_id
from tests.fakes import rows
from tests.fakes.believable_machines import machine_names, machines
from tests.fakes.believable_runs import deployment, log_of, stories
from tests.fakes.believable_trail import grants, invites, trail

PEOPLE = (
    ("ada", "Ada Lovelace"),
    ("grace", "Grace Hopper"),
    ("linus", "Linus Pauling"),
    ("ken", "Ken Sakamura"),
    ("margaret", "Margaret Hamilton"),
    ("barbara", "Barbara Liskov"),
    ("radia", "Radia Perlman"),
    ("edsger", "Edsger Dijkstra"),
)
ACCOUNTS = (
    ("production", ProviderType.HETZNER, "Acme production", "project acme-prod"),
    ("telemetry", ProviderType.AWS, "Telemetry", "arn:aws:iam::210987654321:user/machina"),
    ("labs", ProviderType.DIGITALOCEAN, "Labs", "labs@acme-robotics.example"),
    ("rack", ProviderType.BAREMETAL, "Rack 7, cellar", ""),
    ("here", ProviderType.SANDBOX, "This computer", ""),
)
_ADMINS = frozenset({"ada", "grace"})
PASSPHRASE = "correct horse battery staple"
_SECRETS = {
    "production": {"api_token": "hcloud-0123456789abcdef"},
    "telemetry": {"secret_access_key": "aws-0123456789abcdef"},
    "labs": {"api_token": "dop_v1_0123456789abcdef"},
}
# A lease no heartbeat has to renew while somebody looks at the window.
_HELD = timedelta(days=1)


@dataclass(frozen=True)
class BelievableTeam:
    """What was written.

    Attributes:
        ids: The id of each thing by its name: machines, accounts, keys, people by first name, ``acme`` and ``lab``.
        runs: The deployments, newest first.
    """

    ids: dict[str, str]
    runs: tuple[Deployment, ...] = field(default=())

    def named(self) -> dict[str, str]:
        """All ids by name; ``run:web-1`` is the newest deployment of web-1 that is not queued behind another."""
        ordered = sorted(self.runs, key=lambda run: (run.state is not DeploymentState.QUEUED, run.created_at))
        return self.ids | {f"run:{run.machine_name}": run.deployment_id for run in ordered}


async def settle_in(paths: Paths) -> BelievableTeam:
    """Write the team into the data folder, which no host has opened yet, and seal its secrets with a key file.

    Deployments under way are leased to this process: while it lives, the deployer of a host leaves them alone, as it
    leaves alone what waits behind them.
    """
    paths.create()
    vault = Vault(paths.vault_header, paths.key_file, cost=FLOOR_COST)
    vault.create("key-file")
    vault.add_slot("passphrase", Secret(PASSPHRASE))
    database = Database.of_file(paths.database)
    database.open()
    at = ids.now()
    try:
        team, _ = await database.write(RUNNER, lambda *_about: None, lambda tx: _write(tx, vault, at))
    finally:
        database.close()
        vault.lock()
    return team


def _write(tx: SqlTransaction, vault: Vault, at: datetime) -> BelievableTeam:
    known = _identifiers(at)
    made = machines(known["acme"], at, known)
    by_name = {machine.name: machine for machine in made}
    told = sorted(stories(made, at), key=lambda story: story.ago_s)
    runs = tuple(
        deployment(
            story,
            by_name[story.machine],
            at,
            _identifier("deployment", at - timedelta(seconds=story.ago_s), f"{story.machine} {story.type}"),
            lambda name: known[name],
        )
        for story in told
    )
    for row in (*_people(known, at), *_accounts(known, at), *made):
        tx.add(row)
    _add_keys(tx, vault, known, at)
    _seal_accounts(tx, vault, known)
    _add_runs(tx, runs, by_name)
    for row in (*grants(known, at), *invites(known, at)):
        tx.add(row)
    names = {known[name]: display_name for name, display_name in PEOPLE}
    for event in trail(known, names, runs, made, at):
        tx._feed.audit(event)
    return BelievableTeam(known, runs)


def _identifier(kind: str, at: datetime, name: str) -> str:
    """An identifier as `ids.new_id` makes them, of that moment; the same name gives the same end."""
    number = int(at.timestamp() * 1000) << 80 | int.from_bytes(hashlib.sha256(name.encode()).digest()[:10])
    alphabet = "0123456789abcdefghjkmnpqrstvwxyz"
    return f"{kind}-" + "".join(alphabet[number >> shift & 31] for shift in range(125, -1, -5))


def _identifiers(at: datetime) -> dict[str, str]:
    founded = at - timedelta(days=365)
    known = {name: _identifier("user", founded, name) for name, _ in PEOPLE}
    known |= {name: _identifier("team", founded, name) for name in ("acme", "lab")}
    known |= {key: _identifier("account", founded, key) for key, _, _, _ in ACCOUNTS}
    known |= {f"{name}@acme": _member_id(founded, number, name) for number, (name, _) in enumerate(PEOPLE)}
    known |= {key: _identifier("key", founded, key) for key in ("laptop", "deploy", "grace-yubikey", "ci")}
    return known | {name: _identifier("machine", at - timedelta(days=age), name) for name, age in machine_names()}


def _people(known: dict[str, str], at: datetime) -> Iterable[object]:
    joined = at - timedelta(days=365)
    for number, (name, display_name) in enumerate(PEOPLE):
        yield User(
            user_id=known[name],
            email=f"{name}@acme-robotics.example",
            display_name=display_name,
            role=SystemRole.ADMIN if name == "ada" else SystemRole.USER,
            created_at=joined + timedelta(days=11 * number),
            last_login_at=at - timedelta(hours=5 * number),
        )
    for key, title, handle in (("acme", "Acme Robotics", "acme-robotics"), ("lab", "Home lab", "home-lab")):
        yield Team(
            team_id=known[key],
            name=title,
            handle=handle,
            created_by=known["ada"],
            created_at=joined,
            updated_at=joined,
        )
    for number, (name, _) in enumerate(PEOPLE):
        yield _member(known, "acme", name, joined + timedelta(days=11 * number))
    yield _member(known, "lab", "ada", joined + timedelta(days=200))


def _member_id(founded: datetime, number: int, name: str) -> str:
    return _identifier("member", founded + timedelta(days=11 * number), name)


def _member(known: dict[str, str], team: str, name: str, joined_at: datetime) -> TeamMember:
    return TeamMember(
        team_member_id=_identifier("member", joined_at, name),
        team_id=known[team],
        user_id=known[name],
        role=TeamRole.ADMIN if name in _ADMINS else TeamRole.MEMBER,
        joined_at=joined_at,
        invited_by=known["ada"] if name != "ada" else None,
    )


def _accounts(known: dict[str, str], at: datetime) -> Iterable[ProviderAccount]:
    for number, (key, provider, label, identity) in enumerate(ACCOUNTS):
        is_refused = provider is ProviderType.AWS
        yield rows.account(
            provider,
            known[key],
            label,
            team_id=known["acme"],
            credential_status=CredentialStatus.INVALID if is_refused else CredentialStatus.VALID,
            status_reason="AWS says: the security token included in the request is invalid." if is_refused else "",
            scopes=("read", "write") if provider is ProviderType.DIGITALOCEAN else None,
            settings={"reboot_command": "sudo systemctl reboot"} if provider is ProviderType.BAREMETAL else {},
            identity=identity,
            last_verified_at=at - timedelta(minutes=26 + 190 * number),
            created_at=at - timedelta(days=340 - 30 * number),
            updated_at=at - timedelta(minutes=26 + 190 * number),
        )


def _add_keys(tx: SqlTransaction, vault: Vault, known: dict[str, str], at: datetime) -> None:
    """Real pairs; of the last two only the public half is here."""
    for number, name in enumerate(("laptop", "deploy", "grace-yubikey", "ci")):
        kind = SSHKeyType.ECDSA if name == "grace-yubikey" else SSHKeyType.ED25519
        pair = ssh_keys.generate(kind, comment=f"{name}@acme-robotics")
        has_private = number < 2
        row = replace(
            rows.keys()[0],
            ssh_key_id=known[name],
            team_id=known["acme"],
            name=name,
            fingerprint=pair.fingerprint,
            public_key=pair.public_line,
            key_type=kind,
            key_bits=pair.bits,
            has_private_key=has_private,
            created_at=at - timedelta(days=340 - 71 * number),
            updated_at=at - timedelta(days=340 - 71 * number),
        )
        tx.add(row)
        if has_private:
            _seal(tx, vault, known["acme"], KEY_TABLE, known[name], {PRIVATE_FIELD: pair.private})


def _seal_accounts(tx: SqlTransaction, vault: Vault, known: dict[str, str]) -> None:
    for key, fields in _SECRETS.items():
        secrets = {name: Secret(text) for name, text in fields.items()}
        _seal(tx, vault, known["acme"], ACCOUNT_TABLE, known[key], secrets)


def _seal(  # noqa: PLR0917 - where it belongs, then what it is
    tx: SqlTransaction, vault: Vault, team_id: str, table: str, record_id: str, secrets: dict[str, Secret]
) -> None:
    for name, secret in secrets.items():
        place = SealedPlace(team_id=team_id, table=table, record_id=record_id, field=name)
        tx.save_sealed(place, vault.seal(team_id, table, record_id, name, place.version, secret))


def _add_runs(tx: SqlTransaction, runs: tuple[Deployment, ...], machine_by_name: dict[str, Machine]) -> None:
    holder = runner_id("")
    for run in runs:
        tx.add(run)
        lines = log_of(run, machine_by_name[run.machine_name])
        if lines:
            tx.append_log(run.deployment_id, lines, {})
        # While a plan awaits approval nobody holds it.
        if run.state.is_active and run.state is not DeploymentState.AWAITING_APPROVAL:
            until = run.created_at + _HELD
            tx.add(Lease(deployment_id=run.deployment_id, team_id=run.team_id, runner_id=holder, fence=1, until=until))
