"""Snippets: the page that keeps them, the dialog that writes one, and the picker that fills one in."""
