"""What a phase trains with: losses, optimizer, learning rate, averages of weights."""
