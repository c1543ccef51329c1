"""Rules on the inputs of modules, beyond their shapes."""
