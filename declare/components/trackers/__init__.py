"""Trackers: where metrics are sent besides the run folder."""
