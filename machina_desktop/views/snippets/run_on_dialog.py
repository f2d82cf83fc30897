"""The dialog that asks on which machines a snippet runs, with what will be typed on each in sight."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from PySide6.QtCore import QCoreApplication, Signal
from PySide6.QtWidgets import QHBoxLayout, QPlainTextEdit, QVBoxLayout, QWidget

from machina_desktop.core.domain.snippet import AnySnippet, rendered, reporting
from machina_desktop.core.errors import InvalidInput
from machina_desktop.views import theme
from machina_desktop.views.terminal.target_list import Target, TargetList
from machina_desktop.views.theme import Space, Type
from machina_desktop.views.widgets.buttons import Button, ButtonKind
from machina_desktop.views.widgets.checkbox import Checkbox
from machina_desktop.views.widgets.dialogs import Dialog
from machina_desktop.views.widgets.inputs import Note, Select
from machina_desktop.views.widgets.text import Label

# More machines are counted and not named.
_MOST_NAMED: Final = 6


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A machine that a snippet may run on.

    Attributes:
        known: What the machine fills in.
        is_open: Whether there is a terminal on it that waits for a command.
    """

    target: Target
    known: Mapping[str, str]
    is_open: bool


class RunOnDialog(Dialog):
    """Show it with ``open()``.

    Signals:
        chosen(object, bool): The text for each machine by its key (dict of str), and whether to follow how it ends.
    """

    chosen = Signal(object, bool)

    def __init__(
        self, snippet: AnySnippet, values: Mapping[str, str], candidates: Mapping[str, Candidate], *, parent: QWidget
    ) -> None:
        super().__init__(
            QCoreApplication.translate("RunOnDialog", "Run {0} on…").format(snippet.name),
            primary=QCoreApplication.translate("RunOnDialog", "Run"),
            width=820,
            parent=parent,
        )
        self.setObjectName("run_on")
        self._snippet, self._values, self._candidates = snippet, dict(values), candidates
        self.targets = TargetList((each.target for each in candidates.values()), name=self.tr("Machines"), parent=self)
        self.open_ones = Button(self.tr("Tick those with an open terminal"), kind=ButtonKind.GHOST)
        self.open_ones.setObjectName("run_on.open_ones")
        self.shown = Select(self.tr("What will be typed on"), choices=(("", ""),))
        self.preview = QPlainTextEdit()
        self.follow = Checkbox(self.tr("Find out how it ends"))
        self.follow.setObjectName("run_on.follow")
        self._note = Note(self)
        self._fill()
        self._connect()
        self._on_changed()

    def texts(self) -> dict[str, str]:
        """The text for each machine that is ticked, by its key.

        Raises:
            InvalidInput: E-SNIPPET-VALUE, a machine lacks what the text asks for.
        """
        return {key: self._text(key) for key in self.targets.ticked()}

    def _text(self, key: str) -> str:
        candidate = self._candidates[key]
        try:
            return rendered(self._snippet, {**candidate.known, **self._values})
        except InvalidInput as error:
            message = self.tr("{0}: {1}").format(candidate.target.title, error.message)
            raise InvalidInput(message, field=error.field, code=error.code) from error

    def _fill(self) -> None:
        self.follow.setChecked(True)
        self.preview.setReadOnly(True)
        self.preview.setObjectName("run_on.preview")
        self.preview.setAccessibleName(self.tr("What will be typed"))
        self.preview.setFont(theme.font(Type.MONO))
        self.preview.setTabChangesFocus(True)
        self.preview.setMinimumHeight(140)
        self.shown.control.setObjectName("run_on.shown")
        left = QVBoxLayout()
        left.setSpacing(Space.S)
        left.addWidget(self.targets, 1)
        left.addWidget(self.open_ones)
        help_text = self.tr(
            "A printf before and after the commands tells this window their output and exit code. It needs a shell "
            "such as sh, bash or zsh."
        )
        right = QVBoxLayout()
        right.setSpacing(Space.S)
        right.addWidget(self.shown)
        right.addWidget(self.preview, 1)
        right.addWidget(self.follow)
        right.addWidget(Label(help_text, style=Type.SECONDARY, tone="secondary", wraps=True))
        right.addWidget(self._note)
        both = QHBoxLayout()
        both.setSpacing(Space.XL)
        both.addLayout(left, 1)
        both.addLayout(right, 1)
        self.column.addLayout(both)

    def _connect(self) -> None:
        self.targets.changed.connect(self._on_changed)
        self.shown.changed.connect(lambda _key: self._show_preview())
        self.follow.toggled.connect(lambda _is_on: self._show_preview())
        self.open_ones.clicked.connect(
            lambda: self.targets.tick(key for key, each in self._candidates.items() if each.is_open)
        )
        self.primary.clicked.connect(self._on_primary)

    def _on_changed(self) -> None:
        ticked = self.targets.ticked()
        was = self.shown.value()
        self.shown.set_choices(tuple((key, self._candidates[key].target.title) for key in ticked) or (("", "–"),))
        if was in ticked:
            self.shown.set_value(was)
        many = self.tr("Run on {0} machines").format(self.locale().toString(len(ticked)))
        self.primary.setText(self.tr("Run on 1 machine") if len(ticked) == 1 else many)
        self._show_preview()

    def _show_preview(self) -> None:
        ticked, problem = self.targets.ticked(), ""
        try:
            self.texts()
        except InvalidInput as error:
            problem = error.message
        key = self.shown.value()
        text = self._shown_text(key) if key in ticked else ""
        self.preview.setPlainText(text)
        opened = [self._candidates[key].target.title for key in ticked if not self._candidates[key].is_open]
        several = self.tr("{0} machines").format(self.locale().toString(len(opened)))
        named = several if len(opened) > _MOST_NAMED else ", ".join(opened)
        words = self.tr("A terminal is opened on {0}.").format(named) if opened else ""
        self._note.show_text(problem or words, is_error=bool(problem))
        self.primary.setEnabled(bool(ticked) and not problem)

    def _shown_text(self, key: str) -> str:
        try:
            text = self._text(key).rstrip("\n")
        except InvalidInput:
            return self._snippet.text
        return reporting(text) if self.follow.isChecked() else text

    def _on_primary(self) -> None:
        self.chosen.emit(self.texts(), self.follow.isChecked())
        self.accept()
