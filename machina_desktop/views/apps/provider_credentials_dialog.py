"""The dialog around the form of a provider's account, whether the account is new or is there already."""

from __future__ import annotations

from abc import abstractmethod

from PySide6.QtWidgets import QWidget

from machina_desktop.bridge import Bridge
from machina_desktop.core.domain.provider import ProviderInfo
from machina_desktop.core.services.providers import ListProviders
from machina_desktop.views import tasks
from machina_desktop.views.apps.provider_credentials import CredentialsPanel
from machina_desktop.views.widgets.dialogs import Dialog


class CredentialsDialog(Dialog):
    """Asks which providers there are; until they are known, nothing can be confirmed.

    Attributes:
        credentials: The form, to be put where the dialog wants it; its *Verify* stands beside the dialog's buttons.
    """

    def __init__(
        self, bridge: Bridge, *, name: str, title: str, confirm: str, width: int, parent: QWidget | None = None
    ) -> None:
        """``name`` is the object name; the button that does it, with the words ``confirm``, is ``NAME.submit``."""
        super().__init__("", primary="", width=width, parent=parent)
        self.setObjectName(name)
        self.setWindowTitle(title)
        self.primary.setText(confirm)
        self.primary.setObjectName(f"{name}.submit")
        self.cancel.setObjectName(f"{name}.cancel")
        self._bridge = bridge
        self.credentials = CredentialsPanel(bridge, name=name)
        self.credentials.submitted.connect(self._on_primary)
        self.credentials.troubled.connect(lambda error: self.show_error(str(error)))
        self.add_button(self.credentials.verify)
        self.primary.setEnabled(False)
        self.primary.clicked.connect(self._on_primary)
        tasks.ask(
            bridge,
            ListProviders(),
            owner=self,
            done=self._on_providers,
            failed=lambda error: self.show_error(str(error)),
        )

    @abstractmethod
    def _on_providers(self, infos: tuple[ProviderInfo, ...]) -> None:
        """These are the providers."""

    @abstractmethod
    def _on_primary(self) -> None:
        """The button was pressed, or Enter in a line of the form."""
