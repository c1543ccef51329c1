"""Components of the kind `metrics`."""
