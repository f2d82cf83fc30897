"""Use cases: each area's requests and rules side by side."""
