"""Reading: readers, raw values, splits, fingerprints, the cache."""
