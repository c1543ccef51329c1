"""Components of the kind `modules`."""
