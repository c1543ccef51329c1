"""What a component is: shapes, facts, problems, one base class per kind, reading a block, and lookup by name."""
