"""The learning rate over a phase."""
