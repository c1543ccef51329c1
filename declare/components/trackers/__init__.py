"""Components of the kind `trackers`."""
