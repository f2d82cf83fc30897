"""The language of the interface: a translation is loaded at the start where one is shipped, else English."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication, QLocale, QTranslator

from machina_desktop.views.theme import RESOURCES

FOLDER = RESOURCES / "i18n"


def load_language(app: QCoreApplication, locale: QLocale | None = None) -> bool:
    """Say everything of ``app`` in the languages the person prefers, in their order; whether there was one.

    Looks for ``resources/i18n/machina_de_AT.qm``, then for ``machina_de.qm``. Call it before the first text is shown:
    what has been shown stays as it is.
    """
    if not FOLDER.is_dir():
        return False
    translator = QTranslator(app)
    if not translator.load(locale or QLocale(), "machina", "_", str(FOLDER)):
        translator.deleteLater()
        return False
    return app.installTranslator(translator)
