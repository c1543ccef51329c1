"""The graph: nodes, heads and targets with their shapes."""
