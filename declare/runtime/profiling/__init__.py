"""Measurements: time of steps, throughput, the overfit check."""
