"""The line at the bottom of the window; each of its items is a button that leads to what it tells."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QFontMetricsF, QPainter, QPaintEvent
from PySide6.QtWidgets import QAbstractButton, QHBoxLayout, QSizePolicy, QWidget

from machina_desktop.views import theme
from machina_desktop.views.icons import draw_icon
from machina_desktop.views.theme import Radius, Space, Type
from machina_desktop.views.widgets.motion import Animation
from machina_desktop.views.widgets.painting import draw_focus_ring, draw_text, fill_rounded

if TYPE_CHECKING:
    from machina_desktop.core.domain.engine import EngineStatus

HEIGHT = 30
_GLYPH = 10
_BAR = 64

# Paints a sign into a square box.
Glyph = Callable[[QPainter, QRectF], None]


class StatusItem(QAbstractButton):
    """One item: an icon or a status glyph, words, and a bar where progress is known."""

    def __init__(self, *, icon_name: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._icon_name = icon_name
        self._token = "text-secondary"
        self._glyph: Glyph | None = None
        self._steps = (0, 0)
        self._animation = Animation(self)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    def say(
        self,
        text: str,
        *,
        tip: str = "",
        icon_name: str = "",
        token: str = "text-secondary",
        glyph: Glyph | None = None,
        is_moving: bool = False,
        steps: tuple[int, int] = (0, 0),
    ) -> None:
        """Show ``text``; a ``glyph`` stands for the icon, ``steps`` are done and total (0: no bar)."""
        self._icon_name, self._token, self._glyph, self._steps = icon_name, token, glyph, steps
        self._animation.set_active(is_moving)
        self.setText(text)
        self.setAccessibleName(text)
        self.setAccessibleDescription(tip)
        self.setToolTip(tip)
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        width = QFontMetricsF(theme.font(Type.SECONDARY)).horizontalAdvance(self.text()) + 2 * Space.S + 1
        if self._icon_name or self._glyph:
            width += _GLYPH + 4 + Space.XS
        if self._steps[1]:
            width += _BAR + Space.S
        return QSize(round(width), HEIGHT - 6)

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        rect = QRectF(self.rect())
        if self.underMouse() or self.isDown():
            fill_rounded(painter, rect, Radius.INPUT, theme.color("surface-hover"))
        left = float(Space.S)
        middle = rect.center().y()
        if self._glyph is not None:
            self._glyph(painter, QRectF(left, middle - _GLYPH / 2, _GLYPH, _GLYPH))
        elif self._icon_name:
            draw_icon(painter, QRectF(left - 1, middle - 7, 14, 14), self._icon_name, self._token)
        if self._glyph is not None or self._icon_name:
            left += _GLYPH + 4 + Space.XS
        token = "text-primary" if self.underMouse() else self._token
        text = rect.adjusted(left, 0, -Space.S, 0)
        left += draw_text(painter, text, self.text(), theme.tabular_font(Type.SECONDARY), theme.color(token))
        if self._steps[1]:
            done, total = self._steps
            bar = QRectF(rect.right() - Space.S - _BAR, middle - 2, _BAR, 4)
            fill_rounded(painter, bar, 2, theme.color("border"))
            bar.setWidth(max(4.0, _BAR * min(1.0, done / total)))
            fill_rounded(painter, bar, 2, theme.color("accent-primary"))
        if self.hasFocus():
            draw_focus_ring(painter, rect, Radius.INPUT - 1)


class StatusBar(QWidget):
    """Runs, approvals, Terraform, vault, and where the team lives; others say what each of the items tells.

    Attributes:
        runs: What runs now.
        approvals: What waits for the person; hidden when nothing does.
        engine: Which Terraform serves.
        vault: How the vault stands.
        home: Where the team lives.
    """

    def __init__(self, *, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("surface", "base")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setFixedHeight(HEIGHT)
        self.setAccessibleName(self.tr("Status"))
        self.runs = StatusItem(parent=self)
        self.approvals = StatusItem(parent=self)
        self.engine = StatusItem(parent=self)
        self.vault = StatusItem(parent=self)
        self.home = StatusItem(parent=self)
        row = QHBoxLayout(self)
        row.setContentsMargins(Space.XS, 1, Space.XS, 0)
        row.setSpacing(2)
        row.addWidget(self.runs)
        row.addWidget(self.approvals)
        row.addStretch()
        for item in (self.engine, self.vault, self.home):
            row.addWidget(item)
        self.approvals.hide()
        self.show_idle()
        self.set_engine(None)
        self.vault.say(self.tr("Vault"), icon_name="lock")
        self.home.say(self.tr("local"), icon_name="monitor", tip=self.tr("This team lives on this computer."))

    def show_idle(self) -> None:
        """Tell that nothing runs."""
        self.runs.say(self.tr("Nothing running"), icon_name="check", tip=self.tr("Show deployments"))

    def set_engine(self, engine: EngineStatus | None) -> None:
        """Tell which Terraform serves; ``None`` while it is looked for."""
        if engine is None:
            self.engine.say(self.tr("Terraform …"), icon_name="box")
        elif engine.problem:
            problem = self.tr("No Terraform")
            self.engine.say(problem, icon_name="triangle-alert", token="accent-error", tip=engine.problem)
        else:
            bundled = self.tr(" (bundled)") if engine.is_bundled else ""
            self.engine.say(f"{engine.name} {engine.version}{bundled}", icon_name="box", tip=engine.path or engine.note)

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        QPainter(self).fillRect(0, 0, self.width(), 1, theme.color("border"))
