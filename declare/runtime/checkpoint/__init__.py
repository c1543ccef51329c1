"""Checkpoints: what is written, when, by which process, and how it is read back."""
