"""The runs of one machine, newest first; each opens its deployment."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QAbstractButton, QSizePolicy, QVBoxLayout, QWidget

from machina_desktop.core.domain.deployment import Deployment
from machina_desktop.views import theme
from machina_desktop.views.models.status import mark_of, word_of
from machina_desktop.views.run_words import kind_word
from machina_desktop.views.theme import Radius, Space, Type
from machina_desktop.views.widgets.motion import Animation
from machina_desktop.views.widgets.painting import draw_focus_ring, draw_text, fill_rounded
from machina_desktop.views.widgets.status import paint_glyph
from machina_desktop.views.widgets.text import Label
from machina_desktop.views.wording import full_moment, moment

_HEIGHT = 32
_GLYPH = 10
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter


class TimelineRow(QAbstractButton):
    """One run: shape, kind, state, when. The line beside the shapes joins it to its neighbours."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._deployment: Deployment | None = None
        self._is_last = False
        self._animation = Animation(self)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def show_deployment(self, deployment: Deployment, *, is_last: bool) -> None:
        """Show another run, or a newer state of the same."""
        self._deployment, self._is_last = deployment, is_last
        self._animation.set_active(mark_of(deployment.state).is_moving)
        words = f"{kind_word(deployment.type)}, {word_of(deployment.state)}"
        self.setText(words)
        self.setAccessibleName(f"{words}, {moment(deployment.created_at)}")
        self.setToolTip(deployment.error_message or full_moment(deployment.created_at))
        self.update()

    def deployment_id(self) -> str:
        """Which run it shows; empty for none."""
        return self._deployment.deployment_id if self._deployment else ""

    def sizeHint(self) -> QSize:
        return QSize(200, _HEIGHT)

    def paintEvent(self, _event: QPaintEvent) -> None:
        if self._deployment is None:
            return
        painter = QPainter(self)
        rect = QRectF(self.rect())
        if self.underMouse():
            fill_rounded(painter, rect, Radius.INPUT, theme.color("surface-hover"))
        glyph = QRectF(Space.XS, (rect.height() - _GLYPH) / 2, _GLYPH, _GLYPH)
        if not self._is_last:
            line = QRectF(glyph.center().x() - 0.5, glyph.bottom() + 4, 1, rect.height() - glyph.bottom() + 4)
            painter.fillRect(line, theme.color("border"))
        mark = mark_of(self._deployment.state)
        paint_glyph(painter, glyph, mark)
        when = moment(self._deployment.created_at)
        quiet, font = theme.color("text-secondary"), theme.font(Type.SECONDARY)
        right = rect.adjusted(0, 0, -Space.S, 0)
        used = draw_text(painter, right, when, font, quiet, align=_RIGHT)
        room = rect.adjusted(Space.XS + _GLYPH + Space.S, 0, -used - Space.L, 0)
        kind = kind_word(self._deployment.type)
        offset = draw_text(painter, room, kind, theme.font(Type.MEDIUM), theme.color("text-primary"))
        state = room.adjusted(offset + Space.S, 0, 0, 0)
        draw_text(painter, state, word_of(self._deployment.state), font, theme.color(mark.token))
        if self.hasFocus():
            draw_focus_ring(painter, rect, Radius.INPUT)


class Timeline(QWidget):
    """Rows for a machine's runs.

    Signals:
        chosen(str): The id of the deployment to open.
    """

    chosen = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("machine.timeline")
        self._rows: list[TimelineRow] = []
        self._none = Label(self.tr("Nothing has been done to it yet."), tone="secondary", wraps=True)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(0)
        self._column.addWidget(self._none)

    def set_deployments(self, deployments: tuple[Deployment, ...]) -> None:
        """Show these, newest first; rows are reused, so focus stays."""
        while len(self._rows) < len(deployments):
            row = TimelineRow(self)
            row.clicked.connect(lambda _checked=False, row=row: self.chosen.emit(row.deployment_id()))
            self.setTabOrder(self._rows[-1] if self._rows else self, row)
            self._rows.append(row)
            self._column.addWidget(row)
        for place, row in enumerate(self._rows):
            row.setVisible(place < len(deployments))
            if place < len(deployments):
                row.show_deployment(deployments[place], is_last=place == len(deployments) - 1)
        self._none.setVisible(not deployments)

    def shown_ids(self) -> tuple[str, ...]:
        """The deployments shown, from the top."""
        return tuple(row.deployment_id() for row in self._rows if not row.isHidden())
