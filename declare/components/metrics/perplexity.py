"""`perplexity`: how many tokens a model wavers between."""

from typing import ClassVar, Literal

from declare.components.metrics._formulas import TokenMetric


class Perplexity(TokenMetric):
    """Exponential of the mean negative log probability of the true tokens.

    Over all tokens that count, whatever text they stand in: padding never, of `masked_lm` hidden tokens alone. A
    model that knows nothing has the size of the vocabulary. It depends on the tokenizer: compare runs with the same
    one. Source: Jelinek et al. 1977.

    ```yaml
    tasks:
      next: {type: causal_lm, dataset: corpus, target: text, metrics: [perplexity]}
    ```
    """

    also_called: ClassVar[tuple[str, ...]] = ("ppl",)

    mode: ClassVar[Literal["max", "min"]] = "min"
    bounds: ClassVar[tuple[float | None, float | None]] = (1.0, None)
    formula: ClassVar[str] = "perplexity"
