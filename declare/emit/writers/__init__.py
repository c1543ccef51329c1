"""Writers of the files of a program."""
