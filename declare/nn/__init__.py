"""Plain PyTorch: modules, heads, losses, metrics; no import from the rest of the package."""
