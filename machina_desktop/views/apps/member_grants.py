"""The grants of a member, which narrow what their role allows: shown, added, taken back."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from machina_desktop.core.domain.team import Access, Grant, TeamRole
from machina_desktop.core.services.members import Membership
from machina_desktop.views.apps.member_words import access_meaning, access_word, scope_words, tr
from machina_desktop.views.detail_panel import WidgetList
from machina_desktop.views.rights import allow
from machina_desktop.views.theme import Space, Type
from machina_desktop.views.widgets.buttons import Button, IconButton
from machina_desktop.views.widgets.text import ElidedLabel, IconLabel, Label

_ICONS = {Access.VIEWER: "eye", Access.DEPLOYER: "rocket", Access.APPROVER: "check"}


class MemberGrants(QWidget):
    """A line per grant, and what stands instead where there is none.

    Signals:
        added(): *Add a grant* was chosen.
        removed: A grant is to be taken back (Grant).
    """

    added = Signal()
    removed = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._lines = WidgetList()
        self._meaning = Label("", tone="secondary", wraps=True)
        self.add = Button(self.tr("Add a grant…"), icon_name="plus")
        self.add.setObjectName("member.add_grant")
        self.add.clicked.connect(self.added)
        buttons = QHBoxLayout()
        buttons.addWidget(self.add)
        buttons.addStretch()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(Space.S)
        column.addWidget(self._meaning)
        column.addWidget(self._lines)
        column.addLayout(buttons)

    def show_grants(self, each: Membership, refusal: str) -> None:
        """Show the grants of a member; ``refusal`` says why the person may not change them, empty when they may."""
        is_admin = each.member.role is TeamRole.ADMIN
        if is_admin:
            self._meaning.setText(tr("An administrator may do everything; grants apply to members."))
        elif each.grants:
            self._meaning.setText(tr("Where a machine has one of these tags, only this is allowed:"))
        else:
            self._meaning.setText(tr("None: what the role allows holds for every machine."))
        self._lines.fill(*(self._line(grant, refusal) for grant in each.grants))
        self._lines.setVisible(bool(each.grants))
        self.add.setVisible(not refusal)
        allow(self.add, refusal, tr("A grant would change nothing: make them a member first.") if is_admin else "")

    def _line(self, grant: Grant, refusal: str) -> QWidget:
        line = QWidget()
        row = QHBoxLayout(line)
        row.setContentsMargins(0, Space.XS, 0, Space.XS)
        row.setSpacing(Space.S)
        words = QVBoxLayout()
        words.setSpacing(0)
        words.addWidget(ElidedLabel(f"{access_word(grant.access)} · {scope_words(grant)}", style=Type.MEDIUM))
        words.addWidget(ElidedLabel(access_meaning(grant.access), style=Type.SECONDARY, tone="secondary"))
        row.addWidget(IconLabel(_ICONS[grant.access]))
        row.addLayout(words, 1)
        if not refusal:
            name = tr("Take back {0}, {1}").format(access_word(grant.access), scope_words(grant))
            take = IconButton("x", name)
            take.setObjectName(f"member.grant.{grant.grant_id}.remove")
            take.clicked.connect(lambda: self.removed.emit(grant))
            row.addWidget(take)
        return line
