"""A setting without effect, and the reason."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from declare.contract.problem import Problem, Rewrite


@dataclass(frozen=True)
class Idle:
    """The path of an idle setting, its name in messages, the reason, and where that is stated."""

    path: str
    what: str
    why: str
    label: str
    also: Mapping[str, str] = field(default_factory=dict)
    helps: tuple[str, ...] = ()
    removable: bool = True

    def problem(self, code: str) -> Problem:
        """Return the problem."""
        return Problem(
            code,
            f"{self.what} has no effect: {self.why}",
            at=self.path,
            on="key",
            label=self.label,
            also=self.also,
            helps=self.helps or ("remove it",),
            rewrites=(Rewrite("remove it", self.path),) if self.removable else (),
        )
