"""Losses as plain PyTorch: each returns a sum over valid targets and the weight to divide by."""
