"""The way to a machine: what the team knows of it, with what the person has written into their ``ssh_config``."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from machina_desktop.core.config import environment
from machina_desktop.core.errors import Unavailable
from machina_desktop.core.services.terminals import ReachableMachine, TerminalAccess
from machina_desktop.core.ssh.config import Asked, HostConfig, evaluate, evaluate_machine, jump_asked
from machina_desktop.core.ssh.hop import Hop, StoredKey
from machina_desktop.core.ssh.known_hosts import KnownKeys, known_keys
from machina_desktop.core.ssh.target import Target

LONGEST = 8
"""More jump hosts than this are a circle in somebody's configuration."""


@dataclass(frozen=True, kw_only=True)
class Ways:
    """Makes routes. All of it blocks: it reads files and may start ``ssh -G``.

    Attributes:
        known_hosts: The program's own file of jump hosts' keys.
        config_file: In place of the person's own ``ssh_config`` and the system's.
    """

    known_hosts: Path
    config_file: Path | None = None

    def route(self, access: TerminalAccess) -> tuple[Hop, ...]:
        """The hops to the machine, itself the last.

        A ``ProxyJump`` of the person's own goes before a bastion of the team. Address, port and user of a machine are
        the team's; the person's file adds keys, agent and jump hosts.

        Raises:
            InvalidInput: the machine's address or user is none that may be dialled.
            Unavailable: E-SSH-CONFIG.
        """
        target = access.route[-1]
        config = self._of_machine(target)
        if config.jumps:
            return (*self._over(config.jumps, LONGEST), _machine_hop(target, config))
        return tuple(_machine_hop(each, config if each is target else self._of_machine(each)) for each in access.route)

    def _of_machine(self, reachable: ReachableMachine) -> HostConfig:
        machine = reachable.machine
        asked = Asked(name=machine.name, host=reachable.address, port=machine.ssh_port, user=machine.login)
        return evaluate_machine(asked, file=self.config_file)

    def _over(self, jumps: tuple[str, ...], depth: int) -> tuple[Hop, ...]:
        """The hops that ``ProxyJump`` names; the first may have jump hosts of its own."""
        if len(jumps) > depth:
            raise Unavailable(
                "Your ssh_config cannot be followed: its jump hosts lead in a circle.",
                hint="Correct ProxyJump in ~/.ssh/config.",
                code="E-SSH-CONFIG",
            )
        hops: tuple[Hop, ...] = ()
        for spec in jumps:
            asked = jump_asked(spec)
            config = evaluate(asked, file=self.config_file)
            before = self._over(config.jumps, depth - len(jumps)) if not hops and config.jumps else ()
            hops = (*before, *hops, self._jump_hop(asked.name, config))
        return hops

    def _jump_hop(self, name: str, config: HostConfig) -> Hop:
        found, ours = _known(config, config.host), known_keys((self.known_hosts,), config.host, config.port)
        source = found.source or ours.source
        known = f"Its key stands in {source}." if source else "Your known_hosts does not know it."
        hop = Hop(
            name=name,
            target=Target(host=config.host, port=config.port, user=config.user or "root"),
            pins=(*found.trusted, *ours.trusted),
            revoked=found.revoked,
            known=f"{name} is a jump host of your ssh_config. {known}",
        )
        return _with_own_keys(hop, config)


def _machine_hop(reachable: ReachableMachine, config: HostConfig) -> Hop:
    machine = reachable.machine
    found = _known(replace(config, port=machine.ssh_port), reachable.address)
    also = f" Your own {found.source} knows it by {' or '.join(found.trusted)}." if found.source else ""
    hop = Hop(
        name=machine.name,
        about=machine.machine_id,
        target=Target(host=reachable.address, port=machine.ssh_port, user=machine.login or config.user or "root"),
        pins=(machine.host_key,) if machine.host_key else (),
        printed=reachable.printed,
        revoked=found.revoked,
        known=reachable.known + ("" if machine.host_key else also),
        keys=tuple(
            StoredKey(name=each.key.name, private=each.private) for each in reachable.keys if each.private is not None
        ),
        fitting=tuple(each.key.fingerprint for each in reachable.keys),
    )
    return _with_own_keys(hop, config)


def _known(config: HostConfig, host: str) -> KnownKeys:
    """What the person's own known_hosts say; an alias stands for host and port together."""
    if config.alias:
        return known_keys(config.known_hosts, config.alias, 22)
    return known_keys(config.known_hosts, host, config.port)


def _with_own_keys(hop: Hop, config: HostConfig) -> Hop:
    agent = environment().get("SSH_AUTH_SOCK", "") if config.agent is None else config.agent
    return replace(
        hop,
        key_files=config.key_files,
        default_files=config.default_files,
        agent=agent,
        is_limited=config.is_limited,
        forwards_agent=config.forwards_agent,
    )
