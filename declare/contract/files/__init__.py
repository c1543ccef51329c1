"""Files that sources read: listings of folders, names of splits, picture formats, weights."""
