"""Rows with an empty split column or group are easily overlooked."""

from collections.abc import Iterator

from declare.contract.problem import Problem
from declare.rules.spec_parts import datasets, get
from declare.rules.spec_view import View

CODE = "DAT381"
STAGE = "facts"


def check(view: View) -> Iterator[Problem]:
    """Yield a problem for each dataset with rows whose split column is empty, or that belong to no group."""
    for dataset in datasets(view):
        facts = view.facts.get(dataset.name)
        column, by = (get(dataset.block, "split", key) for key in ("column", "by"))
        if facts is None:
            continue
        num_unassigned = facts.num_samples - sum(facts.splits.values())
        if isinstance(column, str) and facts.splits and num_unassigned > 0:
            yield Problem(
                CODE,
                f"{num_unassigned} of {facts.num_samples} samples have an empty `{column[:24]}`",
                at=f"{dataset.path}.split.column",
                label="they belong to no split",
                helps=("write train, val or test in each row, or remove the rows",),
            )
        gone = sum(facts.missing.get(by, {}).values()) if isinstance(by, str) else 0
        if gone:
            yield Problem(
                CODE,
                f"{gone} of {facts.num_samples} samples have an empty `{str(by)[:24]}`",
                at=f"{dataset.path}.split.by",
                label="they are split as one group",
                helps=(f"give each row its own `{by}`, or remove the rows",),
            )
