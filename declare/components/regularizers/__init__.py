"""Components of the kind `regularizers`."""
