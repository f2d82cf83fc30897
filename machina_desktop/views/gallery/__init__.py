"""Every widget of the design system in every state, to be looked at: ``machina --gallery [THEME]``."""

from machina_desktop.views.gallery.window import GalleryWindow, run

__all__ = ["GalleryWindow", "run"]
