"""Recordings of terminals: their replay, the rules for them, and the recorder of a pane."""
