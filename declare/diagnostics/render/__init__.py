"""Output formats: one file each, the file name is the format."""
