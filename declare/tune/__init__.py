"""Search: many runs of one spec with other values, and the best of them as a spec."""
