"""Listeners to the events of a run: one file for each, independent of the loop."""
