"""Rules on the search space of `tune`."""
