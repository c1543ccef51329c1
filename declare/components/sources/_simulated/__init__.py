"""One generator a file: `make(*, seed, ...)` returns columns, field blocks and the truth; its file is its name."""
