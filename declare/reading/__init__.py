"""Reading blocks: strict values, components by name, and the problems of what is wrong."""
