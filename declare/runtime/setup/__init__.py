"""Setup of a phase: modules, optimizer and loaders made from the plan, `auto` settings resolved."""
