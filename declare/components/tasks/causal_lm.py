"""`causal_lm`: the next token of a text."""

from typing import ClassVar

from declare.components.tasks._texts import TextTask
from declare.contract.kinds.task import Target, TaskAdapter


class CausalLm(TextTask):
    """Predicts every token of a text from those before it.

    The target is a `text` field, ids [B, length] with -1 after the end. The task alone shifts: the model sees `bos`
    and the tokens without the last, the targets are the tokens, `eos` included. So the module that reads the text
    must be causal; one that sees later tokens is refused. The head gives logits [B, length, vocabulary]. Texts
    longer than `max_length` make several samples, so that every token is learned (field `text`, `overlong`).
    `dcl predict` goes on from the texts of its input.

    ```yaml
    tasks:
      next: {type: causal_lm, dataset: corpus, target: text, metrics: [perplexity]}
    ```
    """

    also_called: ClassVar[tuple[str, ...]] = (
        "language_modeling",
        "lm",
        "text_generation",
        "gpt",
        "next_token",
    )

    default_metrics: ClassVar[tuple[str, ...]] = ("perplexity", "token_accuracy")
    generates: ClassVar[bool] = True
    prompted: ClassVar[bool] = True
    splits_samples: ClassVar[bool] = True
    attends_to_future: ClassVar[bool | None] = False

    def build(self, target: Target) -> TaskAdapter:
        """Return the adapter."""
        from declare.nn.tasks.next_token import NextToken

        return NextToken(
            target=self.target or "",
            special=target.special,
            mask=self.mask,
            length=target.length,
            unigrams=target.unigrams,
        )
