"""The standing reminder that a key file protects little, shown for as long as it is the vault's only lock."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication
from PySide6.QtWidgets import QWidget

from machina_desktop.views.banner import Banner
from machina_desktop.views.vault_watch import VaultWatch


class VaultBanner(Banner):
    """One line above the page; its button leads to the vault's settings."""

    def __init__(self, watch: VaultWatch, *, parent: QWidget | None = None) -> None:
        super().__init__(
            QCoreApplication.translate(
                "VaultBanner",
                "The vault opens with a key file: anyone who copies the data folder can read the credentials.",
            ),
            action=QCoreApplication.translate("VaultBanner", "Vault settings"),
            icon_name="shield-alert",
            parent=parent,
        )
        watch.changed.connect(lambda _status: self.setVisible(watch.is_key_file_only()))
