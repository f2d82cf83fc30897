"""The terminal in the window: what a session sends is painted, what a person types and points at is sent."""
