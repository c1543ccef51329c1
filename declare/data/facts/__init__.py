"""Facts of a dataset: fields, types, classes and sizes."""
