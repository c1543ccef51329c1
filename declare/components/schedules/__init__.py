"""Components of the kind `schedules`."""
