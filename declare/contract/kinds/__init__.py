"""The kinds of components: one base class for each."""
