"""All steps of the wizard below each other, for those who know what they want."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QFrame, QScrollArea, QVBoxLayout, QWidget

from machina_desktop.views.deploy_wizard.step import Step
from machina_desktop.views.theme import Space
from machina_desktop.views.widgets.layout import Divider, SectionHeader


class OnePage(QScrollArea):
    """Steps under their headings. Steps belong to it only while they are shown."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("wizard.one-page")
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._shown: tuple[Step, ...] = ()
        self._headings: dict[Step, SectionHeader] = {}
        self._rest: list[QWidget] = []
        content = QWidget()
        self._column = QVBoxLayout(content)
        self._column.setContentsMargins(2, 2, Space.S, Space.L)
        self._column.setSpacing(Space.M)
        self.setWidget(content)

    def show_steps(self, steps: Mapping[Step, str]) -> None:
        """Put the steps below each other, each under its heading; nothing happens where they stand so already."""
        if tuple(steps) == self._shown and all(step.parentWidget() is self.widget() for step in steps):
            return
        while self._column.count():
            self._column.takeAt(0)
        for old in (*self._headings.values(), *self._rest):
            old.hide()
            old.deleteLater()
        self._headings, self._rest = {}, []
        for step, title in steps.items():
            if self._headings:
                self._add_line()
            self._headings[step] = SectionHeader(title)
            self._column.addWidget(self._headings[step])
            self._column.addWidget(step)
            # A scroll area has had it paint a background of its own.
            step.setAutoFillBackground(False)
            step.show()
        self._column.addStretch()
        self._shown = tuple(steps)

    def reveal(self, step: Step) -> None:
        """Scroll its heading to the top, once everything has its place."""
        heading = self._headings.get(step)
        if heading is not None:
            QTimer.singleShot(0, heading, lambda: self.verticalScrollBar().setValue(heading.y()))

    def _add_line(self) -> None:
        line = Divider()
        self._rest.append(line)
        self._column.addWidget(line)
