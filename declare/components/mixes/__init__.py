"""Components of the kind `mixes`."""
