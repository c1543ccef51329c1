"""Keys: where one is valid, and what an unknown one means."""
