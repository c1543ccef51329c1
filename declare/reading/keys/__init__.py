"""Keys: where one may stand, and what an unknown one means."""
