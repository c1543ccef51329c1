"""The spec language: text to a composed tree with spans, and the strict models of the spec."""
