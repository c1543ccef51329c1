"""`reconstruction`: masked parts of a signal or image."""

from collections.abc import Iterable, Mapping
from typing import ClassVar, Literal

from pydantic import Field as Param

from declare.contract.facts import FieldFacts
from declare.contract.kinds.task import Target, Task, TaskAdapter
from declare.contract.kinds.transform import Effect
from declare.contract.lengths import KEY
from declare.contract.prediction import Prediction
from declare.contract.problem import Problem
from declare.contract.shapes import Layout, Shape
from declare.parsing.inverse_transforms import inverse


class Reconstruction(Task):
    """Masks parts of a field and predicts them from the rest (masked modelling).

    The target is the field that the model reads: `series` [B, channels, time], `image` [B, channels, height,
    width], `sequence` or `vector`. At every step a fraction `ratio` of its blocks (of `block` steps, or
    squares of `block` pixels) is selected again and replaced by zeros or noise; only masked elements count in
    loss and metrics. Evaluations always mask the same blocks. Blocks are within each sample; a sample no
    longer than a block is not masked. Metrics are in the units of the data: a `log` of the field is undone
    for them, and they do not depend on shift and scale (`standardize`, `normalize`). If the shapes of several
    datasets differ, state `per_dataset: true` in the head. Source: He et al. 2022 (masked autoencoders),
    https://arxiv.org/abs/2111.06377.

    ```yaml
    tasks:
      mem: {type: reconstruction, dataset: tuh, target: eeg, ratio: 0.5, block: 20}
    ```
    """

    also_called: ClassVar[tuple[str, ...]] = ("autoencoder", "autoencoding", "mae", "denoising")

    targets: ClassVar[tuple[Layout, ...]] = ("series", "image", "sequence", "vector")
    masks_inputs: ClassVar[bool] = True
    prediction: ClassVar[Prediction] = "reconstruction"
    feeds: ClassVar[tuple[Layout, ...]] = ("sequence", "vector")
    default_head: ClassVar[str] = "decoder"
    default_loss: ClassVar[str] = "masked_mse"
    default_metrics: ClassVar[tuple[str, ...]] = ("nrmse",)
    target_effects: ClassVar[frozenset[Effect]] = frozenset({"units", "range", "places"})
    scale_free: ClassVar[bool] = True

    ratio: float = Param(0.5, gt=0, lt=1, description="fraction of blocks that are masked")
    block: int | None = Param(
        None,
        gt=0,
        description=(
            "size of a block in steps, or in pixels along each side; default: a tenth of the length"
        ),
    )
    channels: Literal["all", "each"] = Param(
        "all", description="whether a block masks all channels, or each channel separately"
    )
    fill: Literal["zero", "noise"] = Param("zero", description="what masked elements are replaced by")

    def output(self, facts: FieldFacts) -> Shape | Problem:
        """Return the field's own shape."""
        return Shape(facts.shape.layout, facts.shape.dims)

    def link(self, facts: Mapping[str, FieldFacts]) -> Target | Problem:
        """Return the target."""
        output = self.output(next(iter(facts.values())))
        if isinstance(output, Problem):
            return output
        longest = max((item.extra.get(KEY, (0, 0))[1] for item in facts.values()), default=0)
        return Target(prediction=self.prediction, output=output, length=longest or None)

    def check_facts(self, facts: Mapping[str, FieldFacts]) -> Iterable[Problem]:
        """Yield a problem for blocks as long as the field, which would mask all or nothing of a sample."""
        for name, item in facts.items():
            sizes = self._sizes(item)
            if not sizes or min(sizes) == 0:
                continue
            block = self._block(sizes[0])
            if any(size > block for size in sizes):
                continue
            helps = (f"choose a block of {max(1, max(sizes) // 10)}",) if max(sizes) > 1 else ()
            yield Problem(
                "LOS424",
                f"a block of {block} covers all {max(sizes)} of `{self.target}` in `{name}`",
                at="block" if self.block is not None else "target",
                label="nothing stays visible",
                helps=helps or ("use a longer field: a single step cannot be masked in part",),
            )

    @staticmethod
    def _sizes(facts: FieldFacts) -> tuple[int, ...]:
        """Return the sizes of the longest sample along each axis that blocks divide; none if unknown."""
        shape, longest = facts.shape, facts.extra.get(KEY, (0, None))[1]
        places = shape.dims[1:] if shape.layout in {"series", "image"} else shape.dims[:1]
        known = [longest if size is None else size for size in places]
        return tuple(size for size in known if size is not None) if None not in known else ()

    def _block(self, length: int) -> int:
        return self.block or max(1, length // 10)

    @staticmethod
    def _length(shape: Shape) -> int | None:
        return shape.dims[1] if shape.layout in {"series", "image"} else shape.dims[0]

    def build(self, target: Target) -> TaskAdapter:
        """Return the adapter."""
        from declare.nn.tasks.reconstruction import Reconstruction as Real

        return Real(
            target=self.target or "",
            mask=self.mask,
            ratio=self.ratio,
            block=self._block(self._length(target.output) or target.length or 1),
            channels_first=target.output.layout in {"series", "image"},
            per_channel=self.channels == "each",
            noise=self.fill == "noise",
            undo=inverse(target.undo),
        )
