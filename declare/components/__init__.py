"""The catalogue: one folder per kind, one file per component; the file name is its type."""
