"""How a machine is told in words: where it is, how to reach it, what to do about it, what its end would cost."""

from __future__ import annotations

import shlex

from PySide6.QtCore import QCoreApplication

from machina_desktop.core.domain.deployment import Deployment, DeploymentState, DeploymentType
from machina_desktop.core.domain.host_pin import REMADE, origin_of
from machina_desktop.core.domain.machine import Machine, MachineStatus, TerraformStateStatus
from machina_desktop.core.domain.provider import ProviderInfo, ProviderType
from machina_desktop.views.provider_words import provider_title

# So many changes are told of a machine; its run tells all.
DRIFT_LINES = 4


def tr(text: str) -> str:
    """The text in the user's language."""
    return QCoreApplication.translate("machine", text)


def address_of(machine: Machine) -> str:
    """The address to show: the public one, else the one to connect to; empty while there is none."""
    return machine.public_ip or machine.ssh_host or machine.private_ip or ""


def endpoint_of(machine: Machine) -> str:
    """Address and port as people write them; the usual port is left out, IPv6 gets its brackets."""
    address = address_of(machine)
    if not address or machine.ssh_port == 22:
        return address
    return f"[{address}]:{machine.ssh_port}" if ":" in address else f"{address}:{machine.ssh_port}"


def place_of(machine: Machine) -> str:
    """Provider and region in one line."""
    # A practice machine's region, size and image are this computer's: telling them says nothing.
    region = "" if machine.is_practice else machine.region
    return " · ".join(part for part in (provider_title(machine.provider), region) if part)


def measure_of(machine: Machine) -> str:
    """How large it is, as far as it is known: ``4 CPU · 8 GB``; empty for a practice machine: it is this computer."""
    if machine.is_practice:
        return ""
    processors, memory = machine.facts.get("cpu", ""), machine.facts.get("memory", "").replace(".0 ", " ")
    return " · ".join(part for part in (tr("{0} CPU").format(processors) if processors else "", memory) if part)


def ssh_command(machine: Machine, *, key_file: str = "") -> str:
    """What to type into a terminal, with the private key in ``key_file``; empty until the machine has an address."""
    address = machine.ssh_host or address_of(machine)
    if not address:
        return ""
    port = [] if machine.ssh_port == 22 else ["-p", str(machine.ssh_port)]
    target = f"{machine.login}@{address}" if machine.login else address
    key = ["-i", key_file] if key_file else []
    return shlex.join(["ssh", *key, *port, "--", target])


def fact_title(key: str) -> str:
    """What a fact is called, such as ``Architecture`` for ``arch``."""
    known = {
        "arch": tr("Architecture"),
        "cpu": tr("Processors"),
        "disk": tr("Disk"),
        "kernel": tr("Kernel"),
        "memory": tr("Memory"),
        "os": tr("System"),
        "sudo": "sudo",
    }
    # What a later agent finds is told by the name it gives it.
    return known.get(key, key.replace("_", " ").capitalize())


def pin_words(machine: Machine) -> str:
    """Who vouched for the pinned host key, and whether another one is to be expected; empty where nobody knows."""
    origin, anew = origin_of(machine), machine.facts.get(REMADE, "") if machine.host_key else ""
    words = ""
    if origin is not None and origin.person:
        words = tr("Accepted by {0} on {1}.").format(origin.person, origin.at)
    elif origin is not None:
        words = tr("Printed on its console at its first boot; read on {0}.").format(origin.at)
    if anew:
        words += tr(" Put there anew {0}: its next key is another one.").format(anew)
    return words.strip()


def rescue_notes() -> tuple[str, ...]:
    """What holds in a rescue system, one sentence each."""
    return (
        tr("Log in as root with the machine's keys, without a password."),
        tr("Its host key is another one, so the first connection asks. After leaving, the pinned one holds again."),
        tr("Its disk stays as it is, to be mounted there and mended."),
    )


def what_to_do(machine: Machine, info: ProviderInfo | None) -> str:
    """The next step for a machine that needs somebody; empty when it needs nobody."""
    if machine.terraform_state_status is TerraformStateStatus.UNCERTAIN:
        return tr("A run ended without a known outcome. Refresh to learn what exists.")
    if machine.actual_status is MachineStatus.ERROR:
        if machine.terraform_state_status is TerraformStateStatus.NONE:
            return tr("Nothing was made yet. Put the cause right, then try again; or destroy the record.")
        can_reboot = info is not None and "reboot" in info.power_actions
        return tr("Trying again completes what is missing.") + (tr(" A reboot may help, too.") if can_reboot else "")
    if machine.terraform_state_status is TerraformStateStatus.DRIFTED:
        return tr("It was changed outside of Machina. Refresh brings the record into line.")
    return ""


def drift_words(runs: tuple[Deployment, ...]) -> str:
    """What the newest run found changed outside, and what follows; empty when it found nothing. Newest first."""
    newest = next((run for run in runs if run.state is DeploymentState.SUCCEEDED), None)
    if newest is None or newest.type is not DeploymentType.REFRESH or newest.plan_summary is None:
        return ""
    changes = [
        f"{attribute.path}: {attribute.before} → {attribute.after}"
        for resource in newest.plan_summary.drift
        for attribute in resource.attributes
        if attribute.before is not None and attribute.after is not None and not attribute.sensitive
    ]
    if not newest.plan_summary.drift:
        return ""
    shown = "\n".join((*changes[:DRIFT_LINES], *(("…",) if len(changes) > DRIFT_LINES else ())))
    follows = tr("The record follows; the next plan would put it back to what was ordered here.")
    return "\n".join(part for part in (shown, follows) if part)


def losses_of(machine: Machine) -> tuple[str, ...]:
    """What destroying it loses, one sentence each."""
    if machine.provider is ProviderType.SANDBOX:
        return (
            tr("Its folder on this computer, with every file in it, is deleted."),
            tr("Programs running in it are ended."),
        )
    if machine.provider is ProviderType.BAREMETAL:
        return (
            tr("The machine is only deregistered; nothing on its disk is deleted."),
            tr("Machina forgets its address, host key and tags."),
        )
    return (
        tr("The server and everything on its disk are deleted at the provider."),
        tr("Its address may be given to somebody else."),
    )


def destroy_word(machine: Machine) -> str:
    """The verb on the button: a server of one's own is not destroyed."""
    return tr("Deregister") if machine.provider is ProviderType.BAREMETAL else tr("Destroy")


def short(name: str, limit: int = 28) -> str:
    """The name, cut where a button would grow too wide."""
    return name if len(name) <= limit else f"{name[: limit - 1]}…"
