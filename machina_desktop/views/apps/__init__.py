"""One page per file, one line per page in APPS."""
