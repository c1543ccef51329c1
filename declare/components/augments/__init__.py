"""Random changes of whole training batches."""
