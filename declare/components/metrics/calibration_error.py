"""`calibration_error`: the difference between confidence and accuracy."""

from typing import Any, ClassVar, Literal

from pydantic import Field as Param

from declare.contract.kinds.metric import Metric
from declare.contract.kinds.task import Target
from declare.contract.prediction import Prediction


class CalibrationError(Metric):
    """Expected calibration error: the mean difference between confidence and accuracy over bins.

    Takes class logits [N, classes] (also of pixels); samples are put into bins of equal width by the
    probability of their most likely class. Missing labels are ignored. Source: Guo et al. 2017,
    https://arxiv.org/abs/1706.04599.

    ```yaml
    tasks:
      digit: {type: classification, dataset: digits, target: label, metrics: [accuracy, calibration_error]}
    ```
    """

    also_called: ClassVar[tuple[str, ...]] = ("ece", "expected_calibration_error")

    takes: ClassVar[frozenset[Prediction]] = frozenset({"class_logits", "pixel_logits"})
    mode: ClassVar[Literal["max", "min"]] = "min"
    bounds: ClassVar[tuple[float | None, float | None]] = (0.0, 1.0)

    bins: int = Param(15, ge=2, description="number of confidence bins")

    def build(self, target: Target) -> Any:
        """Return the torch module."""
        from declare.nn.metrics.calibration import Confidence, expected_error
        from declare.nn.metrics.metric import AccumulatedMetric

        return AccumulatedMetric(Confidence(self.bins), expected_error)
