"""Composition: bases, variables and overrides become one document."""
