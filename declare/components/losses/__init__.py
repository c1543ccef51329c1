"""Components of the kind `losses`."""
