"""Rules on phases: tasks, initial weights, schedules, durations."""
