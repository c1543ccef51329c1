"""Checks over the whole spec and its facts: one file per rule, grouped by family."""
