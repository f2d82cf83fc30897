"""The terminal: what a program writes, as rows of cells."""
