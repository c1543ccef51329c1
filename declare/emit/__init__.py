"""Writes the code of a plan: a Python package that needs PyTorch and not this program."""
