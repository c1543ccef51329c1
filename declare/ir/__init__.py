"""The stage types between compiler and runtime: facts read from data, and the plan."""
