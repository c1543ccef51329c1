"""What chooses values and runs trials: one file for each library."""
