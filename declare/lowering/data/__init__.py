"""Batches: tables of tensors, loaders, augments, sizes."""
