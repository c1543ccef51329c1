"""What classification tasks share: names and training counts of the classes, pooled over datasets."""

from collections.abc import Iterator, Mapping
from typing import ClassVar

from declare.contract.facts import FieldFacts
from declare.contract.kinds.task import Target, Task
from declare.contract.problem import Problem


class ClassTask(Task):
    """A task over named classes; `output` defines the shape of its logits."""

    may_miss_parts: ClassVar[bool] = False
    """Whether entries of a target may be missing without being counted in the facts."""

    def link(self, facts: Mapping[str, FieldFacts]) -> Target | Problem:
        """Return the target with its classes and their counts in the training splits."""
        first = next(iter(facts.values()))
        output = self.output(first)
        if isinstance(output, Problem):
            return output
        return Target(
            prediction=self.prediction,
            output=output,
            classes=first.classes,
            counts=_counts(facts),
            may_miss=self.may_miss_parts or may_miss(self, facts),
        )


def no_classes(task: Task) -> Problem:
    """Return the problem that the classes of the target are unknown."""
    return Problem(
        "LOS408",
        f"`{task.type_name()}` needs a target with named classes, but `{task.target}` has none",
        at="target",
        label="no classes",
        helps=("declare the field as `{type: category}` and state its `classes`",),
    )


def may_miss(task: Task, facts: Mapping[str, FieldFacts]) -> bool:
    """Return whether some targets are missing, in the data or by the task's mask."""
    return task.mask is not None or any(item.num_missing or item.num_nonfinite for item in facts.values())


def _counts(facts: Mapping[str, FieldFacts]) -> tuple[int, ...] | None:
    counts = [item.counts["train"] for item in facts.values() if item.counts.get("train")]
    if len(counts) < len(facts):
        return None
    return tuple(sum(row) for row in zip(*counts, strict=True))


class OneClassTask(ClassTask):
    """A task in which each sample, or each word, is of one class."""

    def check_facts(self, facts: Mapping[str, FieldFacts]) -> Iterator[Problem]:
        """Yield a problem (LOS412) if the task's mask leaves only one of several classes in training."""
        if self.mask is None:
            return
        if len({item.classes for item in facts.values()}) > 1:  # each dataset has its own head
            for name, item in facts.items():
                yield from self.check_facts({name: item})
            return
        present = [index for index, number in enumerate(_counts(facts) or ()) if number]
        if len(present) != 1:
            return
        name = (next(iter(facts.values())).classes or ("",))[present[0]]
        yield Problem(
            "LOS412",
            f"`{self.mask}` leaves one class of target `{self.target}` in training: `{name}`",
            at="target",
            label="every valid sample has this class",
            helps=(f"look at the values of `{self.mask}`: true where a target counts",),
        )
