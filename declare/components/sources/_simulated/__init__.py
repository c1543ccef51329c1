"""One generator a file, named for it: `make(*, seed, ...)` returns columns, field blocks and the truth."""
