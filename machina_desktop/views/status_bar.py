"""The line at the bottom of the window; each of its items is a button that leads to what it tells."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QRectF, QSize, Qt
from PySide6.QtGui import QFontMetricsF, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QAbstractButton, QSizePolicy, QWidget

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
_SPACING = 2
# Runs may take this share of the line, but never less than so many pixels.
_SHARE_OF_RUNS = 0.4
_LEAST_OF_RUNS = 132

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
        self._tip = ""
        self._is_wanted = True
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
        name: str = "",
        is_moving: bool = False,
        steps: tuple[int, int] = (0, 0),
    ) -> None:
        """Show ``text``; a ``glyph`` stands for the icon, ``steps`` are done and total (0: no bar).

        ``name`` is what screen readers say where the text alone does not tell.
        """
        self._icon_name, self._token, self._glyph, self._steps = icon_name, token, glyph, steps
        self._animation.set_active(is_moving)
        self._tip = tip
        self.setText(text)
        self.setAccessibleName(name or text)
        self.setAccessibleDescription(tip)
        self._tell()
        self.updateGeometry()
        self.update()

    def set_wanted(self, is_wanted: bool) -> None:
        """Whether it has anything to tell; where there is no room it may hide all the same."""
        self._is_wanted = is_wanted
        self.updateGeometry()

    def is_wanted(self) -> bool:
        """Whether it has anything to tell."""
        return self._is_wanted

    def compact_width(self) -> int:
        """How wide it is as a sign without words, in pixels."""
        return 2 * Space.S + _GLYPH + 4

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._tell()

    def sizeHint(self) -> QSize:
        width = QFontMetricsF(theme.tabular_font(Type.SECONDARY)).horizontalAdvance(self.text()) + 2 * Space.S + 1
        if self._icon_name or self._glyph:
            width += _GLYPH + 4 + (Space.XS if self.text() else 0)
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
        if not self._is_compact():
            token = "text-primary" if self.underMouse() else self._token
            text = rect.adjusted(left, 0, -Space.S - (_BAR + Space.S if self._steps[1] else 0), 0)
            draw_text(painter, text, self.text(), theme.tabular_font(Type.SECONDARY), theme.color(token))
        if self._steps[1] and not self._is_compact():
            done, total = self._steps
            bar = QRectF(rect.right() - Space.S - _BAR, middle - 2, _BAR, 4)
            fill_rounded(painter, bar, 2, theme.color("border"))
            bar.setWidth(max(4.0, _BAR * min(1.0, done / total)))
            fill_rounded(painter, bar, 2, theme.color("accent-primary"))
        if self.hasFocus():
            draw_focus_ring(painter, rect, Radius.INPUT - 1)

    def _is_compact(self) -> bool:
        return self.width() <= self.compact_width()

    def _tell(self) -> None:
        shown = self.accessibleName() if self._is_compact() else ""
        self.setToolTip("\n".join(part for part in (shown, self._tip) if part))


class StatusBar(QWidget):
    """Runs, approvals, Terraform, vault, servers, home and notices; others say what each of the items tells.

    Where the window is narrow, items become signs without words, and the least important ones hide.

    Attributes:
        runs: What runs now.
        approvals: What waits for the person; hidden when nothing does.
        engine: Which Terraform serves.
        vault: How the vault stands.
        servers: How the lines to shared servers are; hidden while there is none.
        home: Where the team lives.
        bell: What was told and not yet looked at.
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
        self.servers = StatusItem(parent=self)
        self.home = StatusItem(parent=self)
        self.bell = StatusItem(parent=self)
        self.approvals.set_wanted(False)
        self.servers.set_wanted(False)
        self.show_idle()
        self.set_engine(None)
        self.vault.say(self.tr("Vault"), icon_name="lock")
        self.set_home("")
        self.set_unread(0)

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

    def set_home(self, place: str) -> None:
        """Tell where the team lives: on a server of that name, or on this computer when it is empty."""
        if place:
            self.home.say(place, icon_name="cloud", tip=self.tr("This team lives on {0}.").format(place))
        else:
            self.home.say(self.tr("local"), icon_name="monitor", tip=self.tr("This team lives on this computer."))

    def set_unread(self, count: int, *, has_errors: bool = False) -> None:
        """Tell how many notices were not looked at yet."""
        news = self.tr("{0} new").format(count) if count else ""
        self.bell.say(
            ("99+" if count > 99 else str(count)) if count else "",
            name=", ".join(part for part in (self.tr("Notices"), news) if part),
            icon_name="bell",
            token="accent-error" if has_errors else "text-primary" if count else "text-secondary",
            tip=self.tr("Show what was told lately"),
        )

    def event(self, event: QEvent) -> bool:
        # What children send when one of them says something else.
        if event.type() == QEvent.Type.LayoutRequest:
            self._arrange()
        return super().event(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._arrange()

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        QPainter(self).fillRect(0, 0, self.width(), 1, theme.color("border"))

    def _arrange(self) -> None:
        """Runs and approvals from the left, the rest from the right, with what room there is."""
        widths = self._widths(self.width() - 2 * Space.XS)
        left, right = Space.XS, self.width() - Space.XS
        for item in (self.runs, self.approvals):
            left += self._put(item, left, widths.get(item, 0))
        for item in (self.bell, self.home, self.servers, self.vault, self.engine):
            width = widths.get(item, 0)
            right -= self._put(item, right - width, width)

    def _widths(self, room: int) -> dict[StatusItem, int]:
        """How wide each item is that has something to tell and finds room."""
        items = (self.runs, self.approvals, self.engine, self.vault, self.servers, self.home, self.bell)
        widths = {item: item.sizeHint().width() for item in items if item.is_wanted()}
        widths[self.runs] = min(widths[self.runs], max(_LEAST_OF_RUNS, int(room * _SHARE_OF_RUNS)))
        for item in (self.home, self.engine, self.vault, self.approvals, self.servers):
            if item in widths and _lack(widths, room) > 0:
                widths[item] = item.compact_width()
        least = min(widths[self.runs], _LEAST_OF_RUNS)
        widths[self.runs] = max(least, widths[self.runs] - max(0, _lack(widths, room)))
        for item in (self.home, self.engine, self.bell, self.vault, self.servers):
            if item in widths and _lack(widths, room) > 0:
                del widths[item]
        return widths

    def _put(self, item: StatusItem, x: int, width: int) -> int:
        """Place an item, or hide it; the answer is the room it takes."""
        item.setVisible(width > 0)
        if width:
            height = item.sizeHint().height()
            item.setGeometry(x, 1 + (self.height() - 1 - height) // 2, width, height)
        return width + _SPACING if width else 0


def _lack(widths: dict[StatusItem, int], room: int) -> int:
    """How many pixels more than there are the items need."""
    return sum(widths.values()) + _SPACING * (len(widths) - 1) - room
