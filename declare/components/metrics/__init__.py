"""Figures of evaluations, for each dataset and overall."""
