"""Adding a provider account: pick the provider, fill in what it needs, have it verified."""

from __future__ import annotations

from contextlib import suppress

from PySide6.QtCore import QCoreApplication, QRectF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QAbstractButton, QButtonGroup, QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from machina_desktop.bridge import Bridge
from machina_desktop.core.domain.provider import CredentialStatus, ProviderAccount, ProviderInfo, ProviderType
from machina_desktop.core.errors import InvalidInput, Locked, MachinaError, NotFound
from machina_desktop.core.services.providers import AddAccount, DeleteAccount
from machina_desktop.views import tasks, theme
from machina_desktop.views.apps.provider_credentials_dialog import CredentialsDialog
from machina_desktop.views.callout import Callout
from machina_desktop.views.colour_choice import ColourChoice
from machina_desktop.views.icons import PROVIDER_ICONS, draw_icon
from machina_desktop.views.server_custody import CustodyChoice
from machina_desktop.views.theme import Radius, Space, Type
from machina_desktop.views.widgets.feedback import Skeleton
from machina_desktop.views.widgets.inputs import Input
from machina_desktop.views.widgets.painting import (
    draw_focus_ring,
    draw_paragraph,
    draw_text,
    fill_rounded,
    paragraph_height,
)
from machina_desktop.views.widgets.text import Label

LABEL_LIMIT = 100
_CHOICE_WIDTH = 220


class ProviderChoice(QAbstractButton):
    """One provider in the picker: icon, name, and under it what it is, or why it cannot be used here."""

    def __init__(self, info: ProviderInfo, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.info = info
        self._note = info.unavailable_reason
        self.setText(info.title)
        self.setCheckable(True)
        self.setEnabled(not self._note)
        self.setAccessibleName(info.title)
        self.setAccessibleDescription(self._note or info.summary)
        self.setToolTip(self._note or info.summary)
        self.setObjectName(f"add_account.provider.{info.type.value}")
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:
        if not self._note:
            return QSize(_CHOICE_WIDTH, 40)
        return QSize(_CHOICE_WIDTH, 40 + round(self._note_box(QRectF(0, 0, _CHOICE_WIDTH, 400)).height()))

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        rect = QRectF(self.rect())
        if self.isChecked():
            fill_rounded(painter, rect, Radius.BUTTON, theme.color("selection"), theme.color("accent-primary"))
        elif self.underMouse() and self.isEnabled():
            fill_rounded(painter, rect, Radius.BUTTON, theme.color("surface-hover"))
        token = "text-primary" if self.isEnabled() else "text-secondary"
        draw_icon(painter, QRectF(Space.M, 10, 20, 20), PROVIDER_ICONS[self.info.type], token)
        title = QRectF(Space.M + 20 + Space.S, 0, rect.width() - 20 - 2 * Space.M - Space.S, 40)
        draw_text(painter, title, self.info.title, theme.font(Type.MEDIUM), theme.color(token))
        if self._note:
            box, quiet = self._note_box(rect), theme.color("text-secondary")
            draw_paragraph(painter, box, self._note, theme.font(Type.SECONDARY), quiet)
        if self.hasFocus():
            draw_focus_ring(painter, rect, Radius.BUTTON)

    def _note_box(self, rect: QRectF) -> QRectF:
        left = Space.M + 20 + Space.S
        width = rect.width() - left - Space.S
        return QRectF(left, 32, width, paragraph_height(self._note, theme.font(Type.SECONDARY), width))


class AddAccountDialog(CredentialsDialog):
    """Asks for what one provider's account needs; stays open, with errors at their fields, until it is stored.

    Signals:
        added: The account is stored (ProviderAccount); whether it is valid stands in it.
    """

    added = Signal(object)

    def __init__(self, bridge: Bridge, *, kind: ProviderType | None = None, parent: QWidget | None = None) -> None:
        """``kind`` is chosen at first; without it, or where it is unavailable, the first one that can be used."""
        super().__init__(
            bridge,
            name="add_account",
            title=_tr("Add an account"),
            confirm=_tr("Verify and add"),
            width=680,
            parent=parent,
        )
        self._confirm, self._dismiss = self.primary.text(), self.cancel.text()
        self._wanted = kind
        self._info: ProviderInfo | None = None
        self._group = QButtonGroup(self)
        self._group.buttonToggled.connect(self._on_toggled)
        self.label = Input(self.tr("Label"), help_text=self.tr("How this account is called here."))
        self.label.control.setObjectName("add_account.label")
        self.label.changed.connect(lambda _text: self.label.set_error(""))
        self.label.left.connect(lambda: self.label.set_error(self._label_problem() if self.label.text() else ""))
        self._title = Label(self.tr("Add an account"), style=Type.SECTION)
        self._summary = Label(tone="secondary", wraps=True)
        self._choices = QVBoxLayout()
        self._right = QVBoxLayout()
        self.custody = CustodyChoice(bridge, name="add_account")
        self.colour = ColourChoice(name="add_account.colour")
        self._refused = Callout("error")
        self._refused.setObjectName("add_account.refused")
        self._refused.hide()
        self._kept: ProviderAccount | None = None
        self._lay_out()
        self.label.submitted.connect(self._on_primary)

    def _lay_out(self) -> None:
        self._choices.setSpacing(Space.XS)
        self._skeleton = Skeleton(rows=5)
        self._skeleton.setFixedWidth(_CHOICE_WIDTH)
        self._choices.addWidget(self._skeleton)
        self._choices.addStretch()
        self._right.setSpacing(Space.L)
        for widget in (self._title, self._summary, self.label, self.credentials):
            self._right.addWidget(widget)
        self._right.addWidget(self.colour)
        self._right.addWidget(self.custody)
        self._right.addWidget(self._refused)
        self._right.addStretch()
        row = QHBoxLayout()
        row.setSpacing(Space.XL)
        row.addLayout(self._choices)
        row.addLayout(self._right, 1)
        self.column.setContentsMargins(Space.XL, Space.S, Space.XL, Space.L)
        self.column.addLayout(row, 1)

    def _on_providers(self, infos: tuple[ProviderInfo, ...]) -> None:
        self._skeleton.hide()
        for index, info in enumerate(infos):
            choice = ProviderChoice(info)
            self._group.addButton(choice, index)
            self._choices.insertWidget(self._choices.count() - 1, choice)
        usable = [button for button in self._group.buttons() if button.isEnabled()]
        chosen = [
            button for button in usable if isinstance(button, ProviderChoice) and button.info.type is self._wanted
        ]
        if chosen or usable:
            (chosen or usable)[0].setChecked(True)

    def _on_toggled(self, button: QAbstractButton, is_checked: bool) -> None:
        if is_checked and isinstance(button, ProviderChoice):
            self._show(button.info)

    def _show(self, info: ProviderInfo) -> None:
        self._info = info
        self._title.setText(info.title)
        self._summary.setText(info.summary)
        self.label.control.setPlaceholderText(info.title)
        self.show_error("")
        self.credentials.show_provider(info)
        self.custody.set_wanted(any(entry.is_secret for entry in info.account_fields))
        self.primary.setEnabled(True)
        self.label.control.setFocus()

    def _label_problem(self) -> str:
        label = self.label.text().strip()
        if not label:
            return self.tr("Give the account a label.")
        if len(label) > LABEL_LIMIT:
            return self.tr("The label has {0} characters; at most {1} are allowed.").format(len(label), LABEL_LIMIT)
        return ""

    def _on_primary(self) -> None:
        if self._info is None or self.primary.is_busy():
            return
        problem = self._label_problem()
        is_filled = self.credentials.validate()
        self.label.set_error(problem)
        if problem:
            self.label.control.setFocus()
        if problem or not is_filled:
            return
        self.show_error("")
        self.credentials.stop()
        self._refused.hide()
        ask = AddAccount(
            team_id=self._bridge.team_id,
            type=self._info.type,
            label=self.label.text().strip(),
            fields=self.credentials.fields(),
            custody=self.custody.custody,
            colour=self.colour.value(),
        )
        tasks.run(
            self._bridge,
            self._add(ask),
            owner=self,
            name="AddAccount",
            done=self._on_added,
            failed=self._on_failed,
            busy=self,
        )

    def reject(self) -> None:
        if self._kept is not None and self.primary.is_busy():
            # It is being deleted.
            return
        # What was refused is stored all the same; whoever closes now keeps it so.
        kept, self._kept = self._kept, None
        super().reject()
        if kept is not None:
            self.added.emit(kept)

    async def _add(self, ask: AddAccount) -> ProviderAccount:
        """Add it; what was refused before makes room for it."""
        if self._kept is not None:
            # Somebody else may have deleted it meanwhile.
            with suppress(NotFound):
                await self._bridge.call(DeleteAccount(account_id=self._kept.provider_account_id))
            self._kept = None
        return await self._bridge.call(ask)

    def _on_added(self, account: ProviderAccount) -> None:
        if account.credential_status is CredentialStatus.INVALID:
            self._on_credentials_refused(account)
            return
        self.added.emit(account)
        self.accept()

    def _on_credentials_refused(self, account: ProviderAccount) -> None:
        """Say so where it can be put right at once."""
        self._kept = account
        self._refused.say(
            account.status_reason or self.tr("The provider refuses these credentials."),
            self.tr("Put them right here and try again, or keep the account as it is and see to them later."),
        )
        self._refused.show()
        self.primary.setText(self.tr("Try again"))
        self.cancel.setText(self.tr("Keep it so"))
        self.credentials.focus_first()
        # The form may be longer than the dialog, and what was said has its place only once the layout is done anew.
        QTimer.singleShot(0, self, lambda: self.credentials.bring_into_view(self._refused))

    def _on_failed(self, error: MachinaError) -> None:
        if self._kept is None:
            # What was refused before is gone: there is nothing to be kept as it is.
            self.primary.setText(self._confirm)
            self.cancel.setText(self._dismiss)
        if isinstance(error, Locked):
            tasks.PRESENTER.show(error)
            return
        field = error.field if isinstance(error, InvalidInput) else "label" if error.code == "E-LABEL-TAKEN" else ""
        known = {entry.name for entry in self._info.account_fields} if self._info is not None else set()
        if field == "label":
            self.label.set_error(str(error))
            self.label.control.setFocus()
        elif field in known:
            self.credentials.show_problem(str(error), field=field)
        else:
            self.show_error(str(error))


def _tr(text: str) -> str:
    return QCoreApplication.translate("AddAccountDialog", text)
