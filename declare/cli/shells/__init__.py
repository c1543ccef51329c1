"""What the program hands to shells: snippets to evaluate, completion scripts."""
