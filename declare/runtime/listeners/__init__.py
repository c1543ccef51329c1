"""Who hears what happens in a run: one file each, none of them reaches into the loop."""
