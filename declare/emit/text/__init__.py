"""Writes the text of files: definitions in order, each once, with their imports, formatted."""
