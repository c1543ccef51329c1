"""Reading a block strictly: every error in one go, each with its path; what failed becomes POISON."""

from declare.contract.poison import POISON

__all__ = ["POISON"]
