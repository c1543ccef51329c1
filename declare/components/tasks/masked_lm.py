"""`masked_lm`: masked language modelling."""

from collections.abc import Iterable, Mapping
from typing import ClassVar

from pydantic import Field as Param

from declare.components.tasks._texts import TextTask
from declare.contract.facts import FieldFacts
from declare.contract.kinds.task import Target, TaskAdapter
from declare.contract.problem import Problem


class MaskedLm(TextTask):
    """Masks some tokens of a text and predicts them from the others.

    The target is a `text` field, ids [B, length] with -1 after the end. A fraction `ratio` of the tokens of
    each text (at least one) is selected again at every step; a fraction `masked` of them is replaced by the
    token `mask`, a fraction `random` by another token, the rest are unchanged. Only selected tokens count in
    loss and metrics; nothing is shifted. Evaluations always select the same tokens. Source: Devlin et al.
    2019, https://arxiv.org/abs/1810.04805.

    ```yaml
    tasks:
      mlm: {type: masked_lm, dataset: reviews, target: text}
    ```
    """

    also_called: ClassVar[tuple[str, ...]] = ("mlm", "fill_mask")

    default_metrics: ClassVar[tuple[str, ...]] = ("perplexity", "token_accuracy")
    splits_samples: ClassVar[bool] = True
    attends_to_future: ClassVar[bool | None] = True

    ratio: float = Param(0.15, gt=0, lt=1, description="fraction of tokens that are selected for prediction")
    masked: float = Param(
        0.8, ge=0, le=1, description="fraction of selected tokens that are replaced by the token `mask`"
    )
    random: float = Param(
        0.1, ge=0, le=1, description="fraction of selected tokens that are replaced by another token"
    )

    def check(self) -> Iterable[Problem]:
        """Yield a problem for fractions that sum to more than 1."""
        if self.masked + self.random > 1 + 1e-9:
            title = f"`masked: {self.masked:g}` and `random: {self.random:g}` sum to more than 1"
            yield Problem(
                "SCH108", title, at="random", label="more than 1", helps=("their sum must be at most 1",)
            )

    def link(self, facts: Mapping[str, FieldFacts]) -> Target | Problem:
        """Return the target with its special tokens; a problem without a token `mask`, or a token to hide."""
        target = super().link(facts)
        if isinstance(target, Problem):
            return target
        special = set(target.special.values())
        ordinary = [count for token, count in enumerate(target.unigrams or ()) if token not in special]
        if target.unigrams is not None and not any(ordinary):
            helps = ("use a tokenizer that knows the words of the text, such as `tokenizer: word`",)
            title = f"the tokenizer knows no word of `{self.target}`: all its tokens are special ones"
            return Problem("DAT362", title, at="target", label="has no token to hide", helps=helps)
        if "mask" in target.special:
            return target
        helps = ("state it: `tokenizer: {type: file, special: {mask: ...}}`",)
        title = f"the tokenizer of `{self.target}` has no token `mask`"
        return Problem("DAT362", title, at="target", label="needs the token `mask`", helps=helps)

    def uncounted_values(self, facts: FieldFacts) -> tuple[int, ...]:
        """Return the ids of special tokens, which are never hidden."""
        return tuple(sorted(set(facts.extra.get("special", {}).values())))

    def build(self, target: Target) -> TaskAdapter:
        """Return the adapter."""
        from declare.nn.tasks.masked_token import MaskedToken

        return MaskedToken(
            target=self.target or "",
            special=target.special,
            classes=target.output.dims[-1] or 1,
            ratio=self.ratio,
            shares=(self.masked, self.random),
            mask=self.mask,
            unigrams=target.unigrams,
        )
