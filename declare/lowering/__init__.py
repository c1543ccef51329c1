"""Plan to PyTorch: model, losses, metrics, loaders, optimizers."""
