"""Components of the kind `samplers`."""
