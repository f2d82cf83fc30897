"""The terminal: a screen that takes bytes, and a session that brings them."""
