"""Rules on what the data say: splits, labels, values."""
