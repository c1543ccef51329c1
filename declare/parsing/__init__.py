"""Parsing of blocks: strict values, components by name, and their problems."""
