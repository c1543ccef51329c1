"""Components of the kind `fields`."""
