"""Running a plan: the loop, its listeners, checkpoints, events, evaluation, prediction."""
