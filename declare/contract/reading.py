"""Reading a block strictly: every error in one go, each with its path; what failed becomes POISON."""
