"""One generator per file, named after it: `make(*, seed, ...)` returns columns, field blocks and the ground truth."""
