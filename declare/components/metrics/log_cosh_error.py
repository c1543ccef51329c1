"""`log_cosh_error`: the mean log cosh of errors."""

from typing import ClassVar

from declare.components.metrics._formulas import Cost, ValueErrorMetric


class LogCoshError(ValueErrorMetric):
    """Mean of log(cosh(error)): about half the squared error if small, the absolute error minus log 2 if large.

    Takes values [N] or [N, width], over all values; missing targets are ignored. Source: any textbook.

    ```yaml
    tasks:
      age: {type: regression, dataset: people, target: age, metrics: [log_cosh_error]}
    ```
    """

    also_called: ClassVar[tuple[str, ...]] = ("logcosh",)

    def formula(self) -> Cost:
        """Return the cost of each value."""
        from declare.nn.metrics.regression import log_cosh

        return log_cosh
