"""`perplexity`: the effective number of tokens between which a model is uncertain."""

from typing import ClassVar, Literal

from declare.components.metrics._formulas import Formula, TokenMetric


class Perplexity(TokenMetric):
    """Exponential of the mean negative log probability of the true tokens.

    Computed over all target tokens of all texts: padding is ignored, and for `masked_lm` only masked tokens
    count. A uniform prediction has the size of the vocabulary as its perplexity. It depends on the tokenizer:
    compare only runs with the same tokenizer. Source: Jelinek et al. 1977.

    ```yaml
    tasks:
      next: {type: causal_lm, dataset: corpus, target: text, metrics: [perplexity]}
    ```
    """

    also_called: ClassVar[tuple[str, ...]] = ("ppl",)

    mode: ClassVar[Literal["max", "min"]] = "min"
    bounds: ClassVar[tuple[float | None, float | None]] = (1.0, None)

    def formula(self) -> Formula:
        """Return the metric from the sums."""
        from declare.nn.metrics.tokens import perplexity

        return perplexity
