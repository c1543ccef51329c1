"""Spec to plan: an ordered tuple of passes."""
