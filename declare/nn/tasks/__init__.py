"""How built tasks see outputs and batches, as plain classes."""
