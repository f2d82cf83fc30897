"""The core behind HTTP: a face like the window and the command line, which holds no rules of its own."""
