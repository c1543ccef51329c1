"""One module per set of generated files: `outputs() -> dict[Path, str]`, optionally `OWNS` and `SLOW`."""
