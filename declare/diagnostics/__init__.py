"""What an error is: the diagnostic, where it points, the catalogue of codes, and how it is printed."""
