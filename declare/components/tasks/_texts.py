"""What text tasks share: logits over the vocabulary at every position."""

from collections.abc import Mapping
from typing import ClassVar

from declare.contract.facts import FieldFacts
from declare.contract.kinds.task import Target, Task, TaskAdapter
from declare.contract.prediction import Prediction
from declare.contract.problem import Problem
from declare.contract.shapes import Layout, Shape


class TextTask(Task):
    """A task with logits over the vocabulary at each position."""

    targets: ClassVar[tuple[Layout, ...]] = ("tokens",)
    masks_inputs: ClassVar[bool] = True
    prediction: ClassVar[Prediction] = "token_logits"
    feeds: ClassVar[tuple[Layout, ...]] = ("sequence",)
    default_head: ClassVar[str] = "lm"
    default_loss: ClassVar[str] = "cross_entropy"

    def output(self, facts: FieldFacts) -> Shape:
        """Return one logit for each token of the vocabulary at each position."""
        return Shape("sequence", (None, facts.shape.classes))

    def link(self, facts: Mapping[str, FieldFacts]) -> Target | Problem:
        """Return the target of a text: the size of its vocabulary and its special tokens."""
        first = next(iter(facts.values()))
        if any(item.extra.get("special") != first.extra.get("special") for item in facts.values()):
            title = f"the datasets of `{self.type_name()}` have tokenizers with different special tokens"
            return Problem("LOS409", title, at="target", helps=("use one task for each dataset",))
        return Target(
            prediction=self.prediction,
            output=self.output(first),
            may_miss=True,
            length=max((item.shape.dims[0] or 0 for item in facts.values()), default=0) or None,
            special=dict(first.extra.get("special", {})),
            unigrams=_unigrams(facts),
        )


class NextTokenTask(TextTask):
    """A task that predicts each token of a text from those before it."""

    afresh: ClassVar[bool] = False
    """Whether texts are written from nothing but `bos`, not continued."""

    def build(self, target: Target) -> TaskAdapter:
        """Return the adapter."""
        from declare.nn.tasks.next_token import NextToken

        return NextToken(
            target=self.target or "",
            special=target.special,
            mask=self.mask,
            length=target.length,
            afresh=self.afresh,
            unigrams=target.unigrams,
        )


def _unigrams(facts: Mapping[str, FieldFacts]) -> tuple[int, ...] | None:
    """Return how often each token occurs in the training targets; None if unknown."""
    known = [item.counts.get("train") or item.extra.get("unigrams") for item in facts.values()]
    counts = [row for row in known if row]
    if len(counts) < len(facts) or len({len(row) for row in counts}) != 1:
        return None
    return tuple(sum(column) for column in zip(*counts, strict=True))
