"""Files that sources read: listings of folders, names of splits, image formats, weights."""
