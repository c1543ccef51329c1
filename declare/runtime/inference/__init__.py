"""Models that are trained: evaluation, prediction, activations."""
