"""Probes: models fitted on frozen features at the end of a phase."""
