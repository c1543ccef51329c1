"""Queries that several rules make of a spec and its facts."""
