"""How many replicas, and why."""
