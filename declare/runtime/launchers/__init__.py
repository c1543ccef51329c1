"""Who starts the processes of a run other than PyTorch's launcher: one file for each library."""
