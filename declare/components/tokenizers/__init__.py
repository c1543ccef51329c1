"""Components of the kind `tokenizers`."""
