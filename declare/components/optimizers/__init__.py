"""Components of the kind `optimizers`."""
