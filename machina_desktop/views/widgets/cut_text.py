"""What a widget had to shorten while it painted itself is told in full where the mouse rests on it."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QEvent, QObject, QRectF
from PySide6.QtGui import QHelpEvent, QPaintEvent
from PySide6.QtWidgets import QAbstractScrollArea, QWidget

from machina_desktop.views.widgets.tooltip import show_tooltip


@dataclass(frozen=True)
class _Cut:
    """A shortened text and where it stands, in the widget's pixels."""

    rect: QRectF
    text: str


class _CutText(QObject):
    """Listens to one widget that has shortened something; others cost nothing."""

    def __init__(self, widget: QWidget) -> None:
        super().__init__(widget)
        self._widget = widget
        self._cuts: list[_Cut] = []
        widget.installEventFilter(self)

    def note(self, rect: QRectF, text: str) -> None:
        """Keep ``text`` until that place is painted again."""
        self._cuts.append(_Cut(rect, text))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if isinstance(event, QPaintEvent):
            region = event.region()
            self._cuts = [cut for cut in self._cuts if not region.intersects(cut.rect.toAlignedRect())]
        elif isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            return self._tell(event)
        return super().eventFilter(watched, event)

    def _tell(self, event: QHelpEvent) -> bool:
        own = self._widget.toolTip()
        texts = [cut.text for cut in self._cuts if cut.rect.contains(event.pos()) and cut.text not in own]
        if not texts:
            return False
        show_tooltip(self._widget, "\n".join((*dict.fromkeys(texts), *([own] if own else ()))), at=event.globalPos())
        return True


def tell_in_full(widget: QWidget, rect: QRectF, text: str) -> None:
    """Show ``text`` as the tooltip of ``rect`` of ``widget``, above the widget's own, until it is painted again.

    Views that scroll their contents answer for themselves: what stood in a place is elsewhere a moment later.
    """
    if isinstance(widget.parent(), QAbstractScrollArea):
        return
    known = widget.findChild(_CutText)
    (known or _CutText(widget)).note(rect, text)
