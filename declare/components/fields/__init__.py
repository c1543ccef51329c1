"""Components of the kind `fields`: columns of a source, each read as one kind of value."""
