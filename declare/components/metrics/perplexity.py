"""`perplexity`: how many tokens a model wavers between."""

from typing import Any, ClassVar, Literal

from declare.contract.kinds.metric import Metric
from declare.contract.kinds.task import Target
from declare.contract.prediction import Prediction


class Perplexity(Metric):
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

    takes: ClassVar[frozenset[Prediction]] = frozenset({"token_logits"})
    mode: ClassVar[Literal["max", "min"]] = "min"
    bounds: ClassVar[tuple[float | None, float | None]] = (1.0, None)

    def build(self, target: Target) -> Any:
        """Return the real metric."""
        from declare.nn.metrics.metric import Figure
        from declare.nn.metrics.tokens import TokenSums, perplexity

        return Figure(TokenSums(), perplexity)
