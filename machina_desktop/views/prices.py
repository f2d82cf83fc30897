"""Prices, amounts of memory, and where a size is to be had, in words."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication, QLocale

from machina_desktop.core.domain.provider import Catalogue, Extras, Region, Size

# So many other places are named.
SUGGESTED = 3


def _tr(text: str) -> str:
    return QCoreApplication.translate("prices", text)


def monthly(size: Size, region: str = "", count: int = 1) -> str:
    """The price of a month of so many there: ``free``, ``3.79 EUR / month``; empty when it is not known."""
    price = size.price_in(region).monthly
    if price is None:
        return ""
    return _tr("free") if price == 0 else _tr("{0} / month").format(amount(price * count, size.currency))


def hourly(size: Size, region: str = "", count: int = 1) -> str:
    """The price of an hour of so many there, to a hundredth of a cent; empty when it is not known or nothing."""
    price = size.price_in(region).hourly
    return _tr("{0} / hour").format(fine_amount(price * count, size.currency)) if price else ""


def composition(size: Size, region: str) -> str:
    """What the price of a month there is made of, one sentence; empty where it has one part or is not known."""
    price = size.price_in(region)
    if price.monthly is None or not price.address_monthly:
        return ""
    server, address = price.monthly - price.address_monthly, price.address_monthly
    return _tr("{0} for the server, {1} for its IPv4 address.").format(
        amount(server, size.currency), amount(address, size.currency)
    )


def beside(size: Size, region: str, extras: Extras) -> str:
    """What can be bought beside it and is in no price here, one sentence; empty where the provider does not tell."""
    price = size.price_in(region)
    found = []
    if extras.backup_percent is not None and price.monthly is not None:
        backups = (price.monthly - price.address_monthly) * extras.backup_percent / 100
        found.append(_tr("backups ({0} / month)").format(amount(backups, size.currency)))
    if extras.volume_gb_monthly is not None:
        found.append(_tr("volumes ({0} / GB and month)").format(fine_amount(extras.volume_gb_monthly, extras.currency)))
    return _tr("Not in it: {0}, tax.").format(", ".join(found)) if found else ""


def amount(price: float, currency: str) -> str:
    """Money to the cent: ``3.79 EUR``."""
    return f"{price:,.2f} {currency}"


def fine_amount(price: float, currency: str) -> str:
    """Money to a hundredth of a cent, without zeros that say nothing: ``0.0061 EUR``, ``0.02 EUR``."""
    whole, _, part = f"{price:,.4f}".partition(".")
    return f"{whole}.{part.rstrip('0').ljust(2, '0')} {currency}"


def difference(before: Size | None, after: Size, region: str, *, there: str = "") -> str:
    """What the month costs more or less with another size: ``+3.01 EUR / month``; empty when it is not known.

    ``there`` is the region of the other size where it is not the same.
    """
    more = months_difference(before, after, region, there=there)
    return "" if more is None else _tr("{0} / month").format(signed_amount(more, after.currency))


def months_difference(before: Size | None, after: Size, region: str, *, there: str = "") -> float | None:
    """That as a number; ``None`` when it is not known, as between two currencies."""
    old = before.price_in(region).monthly if before is not None else None
    new = after.price_in(there or region).monthly
    if before is None or old is None or new is None or before.currency != after.currency:
        return None
    return new - old


def signed_amount(price: float, currency: str) -> str:
    """Money more or less: ``+3.01 EUR``, ``-3.01 EUR``."""
    return f"{price:+,.2f} {currency}"


def memory(size_mb: int) -> str:
    """An amount of memory: ``512 MB``, ``4 GB``, ``7.8 GB``."""
    if size_mb < 1024:
        return f"{size_mb} MB"
    return f"{size_mb / 1024:.1f}".removesuffix(".0") + " GB"


def parts(size: Size) -> str:
    """What it is made of: ``2 vCPU · 4 GB memory · 40 GB disk``; what is not known is left out."""
    found = (
        _tr("{0} vCPU").format(size.vcpus) if size.vcpus else "",
        _tr("{0} memory").format(memory(size.memory_mb)) if size.memory_mb else "",
        _tr("{0} GB disk").format(QLocale().toString(size.disk_gb)) if size.disk_gb else "",
    )
    return " · ".join(part for part in found if part)


def is_to_be_had(size: Size, region: str) -> bool:
    """Whether one can be made there now."""
    return size.is_offered(region) and region not in size.sold_out


def places_of(size: Size, catalogue: Catalogue) -> tuple[Region, ...]:
    """Where one can be made now."""
    return tuple(region for region in catalogue.regions if is_to_be_had(size, region.slug))


def stock(size: Size, region: str, catalogue: Catalogue) -> str:
    """``In stock``, or why not and where else: ``Sold out; in Helsinki, FI``."""
    if is_to_be_had(size, region):
        return _tr("In stock")
    missing = _tr("Sold out") if size.is_offered(region) else _tr("Not offered")
    places = ", ".join(each.slug for each in places_of(size, catalogue)[: SUGGESTED - 1])
    return _tr("{0}; in {1}").format(missing, places) if places else missing


def why_not_there(size: Size, region: str, catalogue: Catalogue) -> str:
    """One sentence on why none can be made there now, and one on where else; empty when one can."""
    if is_to_be_had(size, region):
        return ""
    titles = {each.slug: each.title for each in catalogue.regions}
    missing = _tr("{0} is sold out in {1}.") if size.is_offered(region) else _tr("{0} is not offered in {1}.")
    places = " · ".join(each.title for each in places_of(size, catalogue)[:SUGGESTED])
    where = _tr("It is to be had in {0}.").format(places) if places else _tr("Choose another size, or try again later.")
    return f"{missing.format(size.title, titles.get(region, region))} {where}"
