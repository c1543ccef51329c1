"""Batch-time transforms."""
