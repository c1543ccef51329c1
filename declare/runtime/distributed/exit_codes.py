"""Exit statuses of a run."""

DONE = 0
MISSED = 1
"""Trained, but a metric that the spec expects was missed."""
OUTPUT_LOST = 2
"""Trained, but what it printed could not be written."""
FAILED = 4
STOPPED = 75
"""Stopped on request, with its state saved."""
LOST = 76
"""Ended because another process of its group has gone; the supervisor of the group decides what that means."""
SIGNALLED = 128
"""Plus the number of the signal that ended it."""
