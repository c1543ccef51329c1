"""The developers' own commands: generate, check, scaffold."""
