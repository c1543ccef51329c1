"""Penalties on parameters as plain PyTorch."""
