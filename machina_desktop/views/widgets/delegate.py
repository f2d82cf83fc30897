"""A delegate whose cells tell in full, where the mouse rests on them, what they had no room for."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QModelIndex, QPersistentModelIndex, Qt
from PySide6.QtGui import QHelpEvent
from PySide6.QtWidgets import QAbstractItemView, QStyledItemDelegate, QStyleOptionViewItem

from machina_desktop.views.widgets.painting import cut_texts
from machina_desktop.views.widgets.tooltip import show_tooltip


class TellingDelegate(QStyledItemDelegate):
    """For delegates that paint with `draw_text`: the cell is painted once more, unseen, to learn what was cut."""

    def helpEvent(
        self,
        event: QHelpEvent,
        view: QAbstractItemView,
        option: QStyleOptionViewItem,
        index: QModelIndex | QPersistentModelIndex,
    ) -> bool:
        if event.type() != QEvent.Type.ToolTip or not index.isValid():
            return super().helpEvent(event, view, option, index)
        own = str(index.data(Qt.ItemDataRole.ToolTipRole) or "")
        cut = (text.strip() for text in cut_texts(lambda painter: self.paint(painter, option, index)))
        lines = dict.fromkeys((*([own] if own else ()), *(text for text in cut if text not in own)))
        show_tooltip(view.viewport(), "\n".join(lines), at=event.globalPos())
        return True
