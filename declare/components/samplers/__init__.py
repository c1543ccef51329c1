"""Components of the kind `samplers`: the order of samples in an epoch."""
