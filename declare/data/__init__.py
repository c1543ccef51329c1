"""Reading data: splits, facts, columns, caches (numpy, no torch)."""
