"""The first faces of a team, side by side, and how many more there are."""

from __future__ import annotations

from PySide6.QtWidgets import QHBoxLayout, QWidget

from machina_desktop.core.services.members import Membership
from machina_desktop.views.theme import Space
from machina_desktop.views.widgets.feedback import Avatar, Badge
from machina_desktop.views.widgets.pictures import picture_of

_SHOWN = 7


class Faces(QWidget):
    """Avatars in a row; who each is stands in its tooltip."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(Space.XS)
        self._row.addStretch()

    def show_members(self, members: tuple[Membership, ...]) -> None:
        """Show these people."""
        while self._row.count() > 1:
            item = self._row.takeAt(0)
            if item is not None and (widget := item.widget()) is not None:
                widget.hide()
                widget.deleteLater()
        for place, each in enumerate(members[:_SHOWN]):
            face = Avatar(each.user.display_name, size=28)
            face.set_picture(picture_of(each.user.profile_picture_url or ""))
            self._row.insertWidget(place, face)
        if len(members) > _SHOWN:
            self._row.insertWidget(_SHOWN, Badge(f"+{self.locale().toString(len(members) - _SHOWN)}"))
