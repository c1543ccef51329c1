"""One file per command; its docstring's first line is what `dcl --help` says of it."""
