"""What goes wrong with data during a run: unreadable samples, stalled reads, changed files."""
