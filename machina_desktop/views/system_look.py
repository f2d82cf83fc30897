"""How the desktop wants programs to look: asked after the first paint, followed while the window lives."""

from __future__ import annotations

import contextlib

from PySide6.QtCore import QObject, Slot
from PySide6.QtDBus import QDBusVariant

from machina_desktop.views import theme
from machina_desktop.views.bus import Bus

PORTAL = "org.freedesktop.portal.Desktop"
PORTAL_PATH = "/org/freedesktop/portal/desktop"
SETTINGS = "org.freedesktop.portal.Settings"

_APPEARANCE = "org.freedesktop.appearance"
COLOR_SCHEME = (_APPEARANCE, "color-scheme")
CONTRAST = (_APPEARANCE, "contrast")
MOTION = (_APPEARANCE, "reduced-motion")
GNOME_CONTRAST = ("org.gnome.desktop.a11y.interface", "high-contrast")
GNOME_ANIMATIONS = ("org.gnome.desktop.interface", "enable-animations")
KDE_ANIMATIONS = ("org.kde.kdeglobals.KDE", "AnimationDurationFactor")
KEYS = (COLOR_SCHEME, CONTRAST, MOTION, GNOME_CONTRAST, GNOME_ANIMATIONS, KDE_ANIMATIONS)


class SystemLook(QObject):
    """Reads the settings portal (flatpak.github.io/xdg-desktop-portal, Settings) and tells `theme`.

    Dark or light and high contrast come from Qt where Qt knows them: on Windows, on macOS, on GNOME. The portal tells
    the rest, such as KDE and plain window managers. Less motion comes from the portal only: Qt 6.11 does not say it,
    so on Windows and macOS the setting of ours decides.
    """

    def __init__(self, session: Bus, *, parent: QObject) -> None:
        super().__init__(parent)
        self._session = session
        self._values: dict[tuple[str, str], object] = {}
        if session.is_open:
            self._on_opened()
        else:
            session.opened.connect(self._on_opened)

    def _on_opened(self) -> None:
        self._session.listen(
            SETTINGS, "SettingChanged", self, "_on_changed(QString,QString,QDBusVariant)", path=PORTAL_PATH
        )
        for key in KEYS:
            self._read(key, ("ReadOne", "Read"))

    def _read(self, key: tuple[str, str], methods: tuple[str, ...]) -> None:
        """Ask for one value; portals of before 2022 know the second method only."""

        def hear(values: tuple[object, ...]) -> None:
            if values:
                self._take(key, values[0])
            elif len(methods) > 1:
                self._read(key, methods[1:])

        self._session.ask((PORTAL, PORTAL_PATH, SETTINGS, methods[0]), *key, answer=hear, may_start=True)

    @Slot(str, str, QDBusVariant)
    def _on_changed(self, namespace: str, name: str, value: QDBusVariant) -> None:
        if (namespace, name) in KEYS:
            self._take((namespace, name), value.variant())

    def _take(self, key: tuple[str, str], value: object) -> None:
        self._values[key] = value
        theme.set_system_look(self._look())

    def _look(self) -> theme.SystemLook:
        values = self._values
        return theme.SystemLook(
            is_dark=True if values.get(COLOR_SCHEME) == 1 else False if values.get(COLOR_SCHEME) == 2 else None,
            wants_contrast=values.get(CONTRAST) == 1 or values.get(GNOME_CONTRAST) is True,
            wants_stillness=values.get(MOTION) == 1
            or values.get(GNOME_ANIMATIONS) is False
            or _number(values.get(KDE_ANIMATIONS)) == 0,
        )


def _number(value: object) -> float | None:
    """``value`` as a number, which KDE gives as text; ``None`` when it is none."""
    with contextlib.suppress(ValueError):
        return float(value) if isinstance(value, int | float | str) else None
    return None
