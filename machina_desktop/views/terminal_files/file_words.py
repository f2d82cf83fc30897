"""Sizes, times and states of files, and ways of tunnels, in words."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from PySide6.QtCore import QCoreApplication, QLocale

from machina_desktop.core.domain.transfer import (
    Direction,
    Entry,
    EntryKind,
    Transfer,
    TransferState,
    base_name,
    shown_name,
)
from machina_desktop.core.domain.tunnel import Tunnel, TunnelKind, TunnelStatus, is_loopback, web_address
from machina_desktop.views.wording import moment, span

_ICONS = {EntryKind.FOLDER: "folder", EntryKind.LINK: "link", EntryKind.FILE: "file-text", EntryKind.OTHER: "box"}


def size_words(size: float) -> str:
    """``640 B``, ``1.2 MB``; decimal units, as disks and networks are sold."""
    if size < 1000:
        return f"{int(size)} B"
    return QLocale().formattedDataSize(int(size), 1, QLocale.DataSizeFormat.DataSizeSIFormat).replace(".0 ", " ")


def time_words(seconds: float) -> str:
    """A file's time, short; a dash where there is none."""
    return moment(datetime.fromtimestamp(seconds, UTC)) if seconds else "–"


def icon_of(entry: Entry) -> str:
    """The icon of what a name stands for; a link to a folder is opened like one."""
    return _ICONS[entry.kind]


def name_words(entry: Entry) -> str:
    """The name in one line, and where a link leads."""
    name = shown_name(entry.name)
    return f"{name}  →  {shown_name(entry.target)}" if entry.kind is EntryKind.LINK else name


def size_of_entry(entry: Entry) -> str:
    """The size of a file; nothing for folders."""
    return "" if entry.is_folder else size_words(entry.size)


def transfer_words(transfer: Transfer) -> str:
    """How a transfer stands, in one line."""
    match transfer.state:
        case TransferState.RUNNING:
            words = _running_words(transfer)
        case TransferState.WAITING if transfer.problem is not None:
            words = _tr("Waits for the machine: {0}").format(transfer.problem.message)
        case TransferState.WAITING:
            words = _tr("Waits for its turn")
        case TransferState.ASKING:
            words = _tr("{0} is there already").format(
                shown_name(base_name(transfer.conflict.name)) if transfer.conflict else ""
            )
        case TransferState.PAUSED:
            words = _tr("Paused at {0} of {1}").format(size_words(transfer.done), size_words(transfer.size))
        case TransferState.FAILED:
            words = str(transfer.problem or _tr("Failed"))
        case TransferState.CANCELLED:
            words = _tr("Cancelled")
        case _:
            words = _done_words(transfer)
    return words


def _running_words(transfer: Transfer) -> str:
    if not transfer.files:
        return _tr("Counting files…")
    parts = [_tr("{0} of {1}").format(size_words(transfer.done), size_words(transfer.size))]
    if transfer.files > 1:
        parts.append(_tr("file {0} of {1}").format(min(transfer.files_done + 1, transfer.files), transfer.files))
    if transfer.rate > 0:
        parts.append(f"{size_words(transfer.rate)}/s")
    if transfer.remaining_s is not None and transfer.remaining_s >= 1:
        parts.append(_tr("{0} left").format(span(timedelta(seconds=int(transfer.remaining_s)))))
    return "  ·  ".join(parts)


def _done_words(transfer: Transfer) -> str:
    parts = [size_words(transfer.size)]
    if transfer.files > 1:
        parts.insert(0, _tr("{0} files").format(transfer.files_done))
    if transfer.skipped:
        parts.append(_tr("{0} left out").format(transfer.skipped))
    return "  ·  ".join(parts)


def route_words(transfer: Transfer) -> str:
    """Where it goes."""
    verb = _tr("to the machine") if transfer.direction is Direction.UPLOAD else _tr("to this computer")
    return f"{verb}  ·  {shown_name(transfer.destination)}"


def tunnel_words(tunnel: Tunnel, port: int) -> str:
    """``localhost:8080 → 127.0.0.1:80`` in words of this kind of tunnel."""
    at = f"{tunnel.bind_host}:{port or tunnel.bind_port or '…'}"
    if tunnel.kind is TunnelKind.SOCKS:
        return _tr("SOCKS5 at {0}").format(at)
    return f"{at}  →  {tunnel.target_host}:{tunnel.target_port}"


def address_of(status: TunnelStatus) -> str:
    """Where programs here find a tunnel."""
    host = status.tunnel.bind_host
    return f"[{host}]:{status.port}" if ":" in host else f"{host}:{status.port}"


def page_of(status: TunnelStatus) -> str:
    """What a browser opens through a tunnel; empty for what is no web page."""
    tunnel = status.tunnel
    is_page = tunnel.kind is TunnelKind.LOCAL and is_loopback(tunnel.bind_host)
    return web_address(tunnel.target_port, status.port) if is_page else ""


def _tr(text: str) -> str:
    return QCoreApplication.translate("file_words", text)
