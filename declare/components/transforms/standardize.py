"""Zero mean and unit variance, by the statistics of the training split."""

from collections.abc import Iterable, Mapping, Sequence
from typing import ClassVar

from declare.contract.kinds.transform import Transform
from declare.contract.problem import Problem
from declare.contract.shapes import Array, Shape
from declare.contract.torch_types import TorchTensor


class Standardize(Transform):
    """Subtracts the mean and divides by the standard deviation of each feature or channel.

    The statistics are those of the training split without missing values; they are stored in the run. Means
    are subtracted in float64, before values are rounded to the model's precision. A constant feature is only
    centred. Shapes do not change. For a target it is undone in predictions and metrics, which are in the
    data's own units.

    Example:
        ```yaml
        transforms: [{type: standardize, field: features}]
        ```
    """

    normalises: ClassVar[bool] = True
    also_called: ClassVar[tuple[str, ...]] = (
        "zscore",
        "z_score",
        "StandardScaler",
        "standard_scaler",
        "minmax",
        "MinMaxScaler",
        "RobustScaler",
        "scale",
    )

    fitted: ClassVar[bool] = True
    invertible: ClassVar[bool] = True
    affine: ClassVar[bool] = True

    def infer(self, shape: Shape) -> Shape | Problem:
        """Return the same shape, float32; classes and identifiers cannot be standardised."""
        if shape.layout not in {"number", "vector", "series", "counts", "video", "sequence"}:
            return Problem(
                "SHP511", f"standardize takes numbers, not {shape}", helps=("use `normalize` for images",)
            )
        return shape._replace(dtype="float32")

    def fit(self, batches: Iterable[Array]) -> dict[str, list[float]]:
        """Return mean and std of each feature over batches [rows, channels, ...]."""
        import numpy as np

        from declare.components.transforms._moments import ChannelMoments

        moments = ChannelMoments()
        for values in batches:
            moments.add(values.reshape(len(values), -1) if values.ndim <= 2 else values)
        std = np.atleast_1d(moments.std())
        return {"mean": np.atleast_1d(moments.mean()).tolist(), "std": np.where(std > 0, std, 1.0).tolist()}

    def apply(self, values: Array, statistics: dict[str, list[float]]) -> Array:
        """Return (values - mean) / std in float64."""
        import numpy as np

        form = (-1,) + (1,) * (values.ndim - 2) if values.ndim > 1 else (-1,)
        mean = np.asarray(statistics["mean"], np.float64).reshape(form)
        std = np.asarray(statistics["std"], np.float64).reshape(form)
        return np.asarray((values - mean) / std)

    def invert(self, values: TorchTensor, statistics: Mapping[str, Sequence[float]]) -> TorchTensor:
        """Return values * std + mean."""
        from declare.components.transforms._moments import restore

        return restore(values, statistics)
