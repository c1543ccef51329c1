"""`calibration_error`: how far confidence is from being right."""

from typing import Any, ClassVar, Literal

from pydantic import Field as Param

from declare.contract.kinds.metric import Metric
from declare.contract.kinds.task import Target
from declare.contract.prediction import Prediction


class CalibrationError(Metric):
    """Expected calibration error: the mean distance between confidence and share of right samples.

    Takes class logits [N, classes], of pixels too; samples are put into bins of equal width by the
    probability of their likeliest class. Missing labels do not count. Source: Guo et al. 2017,
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

    bins: int = Param(15, ge=2, description="number of bins of confidence")

    def build(self, target: Target) -> Any:
        """Return the real metric."""
        from declare.nn.metrics.calibration import Confidence, expected_error
        from declare.nn.metrics.metric import Figure

        return Figure(Confidence(self.bins), expected_error)
