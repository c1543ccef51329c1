"""Names: references between blocks of a spec."""
