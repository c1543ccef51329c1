"""Components of the kind `sources`."""
