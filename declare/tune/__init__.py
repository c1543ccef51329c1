"""Search: many runs of one spec with other values; the best becomes a spec."""
