"""Datasets in memory: encoded arrays, decoded samples, statistics."""
