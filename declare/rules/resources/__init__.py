"""Rules on memory and batches."""
