"""Rules on what is trained when, from what, for how long."""
