"""Rules on the hardware that the spec requests."""
