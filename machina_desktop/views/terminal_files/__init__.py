"""Files of machines and tunnels to them, as the terminal's page shows them."""
