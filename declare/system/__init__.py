"""The machine and the user's account: cache folder, worker processes with limits, memory, trusted code."""
