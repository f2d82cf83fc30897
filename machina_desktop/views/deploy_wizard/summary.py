"""The wizard's right edge: what the machine will be, as far as it is chosen, and what it costs."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QVBoxLayout, QWidget

from machina_desktop.core.domain.provider import ProviderType, WizardStep
from machina_desktop.views.deploy_wizard.state import WizardState
from machina_desktop.views.prices import composition, hourly, monthly
from machina_desktop.views.theme import Space, Type
from machina_desktop.views.widgets.layout import Divider
from machina_desktop.views.widgets.text import ElidedLabel, Label

WIDTH = 208


class Summary(QWidget):
    """Follows the state; nothing can be pressed here."""

    def __init__(self, state: WizardState, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._state = state
        self.setProperty("surface", "base")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setObjectName("wizard.summary")
        self.setAccessibleName(self.tr("Summary"))
        self.setFixedWidth(WIDTH)
        self._values: dict[str, tuple[Label, ElidedLabel]] = {}
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(Space.L, Space.L, Space.L, Space.L)
        self._column.setSpacing(2)
        self._name = ElidedLabel(style=Type.SECTION)
        self._column.addWidget(self._name)
        self._column.addSpacing(Space.S)
        for key, title in (
            ("account", self.tr("Account")),
            ("place", self.tr("Place")),
            ("size", self.tr("Size")),
            ("image", self.tr("Image")),
            ("keys", self.tr("Keys")),
            ("script", self.tr("Script")),
            ("firewall", self.tr("Firewall")),
            ("tags", self.tr("Tags")),
        ):
            self._add(key, title)
        self._column.addStretch()
        self._build_price()

    def refresh(self) -> None:
        """Show the draft as it is."""
        more = f" +{self._state.copies - 1}" if self._state.copies > 1 else ""
        self._name.setText((self._state.draft.name or self.tr("New machine")) + more)
        texts = self._texts()
        for key, (title, value) in self._values.items():
            title.setVisible(bool(texts[key]))
            value.setVisible(bool(texts[key]))
            value.setText(texts[key])
        price, note = self._price_words()
        self._price.setText(price)
        self._price_note.setText(note)

    def _build_price(self) -> None:
        self._price = Label(style=Type.SECTION)
        self._price.setObjectName("wizard.price")
        self._price_note = Label(style=Type.SECONDARY, tone="secondary", wraps=True)
        self._column.addWidget(Divider())
        self._column.addSpacing(Space.S)
        self._column.addWidget(Label(self.tr("Price"), style=Type.LABEL, tone="secondary"))
        self._column.addWidget(self._price)
        self._column.addWidget(self._price_note)

    def _texts(self) -> dict[str, str]:
        draft, state = self._state.draft, self._state
        host = f"{draft.user}@{draft.host}" + (f":{draft.port}" if draft.port != 22 else "") if draft.host else ""
        names = [state.keys[key].name for key in draft.key_ids if key in state.keys]
        lines = len(draft.bootstrap_script.strip().splitlines())
        script = self.tr("1 line") if lines == 1 else self.tr("{0} lines").format(lines) if lines else ""
        return {
            "account": state.account.label if state.account is not None else "",
            "place": host if state.asks_host else " ".join(part for part in (self._region_title(), draft.zone) if part),
            "size": state.size.title if state.size is not None else "",
            "image": state.image.title if state.image is not None else "",
            "keys": ", ".join(names),
            "script": script,
            "firewall": self._firewall_name(),
            "tags": ", ".join(draft.tags),
        }

    def _firewall_name(self) -> str:
        if self._state.info is None or self._state.skip_reason(WizardStep.FIREWALL):
            return ""
        profile = self._state.firewalls.get(self._state.draft.firewall_profile_id)
        return profile.name if profile is not None else self.tr("none")

    def _region_title(self) -> str:
        regions = self._state.catalogue.regions if self._state.catalogue is not None else ()
        return next((region.title for region in regions if region.slug == self._state.draft.region), "")

    def _price_words(self) -> tuple[str, str]:
        state = self._state
        if state.account is None:
            return "–", self.tr("Choose an account first.")
        if state.account.provider_type is ProviderType.SANDBOX:
            return self.tr("free"), self.tr("It runs on this computer.")
        if state.account.provider_type is ProviderType.BAREMETAL:
            return self.tr("free"), self.tr("It is your own hardware.")
        if state.size is None:
            return "–", self.tr("Choose a size to see it.")
        region = state.draft.region
        copies = state.copies
        price = monthly(state.size, region, copies)
        if not price:
            title = state.info.title if state.info is not None else ""
            return self.tr("not known"), self.tr("{0} tells no prices; see its own list.").format(title)
        each = self.tr("{0} × {1}").format(copies, monthly(state.size, region)) if copies > 1 else ""
        notes = (hourly(state.size, region, copies), each, composition(state.size, region))
        return price, "\n".join(note for note in notes if note)

    def _add(self, key: str, title: str) -> None:
        name = Label(title, style=Type.SECONDARY, tone="secondary")
        name.setContentsMargins(0, Space.S, 0, 0)
        value = ElidedLabel()
        value.setAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignAbsolute | Qt.AlignmentFlag.AlignVCenter)
        self._column.addWidget(name)
        self._column.addWidget(value)
        self._values[key] = name, value
