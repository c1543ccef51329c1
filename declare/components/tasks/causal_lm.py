"""`causal_lm`: language modelling, the next token of a text."""

from typing import ClassVar

from declare.components.tasks._texts import NextTokenTask


class CausalLm(NextTokenTask):
    """Predicts every token of a text from the tokens before it.

    The target is a `text` field, ids [B, length] with -1 after the end. The task shifts the tokens itself:
    the model reads `bos` and all tokens but the last, the targets are the tokens, including `eos`. The module
    that reads the text must be causal; one that attends to later tokens is refused. The head gives logits [B,
    length, vocabulary]. Texts longer than `max_length` are split into several samples, so that every token is
    a target (field `text`, `overlong`). `dcl predict` continues the texts of its input.

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
