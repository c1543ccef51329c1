"""Writes `model.py`: classes of modules, and what the model computes for each set of datasets and tasks."""
