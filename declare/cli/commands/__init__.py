"""One file per command; the first line of its docstring is its summary in `dcl --help`."""
