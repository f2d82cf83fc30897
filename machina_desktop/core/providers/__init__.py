"""Where machines live: one file per provider."""
