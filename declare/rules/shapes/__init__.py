"""Rules on what flows into modules, beyond its shape."""
