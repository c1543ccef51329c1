"""Queries: what several rules ask of a spec and its facts."""
