"""A form drawn from field descriptions, with each error at its field as the user leaves it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from machina_desktop.core.domain.provider import AccountField
from machina_desktop.views.theme import Space, Type
from machina_desktop.views.widgets.buttons import Button, ButtonKind, Segment, Segmented
from machina_desktop.views.widgets.inputs import Input, PasswordInput, SecretArea, TextArea
from machina_desktop.views.widgets.text import Label

Check = Callable[[AccountField, str], str]


class Form(QWidget):
    """One control per `AccountField`, top to bottom; of several ways to sign in, the fields of the chosen one.

    Attributes:
        ways: Chooses between the ways; ``None`` where there is but one.
        more: Unfolds the advanced fields.

    Signals:
        changed: Some field's text changed, or another way was chosen.
        submitted: Enter was pressed in a line.
    """

    changed = Signal()
    submitted = Signal()

    def __init__(
        self,
        fields: tuple[AccountField, ...],
        *,
        check: Check | None = None,
        kept: Collection[str] = (),
        parent: QWidget | None = None,
    ) -> None:
        """``check`` says in words what is wrong with a field's value, or an empty text; it is asked on leaving.

        ``kept`` are names of secrets that are stored and stay when nothing is typed. Advanced fields lie folded away.
        """
        super().__init__(parent)
        self._fields = {field.name: field for field in fields}
        self._check = check
        self._kept = frozenset(kept)
        self._controls: dict[str, Input | TextArea] = {}
        self._column = _column(self)
        self.ways = self._build_ways()
        self._rest = QWidget(self)
        rest = _column(self._rest)
        for field in fields:
            (rest if field.is_advanced else self._column).addWidget(self._build_control(field))
        self.more = Button(self.tr("Advanced"), kind=ButtonKind.GHOST, icon_name="chevron-right")
        self.more.setAccessibleDescription(self.tr("Shows the fields that few need."))
        self.more.clicked.connect(self._on_more)
        self.more.setVisible(any(field.is_advanced for field in fields))
        self._column.addWidget(self.more, 0, Qt.AlignmentFlag.AlignLeft)
        self._column.addWidget(self._rest)
        self._rest.hide()
        self._show_way()

    def control(self, name: str) -> Input | TextArea:
        """The control of a field."""
        return self._controls[name]

    def values(self) -> dict[str, str]:
        """What is typed, by field name; trimmed but for passwords and texts of several lines.

        Fields of another way to sign in than the chosen one are left out.
        """
        return {name: self._value(name) for name in self._fields if self._is_wanted(name)}

    def set_values(self, values: Mapping[str, str]) -> None:
        """Fill fields by name; unknown names are left out."""
        for name, value in values.items():
            if name in self._controls:
                self._controls[name].set_text(value)

    def set_way(self, way: str) -> None:
        """Choose a way to sign in."""
        if self.ways is not None:
            self.ways.set_current(way)

    def set_errors(self, errors: Mapping[str, str]) -> None:
        """Say at each field what is wrong; fields not named are cleared. The first one in error gets the focus."""
        for name, control in self._controls.items():
            control.set_error(errors.get(name, ""))
        for name, control in self._controls.items():
            if errors.get(name):
                if self._fields[name].is_advanced and self._rest.isHidden():
                    self._on_more()
                self.set_way(self._fields[name].way)
                control.control.setFocus(Qt.FocusReason.OtherFocusReason)
                # What is pasted now takes the place of what is wrong.
                control.control.selectAll()
                return

    def validate(self) -> bool:
        """Check every field, show what is wrong, and answer whether nothing is."""
        errors = {name: problem for name in self._fields if (problem := self._problem(name))}
        self.set_errors(errors)
        return not errors

    def focus_first(self) -> None:
        """Put the cursor into the first field."""
        for name, control in self._controls.items():
            if self._is_wanted(name):
                control.control.setFocus(Qt.FocusReason.OtherFocusReason)
                return

    def _build_ways(self) -> Segmented | None:
        ways = tuple(dict.fromkeys(field.way for field in self._fields.values() if field.way))
        if len(ways) < 2:
            return None
        made = Segmented(tuple(Segment(key=way, title=way) for way in ways), name=self.tr("Sign in with"), parent=self)
        made.changed.connect(lambda _way: self._on_way())
        row = QWidget(self)
        column = _column(row)
        column.setSpacing(6)
        column.addWidget(Label(self.tr("Sign in with"), style=Type.MEDIUM))
        column.addWidget(made)
        self._column.addWidget(row)
        return made

    def _on_way(self) -> None:
        self._show_way()
        self.changed.emit()

    def _show_way(self) -> None:
        for name, control in self._controls.items():
            control.setVisible(self._is_wanted(name))

    def _is_wanted(self, name: str) -> bool:
        return self.ways is None or self._fields[name].way in {"", self.ways.current()}

    def _on_more(self) -> None:
        is_shown = self._rest.isHidden()
        self._rest.setVisible(is_shown)
        self.more.set_icon_name("chevron-down" if is_shown else "chevron-right")

    def _build_control(self, field: AccountField) -> Input | TextArea:
        title = field.title if field.is_required else self.tr("{0} (optional)").format(field.title)
        hint = self.tr("Stored; type or paste to replace it") if field.name in self._kept else field.placeholder
        control: Input | TextArea
        if field.is_multiline and field.is_secret:
            control = SecretArea(title, placeholder=hint, help_text=field.help)
            control.control.setMaximumHeight(control.control.minimumHeight())
        elif field.is_multiline:
            control = TextArea(title, placeholder=hint, help_text=field.help)
        elif field.is_secret:
            control = PasswordInput(title, placeholder=hint, help_text=field.help)
        else:
            control = Input(title, placeholder=hint, help_text=field.help)
        if isinstance(control, Input):
            control.submitted.connect(self.submitted)
        control.changed.connect(lambda _text, name=field.name: self._on_changed(name))
        control.left.connect(lambda name=field.name: self._on_left(name))
        self._controls[field.name] = control
        return control

    def _value(self, name: str) -> str:
        text = self._controls[name].text()
        field = self._fields[name]
        return text if field.is_multiline or (field.is_secret and field.is_verbatim) else text.strip()

    def _problem(self, name: str) -> str:
        field, value = self._fields[name], self._value(name)
        if not self._is_wanted(name):
            return ""
        if not value.strip():
            is_needed = field.is_required and name not in self._kept
            return self.tr("{0} is needed.").format(field.title) if is_needed else ""
        return self._check(field, value) if self._check is not None else ""

    def _on_left(self, name: str) -> None:
        self._controls[name].set_error(self._problem(name))

    def _on_changed(self, name: str) -> None:
        # What was wrong may be right now; what is not yet finished is not complained about.
        if self._controls[name].error() and not self._problem(name):
            self._controls[name].set_error("")
        self.changed.emit()


def _column(widget: QWidget) -> QVBoxLayout:
    column = QVBoxLayout(widget)
    column.setContentsMargins(0, 0, 0, 0)
    column.setSpacing(Space.L)
    return column
