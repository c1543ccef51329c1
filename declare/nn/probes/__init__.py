"""What probes fit on frozen features."""
