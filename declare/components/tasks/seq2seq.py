"""`seq2seq`: one text from another."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from declare.components.tasks._texts import link_text, scores
from declare.contract.facts import FieldFacts
from declare.contract.kinds.task import Target, Task, TaskAdapter
from declare.contract.prediction import Prediction
from declare.contract.problem import Problem
from declare.contract.shapes import Layout, Shape


class Seq2seq(Task):
    """Writes a text token by token from what a decoder sees of another input.

    The target is a `text` field, ids [B, length] with -1 after the end. In training the decoder sees the target
    shifted to the right with `bos` in front (teacher forcing): wherever the model reads the target field, it reads
    the shifted one; the targets are the tokens, `eos` included. The head gives logits [B, length, vocabulary].
    `token_accuracy` counts tokens given the true ones before them; `exact_match` is the share of texts that greedy
    writing gets right from end to end. `dcl predict` needs the columns that the encoder reads alone.

    ```yaml
    tasks:
      reverse: {type: seq2seq, dataset: pairs, target: target, head: {type: lm, input: decoder}}
    ```
    """

    also_called: ClassVar[tuple[str, ...]] = (
        "translation",
        "summarization",
        "seq2seq_lm",
        "text2text",
        "text2text_generation",
        "encoder_decoder",
    )

    targets: ClassVar[tuple[Layout, ...]] = ("tokens",)
    hides: ClassVar[bool] = True
    prediction: ClassVar[Prediction] = "token_logits"
    feeds: ClassVar[tuple[Layout, ...]] = ("sequence",)
    default_head: ClassVar[str] = "lm"
    default_loss: ClassVar[str] = "cross_entropy"
    default_metrics: ClassVar[tuple[str, ...]] = ("token_accuracy", "exact_match", "perplexity")
    generates: ClassVar[bool] = True
    ahead: ClassVar[bool | None] = False

    def output(self, facts: FieldFacts) -> Shape | Problem:
        """Return one logit for each token of the vocabulary at each position."""
        return scores(facts)

    def link(self, facts: Mapping[str, FieldFacts]) -> Target | Problem:
        """Return the target with its special tokens."""
        return link_text(self, facts)

    def build(self, target: Target) -> TaskAdapter:
        """Return the adapter."""
        from declare.nn.tasks.next_token import NextToken

        return NextToken(
            target=self.target or "",
            special=target.special,
            mask=self.mask,
            length=target.length,
            afresh=True,
            unigrams=target.unigrams,
        )
