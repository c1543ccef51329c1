"""Starting a spec: from a template, from a data file, or from answers."""
