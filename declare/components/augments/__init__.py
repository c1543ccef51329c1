"""Components of the kind `augments`."""
