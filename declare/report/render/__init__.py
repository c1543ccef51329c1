"""Renderers of a report: one file each."""
