"""Components of the kind `transforms`."""
