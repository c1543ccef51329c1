"""How losses of several tasks become one gradient, as plain PyTorch."""
