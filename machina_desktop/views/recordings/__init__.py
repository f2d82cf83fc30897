"""Recordings of terminals: their list, the search through all of them, and their replay."""
