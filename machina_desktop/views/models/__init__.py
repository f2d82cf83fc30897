"""Qt models fed by live queries."""
