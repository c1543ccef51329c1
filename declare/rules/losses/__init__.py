"""Rules on tasks, losses and metrics against their targets."""
