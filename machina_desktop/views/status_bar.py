"""The line at the bottom of the window; each of its items is a button that leads to what it tells."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFontMetricsF, QPainter, QPaintEvent
from PySide6.QtWidgets import QAbstractButton, QHBoxLayout, QSizePolicy, QWidget

from machina_desktop.core.domain.deployment import Deployment, DeploymentState
from machina_desktop.core.domain.engine import EngineStatus
from machina_desktop.views import theme
from machina_desktop.views.icons import draw_icon
from machina_desktop.views.run_watch import RunWatch, doing
from machina_desktop.views.theme import Radius, Space, Type
from machina_desktop.views.widgets.motion import Animation
from machina_desktop.views.widgets.painting import draw_focus_ring, draw_text, fill_rounded
from machina_desktop.views.widgets.status import StatusMark, mark_of, paint_glyph

HEIGHT = 30
_GLYPH = 10
_BAR = 64


class StatusItem(QAbstractButton):
    """One item: an icon or a status glyph, words, and a bar where progress is known."""

    def __init__(self, *, icon_name: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._icon_name = icon_name
        self._token = "text-secondary"
        self._mark: StatusMark | None = None
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
        mark: StatusMark | None = None,
        steps: tuple[int, int] = (0, 0),
    ) -> None:
        """Show ``text``; a ``mark`` stands for the icon, ``steps`` are done and total (0: no bar)."""
        self._icon_name, self._token, self._mark, self._steps = icon_name, token, mark, steps
        self._animation.set_active(mark is not None and mark.is_moving)
        self.setText(text)
        self.setAccessibleName(text)
        self.setAccessibleDescription(tip)
        self.setToolTip(tip)
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        width = QFontMetricsF(theme.font(Type.SECONDARY)).horizontalAdvance(self.text()) + 2 * Space.S + 1
        if self._icon_name or self._mark:
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
        if self._mark is not None:
            paint_glyph(painter, QRectF(left, middle - _GLYPH / 2, _GLYPH, _GLYPH), self._mark)
        elif self._icon_name:
            draw_icon(painter, QRectF(left - 1, middle - 7, 14, 14), self._icon_name, self._token)
        if self._mark is not None or self._icon_name:
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
    """Runs, approvals, Terraform, vault, and where the team lives.

    Signals:
        run_clicked(str): The run shown was pressed: its id, or empty when several run.
        approvals_clicked(str): The approvals were pressed: the only one's id, or empty when several wait.
        engine_clicked(): Terraform's item was pressed.
        vault_clicked(): The vault's item was pressed.
        home_clicked(): The item that tells where the team lives was pressed.
    """

    run_clicked = Signal(str)
    approvals_clicked = Signal(str)
    engine_clicked = Signal()
    vault_clicked = Signal()
    home_clicked = Signal()

    def __init__(self, watch: RunWatch, *, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._watch = watch
        self.setProperty("surface", "base")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setFixedHeight(HEIGHT)
        self.setAccessibleName(self.tr("Status"))
        self.runs = StatusItem(parent=self)
        self.approvals = StatusItem(parent=self)
        self.engine = StatusItem(parent=self)
        self.vault = StatusItem(parent=self)
        self.home = StatusItem(parent=self)
        self._build()
        self.show_runs()
        self.set_engine(None)
        self.home.say(self.tr("local"), icon_name="monitor", tip=self.tr("This team lives on this computer."))
        self.runs.clicked.connect(lambda: self.run_clicked.emit(_only(watch.running)))
        self.approvals.clicked.connect(lambda: self.approvals_clicked.emit(_only(watch.waiting)))
        self.engine.clicked.connect(self.engine_clicked)
        self.vault.clicked.connect(self.vault_clicked)
        self.home.clicked.connect(self.home_clicked)
        watch.open_changed.connect(lambda _runs: self.show_runs())
        watch.progressed.connect(self.show_runs)

    def show_runs(self) -> None:
        """Tell how many runs there are, and how far the only one is."""
        running, waiting = self._watch.running, self._watch.waiting
        queued = sum(run.state is DeploymentState.QUEUED for run in self._watch.open_runs)
        if len(running) == 1:
            self._show_one(running[0])
        elif running:
            self.runs.say(self.tr("{0} deployments running").format(len(running)), mark=mark_of(running[0].state))
        elif queued:
            self.runs.say(self.tr("{0} queued").format(queued), mark=mark_of(DeploymentState.QUEUED))
        else:
            self.runs.say(self.tr("Nothing running"), icon_name="check", tip=self.tr("Show deployments"))
        self.approvals.setVisible(bool(waiting))
        if waiting:
            self.approvals.say(
                self.tr("{0} awaiting approval").format(len(waiting)),
                mark=mark_of(DeploymentState.AWAITING_APPROVAL),
                token="accent-warning",
                tip=self.tr("Show the plans that wait for you"),
            )

    def set_engine(self, engine: EngineStatus | None) -> None:
        """Tell which Terraform serves; ``None`` while it is looked for."""
        if engine is None:
            self.engine.say(self.tr("Terraform …"), icon_name="box")
        elif engine.problem:
            self.engine.say(
                self.tr("No Terraform"), icon_name="triangle-alert", token="accent-error", tip=engine.problem
            )
        else:
            bundled = self.tr(" (bundled)") if engine.is_bundled else ""
            self.engine.say(f"{engine.name} {engine.version}{bundled}", icon_name="box", tip=engine.path or engine.note)

    def set_vault(self, title: str, icon_name: str, token: str, tip: str) -> None:
        """Tell how the vault stands."""
        self.vault.say(title, icon_name=icon_name, token=token, tip=tip)

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        QPainter(self).fillRect(0, 0, self.width(), 1, theme.color("border"))

    def _build(self) -> None:
        row = QHBoxLayout(self)
        row.setContentsMargins(Space.XS, 1, Space.XS, 0)
        row.setSpacing(2)
        row.addWidget(self.runs)
        row.addWidget(self.approvals)
        row.addStretch()
        for item in (self.engine, self.vault, self.home):
            row.addWidget(item)

    def _show_one(self, run: Deployment) -> None:
        done, total = self._watch.steps(run.deployment_id)
        count = f"  {done}/{total}" if total else f"  {run.phase_detail}" if run.phase_detail else ""
        self.runs.say(
            f"{doing(run)}{count}", mark=mark_of(run.state), steps=(done, total), tip=self.tr("Show this deployment")
        )


def _only(runs: tuple[Deployment, ...]) -> str:
    return runs[0].deployment_id if len(runs) == 1 else ""
