"""The last layers of tasks as plain PyTorch."""
