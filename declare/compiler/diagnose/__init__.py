"""From problems at spec paths to diagnostics at places in the text."""
