"""Components of the kind `tasks`."""
