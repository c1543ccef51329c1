"""Pixels on the scale that a network expects."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, ClassVar, Literal

from pydantic import Field as Param

from declare.contract.facts import FieldFacts
from declare.contract.kinds.transform import Transform
from declare.contract.problem import Problem
from declare.contract.shapes import Array, Shape
from declare.contract.torch_types import TorchModule, TorchTensor

_MARGIN = 0.5
"""How far values of 0..1 may go beyond it by interpolation."""
_DONE = "normalised"
IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


class Normalize(Transform):
    """(pixels / 255 - mean) / std for each channel, computed on the batch and on the device; gives float32.

    `mean` and `std` are on the scale 0..1. Videos are not divided by 255, since their values are not rescaled:
    `mean` and `std` are then in their units (DAT390 if they cannot be). `imagenet` uses the statistics of
    ImageNet; by default those of the training split are used.

    Example:
        ```yaml
        transforms: [{type: normalize, field: image, mean: imagenet}]
        ```
    """

    normalises: ClassVar[bool] = True
    stored: ClassVar[bool] = False
    fitted: ClassVar[bool] = True
    invertible: ClassVar[bool] = True
    affine: ClassVar[bool] = True

    mean: Annotated[list[float], Param(min_length=1)] | Literal["imagenet"] | None = Param(
        None, description="mean of each channel, or `imagenet`"
    )
    std: list[float] | None = Param(None, min_length=1, description="standard deviation of each channel")

    def check(self) -> Iterable[Problem]:
        """Yield a problem for `mean` and `std` that do not match."""
        if isinstance(self.mean, list) != (self.std is not None):
            lone, other = ("mean", "std") if self.std is None else ("std", "mean")
            title = f"`{lone}` is stated without `{other}`"
            helps = (f"state `{other}` too, one number for each channel, or neither, to use the data's",)
            yield Problem("DAT334", title, at=lone, label="one of two", helps=helps)
        elif isinstance(self.mean, list) and self.std is not None:
            if len(self.mean) != len(self.std):
                title = f"{len(self.mean)} means and {len(self.std)} standard deviations"
                helps = ("state one `mean` and one `std` for each channel",)
                yield Problem("DAT334", title, at="std", label=f"{len(self.std)} here", helps=helps)
            elif min(self.std) <= 0:
                title = f"`std` is {min(self.std):g}, but a standard deviation is above 0"
                helps = ("write the standard deviation of each channel on the scale 0 to 1, such as 0.25",)
                yield Problem("DAT334", title, at="std", label="not above 0", helps=helps)

    def infer(self, shape: Shape) -> Shape | Problem:
        """Return the same image, float32."""
        if shape.layout not in {"image", "video"}:
            return Problem(
                "SHP511",
                f"normalize takes images, not {shape}",
                at="type",
                label="changes images",
                helps=("use `standardize`",),
            )
        number = len(self.mean) if isinstance(self.mean, list) else 3 if self.mean == "imagenet" else None
        if number not in {None, 1, shape.dims[0]}:
            helps = (f"state {shape.dims[0]} means and standard deviations, or neither, to use the data's",)
            title = f"{number} means for {shape.dims[0]} channels"
            return Problem("SHP508", title, at="mean", label=f"{number} here", helps=helps)
        return self._of_another_scale(shape) or shape._replace(dtype="float32")

    def _of_another_scale(self, shape: Shape) -> Problem | None:
        """Return the problem that `mean` or `std` cannot be those of pixels, which are bytes, on the scale 0..1."""
        mean = self.mean if isinstance(self.mean, list) else [0.0]
        for key, values in (("mean", mean), ("std", self.std or [1.0])):
            wrong = next((value for value in values if not 0 <= value <= 1), None)
            if wrong is not None and shape.dtype == "uint8":
                shares = [float(f"{value / 255:.4g}") for value in values]
                return Problem(
                    "DAT334",
                    f"`{key}` is {wrong:g}, but pixels are on the scale 0 to 1 here",
                    at=key,
                    label="of another scale",
                    notes=("pixels are divided by 255 first",),
                    helps=(f"write `{key}: {shares}` if it is on the scale 0 to 255",),
                )
        return None

    def facts_after(self, facts: FieldFacts) -> FieldFacts:
        """Return the facts with a mark that the field is normalised."""
        return facts.model_copy(update={"extra": facts.extra | {_DONE: True}})

    def check_facts(self, facts: Mapping[str, FieldFacts]) -> Problem | None:
        """Return the problem that a field is normalised already, or that `mean` is of another scale, or None."""
        names = (self.field, *(self.fields or ()))
        done = next((name for name in names if name in facts and facts[name].extra.get(_DONE)), None)
        if done is not None:
            helps = ("remove one of them, or state `on: train` and `on: eval`",)
            title = f"`{done}` is normalised already"
            return Problem("SHP511", title, at="type", label="a second time", helps=helps)
        return self._of_another_unit(facts)

    def _of_another_unit(self, facts: Mapping[str, FieldFacts]) -> Problem | None:
        """Return the problem that `mean` is of the scale 0..1 but the numbers of a field are not, or None."""
        mean = IMAGENET[0] if self.mean == "imagenet" else self.mean or ()
        names = (self.field, *(self.fields or ())) if mean and max(mean) <= 1 else ()
        for name in names:
            known = facts.get(name or "")
            if (
                known is None
                or known.shape.dtype == "uint8"
                or known.minimum is None
                or known.maximum is None
            ):
                continue
            if known.minimum < -_MARGIN or known.maximum > 1 + _MARGIN:
                return Problem(
                    "DAT390",
                    f"`{name}` has values from {known.minimum:.4g} to {known.maximum:.4g}, but `mean` is for 0 to 1",
                    at="mean",
                    label="of another scale",
                    notes=("videos are not rescaled when they are read: only images are divided by 255",),
                    helps=(
                        "remove `mean` and `std`: those of the training split are then used",
                        "or state both in the units of the values: times 255 for bytes",
                    ),
                )
        return None

    def fit(self, batches: Iterable[Array]) -> dict[str, list[float]]:
        """Return mean and std of each channel on the scale 0..1."""
        import numpy as np

        from declare.components.transforms._moments import ChannelMoments

        if self.mean == "imagenet":
            return {"mean": list(IMAGENET[0]), "std": list(IMAGENET[1])}
        if self.mean is not None:
            return {"mean": list(self.mean), "std": list(self.std or ())}
        moments = ChannelMoments()
        for values in batches:
            moments.add(values / 255 if values.dtype == np.uint8 else values)
        std = moments.std()
        return {"mean": moments.mean().tolist(), "std": np.where(std > 0, std, 1.0).tolist()}

    def apply(self, values: Array, statistics: dict[str, list[float]]) -> Array:
        """Return what the module makes of a batch, in float64."""
        import numpy as np

        form = (-1,) + (1,) * (values.ndim - 2)
        mean, std = (np.asarray(statistics[key], np.float64).reshape(form) for key in ("mean", "std"))
        return np.asarray((values / (255 if values.dtype == np.uint8 else 1) - mean) / std)

    def build(self, shape: Shape, statistics: dict[str, list[float]]) -> TorchModule:
        """Return the module that normalises a batch [B, C, ...]."""
        from declare.nn.transforms.normalize import Normalize as Module

        return Module(statistics["mean"], statistics["std"], num_axes=len(shape.dims))

    def invert(self, values: TorchTensor, statistics: Mapping[str, Sequence[float]]) -> TorchTensor:
        """Return pixels on the scale 0..1: values * std + mean of each channel."""
        from declare.components.transforms._moments import restore

        return restore(values, statistics)
