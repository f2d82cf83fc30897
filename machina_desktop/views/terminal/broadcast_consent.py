"""The question before the same input goes to production, or to machines of several environments."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication
from PySide6.QtWidgets import QWidget

from machina_desktop.core.domain.environment import PRODUCTION
from machina_desktop.views.terminal.environment_look import environment_title
from machina_desktop.views.widgets.dialogs import ConfirmDialog


def _tr(text: str) -> str:
    return QCoreApplication.translate("BroadcastConsent", text)


def consent_dialog(
    groups: tuple[tuple[str, tuple[str, ...]], ...], *, text: str, confirm: str, parent: QWidget
) -> ConfirmDialog:
    """Lists machines by environment; with production among them its word has to be typed. Show it with ``open()``."""
    has_production = any(environment == PRODUCTION for environment, _names in groups)
    losses = tuple(
        _tr("{0}: {1}").format(environment_title(name) or _tr("no environment"), ", ".join(machines))
        for name, machines in groups
    )
    dialog = ConfirmDialog(
        _tr("This reaches production") if has_production else _tr("This reaches several environments"),
        text=text,
        losses=losses,
        confirm=confirm,
        type_to_confirm=environment_title(PRODUCTION) if has_production else "",
        parent=parent,
    )
    dialog.setObjectName("terminal.consent")
    return dialog
