"""Prices and amounts of memory in words."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication

from machina_desktop.core.domain.provider import Size


def _tr(text: str) -> str:
    return QCoreApplication.translate("prices", text)


def monthly(size: Size) -> str:
    """The price of a month: ``free``, ``3.79 EUR / month``; empty when it is not known."""
    if size.price_monthly is None:
        return ""
    if size.price_monthly == 0:
        return _tr("free")
    return _tr("{0} {1} / month").format(f"{size.price_monthly:,.2f}", size.currency)


def hourly(size: Size) -> str:
    """The price of an hour, to a tenth of a cent; empty when it is not known or nothing."""
    if not size.price_hourly:
        return ""
    return _tr("{0} {1} / hour").format(f"{size.price_hourly:,.4f}".rstrip("0").rstrip("."), size.currency)


def memory(size_mb: int) -> str:
    """An amount of memory: ``512 MB``, ``4 GB``, ``7.8 GB``."""
    if size_mb < 1024:
        return f"{size_mb} MB"
    return f"{size_mb / 1024:.1f}".removesuffix(".0") + " GB"
