"""How commands print what they show: one file per thing."""
