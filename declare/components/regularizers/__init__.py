"""Penalties on parameters, added to the loss."""
