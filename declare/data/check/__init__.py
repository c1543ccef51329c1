"""Checking a dataset: every sample of every field is read once."""
