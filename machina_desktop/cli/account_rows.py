"""What several accounts answered, as one table and a line for each that answered nothing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from machina_desktop.cli.rows import Row, price_text
from machina_desktop.cli.terminal import printable
from machina_desktop.core.domain.provider import Instance
from machina_desktop.core.domain.similar import Similar
from machina_desktop.core.services.inventory import Listed
from machina_desktop.core.services.offers import Elsewhere


@dataclass(frozen=True)
class OfAccounts:
    """Rows of a table with the same names in each, and lines to stand below it."""

    rows: tuple[Row, ...]
    notes: tuple[str, ...]


def inventory(result: Iterable[object]) -> OfAccounts | None:
    """The machines of all accounts, and which could not be asked; ``None`` where ``result`` is something else."""
    listed = [each for each in result if isinstance(each, Listed)]
    if not listed:
        return None
    rows = tuple(_instance(each, instance) for each in listed for instance in each.instances)
    return OfAccounts(rows, tuple(_problem(each) for each in listed if each.problem))


def comparison(result: Iterable[object]) -> OfAccounts | None:
    """What other accounts have that is like a size, and which have nothing or told nothing; ``None`` as above."""
    compared = [each for each in result if isinstance(each, Elsewhere)]
    if not compared:
        return None
    rows = tuple(_similar(each, similar) for each in compared for similar in each.sizes)
    silent = (each for each in compared if not each.sizes)
    return OfAccounts(
        rows,
        tuple(_problem(each) if each.problem else f"{printable(each.label)}: nothing like it." for each in silent),
    )


def _problem(answered: Listed | Elsewhere) -> str:
    return printable(f"{answered.label}: {answered.problem} [{answered.code}]")


def _instance(listed: Listed, found: Instance) -> Row:
    return {
        "account": listed.label,
        "name": found.name,
        "status": found.status,
        "address": found.public_ip or found.private_ip,
        "region": found.zone or found.region,
        "size": found.size,
        "resource": found.resource_id,
        "machine": listed.machine_ids.get(found.resource_id, ""),
    }


def _similar(elsewhere: Elsewhere, similar: Similar) -> Row:
    size = similar.size
    slug = similar.region.slug if similar.region is not None else ""
    price = size.price_in(slug)
    return {
        "account": elsewhere.label,
        "size": size.slug,
        "cpus": size.vcpus,
        "memory": f"{size.memory_mb / 1024:g} GB",
        "disk": f"{size.disk_gb} GB" if size.disk_gb else "",
        "region": f"{slug} (far away)" if slug and not similar.is_near else slug,
        "hourly": price_text(price.hourly, size.currency),
        "monthly": price_text(price.monthly, size.currency),
        "as of": elsewhere.fetched_at,
    }
