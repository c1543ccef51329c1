"""Rules on the data: splits, labels, values."""
