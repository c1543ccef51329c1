"""Metrics of evaluations, for each dataset and overall."""
