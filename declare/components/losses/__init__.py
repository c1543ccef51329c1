"""What training makes small: sums over valid targets."""
