"""Components of the kind `sources`: where samples come from."""
