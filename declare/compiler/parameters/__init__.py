"""Parameters: their names, the patterns that choose them, and the files that weights start from."""
