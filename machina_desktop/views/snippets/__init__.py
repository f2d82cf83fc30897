"""Snippets: the dialog that writes one, and the picker that fills one in."""
