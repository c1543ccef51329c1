"""Processes of one run: starting, watching, connecting and stopping them."""
