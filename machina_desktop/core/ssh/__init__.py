"""SSH keys and connections."""
