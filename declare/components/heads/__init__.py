"""Components of the kind `heads`."""
