"""Losses: sums over valid targets, minimised in training."""
