"""Rules on what the spec asks of the machine."""
