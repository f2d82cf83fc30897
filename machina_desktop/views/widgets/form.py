"""A form drawn from field descriptions, with each error at its field as the user leaves it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from machina_desktop.core.domain.provider import AccountField
from machina_desktop.views.theme import Space
from machina_desktop.views.widgets.buttons import Button, ButtonKind
from machina_desktop.views.widgets.inputs import Input, PasswordInput, SecretArea, TextArea

Check = Callable[[AccountField, str], str]


class Form(QWidget):
    """One control per `AccountField`, top to bottom.

    Signals:
        changed: Some field's text changed.
        submitted: Enter was pressed in a line.
    """

    changed = Signal()
    submitted = Signal()

    def __init__(
        self,
        fields: tuple[AccountField, ...],
        *,
        check: Check | None = None,
        folds: bool = False,
        parent: QWidget | None = None,
    ) -> None:
        """``check`` says in words what is wrong with a field's value, or an empty text; it is asked on leaving.

        With ``folds``, fields that are not needed lie folded away under *More*, if there are others.
        """
        super().__init__(parent)
        self._fields = {field.name: field for field in fields}
        self._check = check
        self._controls: dict[str, Input | TextArea] = {}
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(Space.L)
        self._rest = QWidget()
        self._rest_column = QVBoxLayout(self._rest)
        self._rest_column.setContentsMargins(0, 0, 0, 0)
        self._rest_column.setSpacing(Space.L)
        folds = folds and len({field.is_required for field in fields}) > 1
        for field in fields:
            self._build_control(field, is_folded=folds and not field.is_required)
        self.more = Button(self.tr("More"), kind=ButtonKind.GHOST, icon_name="chevron-right")
        self.more.setAccessibleDescription(self.tr("Shows the fields that are not needed."))
        self.more.clicked.connect(self._on_more)
        self.more.setVisible(folds)
        self._column.addWidget(self.more, 0, Qt.AlignmentFlag.AlignLeft)
        self._column.addWidget(self._rest)
        self._rest.hide()

    def control(self, name: str) -> Input | TextArea:
        """The control of a field."""
        return self._controls[name]

    def values(self) -> dict[str, str]:
        """What is typed, by field name; trimmed but for secrets and texts of several lines."""
        return {name: self._value(name) for name in self._fields}

    def set_values(self, values: Mapping[str, str]) -> None:
        """Fill fields by name; unknown names are left out."""
        for name, value in values.items():
            if name in self._controls:
                self._controls[name].set_text(value)

    def set_errors(self, errors: Mapping[str, str]) -> None:
        """Say at each field what is wrong; fields not named are cleared. The first one in error gets the focus."""
        for name, control in self._controls.items():
            control.set_error(errors.get(name, ""))
        for name, control in self._controls.items():
            if errors.get(name):
                if self._rest.isAncestorOf(control) and self._rest.isHidden():
                    self._on_more()
                control.control.setFocus(Qt.FocusReason.OtherFocusReason)
                return

    def validate(self) -> bool:
        """Check every field, show what is wrong, and answer whether nothing is."""
        errors = {name: problem for name in self._fields if (problem := self._problem(name))}
        self.set_errors(errors)
        return not errors

    def focus_first(self) -> None:
        """Put the cursor into the first field."""
        for control in self._controls.values():
            control.control.setFocus(Qt.FocusReason.OtherFocusReason)
            return

    def _on_more(self) -> None:
        is_shown = self._rest.isHidden()
        self._rest.setVisible(is_shown)
        self.more.setText(self.tr("Less") if is_shown else self.tr("More"))
        self.more.set_icon_name("chevron-down" if is_shown else "chevron-right")

    def _build_control(self, field: AccountField, *, is_folded: bool) -> None:
        title = field.title if field.is_required else self.tr("{0} (optional)").format(field.title)
        control: Input | TextArea
        if field.is_multiline and field.is_secret:
            control = SecretArea(title, placeholder=field.placeholder, help_text=field.help)
        elif field.is_multiline:
            control = TextArea(title, placeholder=field.placeholder, help_text=field.help)
        elif field.is_secret:
            control = PasswordInput(title, placeholder=field.placeholder, help_text=field.help)
        else:
            control = Input(title, placeholder=field.placeholder, help_text=field.help)
        if isinstance(control, Input):
            control.submitted.connect(self.submitted)
        control.changed.connect(lambda _text, name=field.name: self._on_changed(name))
        control.left.connect(lambda name=field.name: self._on_left(name))
        self._controls[field.name] = control
        (self._rest_column if is_folded else self._column).addWidget(control)

    def _value(self, name: str) -> str:
        text = self._controls[name].text()
        field = self._fields[name]
        return text if field.is_secret or field.is_multiline else text.strip()

    def _problem(self, name: str) -> str:
        field, value = self._fields[name], self._value(name)
        if not value.strip():
            return self.tr("{0} is needed.").format(field.title) if field.is_required else ""
        return self._check(field, value) if self._check is not None else ""

    def _on_left(self, name: str) -> None:
        self._controls[name].set_error(self._problem(name))

    def _on_changed(self, name: str) -> None:
        # What was wrong may be right now; what is not yet finished is not complained about.
        if self._controls[name].error() and not self._problem(name):
            self._controls[name].set_error("")
        self.changed.emit()
