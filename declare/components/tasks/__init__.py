"""Tasks: how targets are taken from batches and predictions from outputs."""
