"""Evaluation: metrics and losses on a split, composites, linear probes."""
