"""`seq2seq`: one text from another input."""

from typing import ClassVar

from declare.components.tasks._texts import NextTokenTask


class Seq2seq(NextTokenTask):
    """Generates a text token by token, conditioned on another input.

    The target is a `text` field, ids [B, length] with -1 after the end. In training the decoder reads the
    target shifted to the right with `bos` in front (teacher forcing): every module that reads the target
    field reads the shifted one; the targets are the tokens, including `eos`. The head gives logits [B,
    length, vocabulary]. `token_accuracy` counts tokens given the true ones before them; `exact_match` is the
    fraction of texts that greedy generation reproduces exactly. `dcl predict` needs only the columns that the
    encoder reads.

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

    default_metrics: ClassVar[tuple[str, ...]] = ("token_accuracy", "exact_match", "perplexity")
    generates: ClassVar[bool] = True
    attends_to_future: ClassVar[bool | None] = False
    afresh: ClassVar[bool] = True
