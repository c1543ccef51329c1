"""Phases: batches, memory, learning rates, sizes, probes."""
