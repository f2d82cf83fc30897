"""A size that is sold out, and what is most like it and to be had: a button for each."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QCoreApplication, Signal
from PySide6.QtWidgets import QWidget

from machina_desktop.core.domain.fallback import Fallback, alternatives
from machina_desktop.core.domain.provider import Catalogue, Image, Size
from machina_desktop.views.callout import Callout
from machina_desktop.views.prices import monthly, why_not_there
from machina_desktop.views.widgets.buttons import Button

OFFERED = 3


def fallback_words(fallback: Fallback, region: str, catalogue: Catalogue) -> str:
    """``CX22 in Helsinki, FI``, or ``CX32 here``."""
    size = next((each for each in catalogue.sizes if each.slug == fallback.size), None)
    place = next((each.title for each in catalogue.regions if each.slug == fallback.region), fallback.region)
    title = size.title if size is not None else fallback.size
    return _tr("{0} here").format(title) if fallback.region == region else _tr("{0} in {1}").format(title, place)


def priced_words(fallback: Fallback, region: str, catalogue: Catalogue) -> str:
    """The same with its price, where that is told."""
    size = next((each for each in catalogue.sizes if each.slug == fallback.size), None)
    price = monthly(size, fallback.region) if size is not None else ""
    return ", ".join(part for part in (fallback_words(fallback, region, catalogue), price) if part)


class SoldOut(Callout):
    """Hidden until it shows a size.

    Signals:
        taken(Fallback): Take this instead.
    """

    taken = Signal(object)

    def __init__(self, *, name: str, parent: QWidget | None = None) -> None:
        super().__init__("warning", icon_name="package", parent=parent)
        self.setObjectName(name)
        self._offered: tuple[Fallback, ...] = ()
        self._buttons_of: list[Button] = []
        for place in range(OFFERED):
            button = Button("")
            button.setObjectName(f"{name}.{place}")
            button.clicked.connect(partial(self._on_pressed, place))
            self.add_button(button)
            self._buttons_of.append(button)

    def show_size(self, size: Size, region: str, catalogue: Catalogue, *, image: Image | None) -> None:
        """Say that it is sold out there, and what else there is."""
        self._offered = alternatives(size, region, catalogue, image=image, most=OFFERED)
        for place, button in enumerate(self._buttons_of):
            button.setVisible(place < len(self._offered))
            if place < len(self._offered):
                button.setText(_tr("Take {0}").format(priced_words(self._offered[place], region, catalogue)))
        self.say(why_not_there(size, region, catalogue))

    def _on_pressed(self, place: int) -> None:
        self.clear()
        self.taken.emit(self._offered[place])


def _tr(text: str) -> str:
    return QCoreApplication.translate("SoldOut", text)
