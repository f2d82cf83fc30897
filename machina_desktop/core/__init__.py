"""Everything that runs without Qt: the desktop, the server and the command line share it."""
