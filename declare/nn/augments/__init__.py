"""Random changes of whole training batches as plain PyTorch."""
