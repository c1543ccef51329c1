"""Rules on settings without effect."""
