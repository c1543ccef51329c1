"""Rehearsal: a whole run in seconds, on few samples and steps."""
