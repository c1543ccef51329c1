"""A convolutional core over video, for neural responses.

Stages of convolution over space and time, batch norm and ELU, without pooling: every place keeps its
features, so that readouts can find the receptive field of each neuron. The output contains the features of
all stages (`stack`), since neurons differ in how nonlinear they are.

Takes a video [channels, frames, height, width]. Time is not padded: each stage removes (`kernel` - 1) frames.
Gives `output`, a feature map [features, height, width] if one frame is left, else a video. A kernel that
spans all frames is computed as a 2D convolution with frames as channels. Source: Klindt et al. 2017 and Lurz
et al. 2021 for cores shared by neurons; Tran et al. 2015 for convolution over space and time.

```yaml
model:
  core: {type: conv3d, input: stimulus, channels: [16, 16], kernel: [6, 9, 9]}
```
"""

from collections.abc import Iterable
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field as Param

from declare.components.modules import _pretrained
from declare.contract.kinds.module import Costs, Inputs, Module, Outputs, Padding, Port
from declare.contract.nodes.costs import CostCounter, size
from declare.contract.nodes.input_check import check_inputs, check_kernel
from declare.contract.problem import Problem
from declare.contract.shapes import Dim, Shape
from declare.contract.torch_types import TorchModule

Side = Annotated[int, Param(gt=0)]
Kernel = Annotated[list[Side], Param(min_length=3, max_length=3)]
_AXES = ("frames", "height", "width")


class Conv3d(Module):
    """Stages of convolution over space and time, norm and activation."""

    ports: ClassVar[tuple[Port, ...]] = (Port("input", ("video",)),)
    random: ClassVar[bool] = False

    channels: list[Side] = Param(
        [16, 16], min_length=1, max_length=1_000, description="output channels of each stage"
    )
    kernel: Side | Kernel = Param(
        [5, 9, 9], description="kernel of the first stage: [frames, height, width], or one size"
    )
    hidden_kernel: Side | Kernel = Param([1, 3, 3], description="kernel of the later stages")
    norm: Literal["batch", "group", "none"] = Param(
        "batch", description="norm between convolution and activation"
    )
    activation: Literal["elu", "relu", "gelu", "silu", "softplus", "none"] = Param(
        "elu", description="activation after each convolution"
    )
    padding: Literal["same", "valid"] = Param(
        "same", description="`same`: zero padding keeps height and width; `valid`: no padding"
    )
    stack: bool = Param(
        True, description="whether the output contains the features of all stages, or only of the last"
    )

    def check(self) -> Iterable[Problem]:
        """Yield a problem for an even kernel size with `padding: same`, which needs a centre."""
        for key, kernel in (("kernel", self.kernel), ("hidden_kernel", self.hidden_kernel)):
            used = key == "kernel" or len(self.channels) > 1
            for side in _sides(kernel)[1:] if used and self.padding == "same" else ():
                if problem := check_kernel(self, side, key=key):
                    yield problem
                    break

    def infer(self, inputs: Inputs) -> Outputs | Problem:
        """Return the feature map, or the feature video if several frames are left."""
        if problem := check_inputs(self, inputs):
            return problem
        sizes: tuple[Dim, ...] = inputs["input"][0].dims[1:]
        for stage, kernel in enumerate(self._kernels()):
            for axis, (length, side) in enumerate(zip(sizes, kernel, strict=True)):
                if length is not None and side > length:
                    return self._too_large(stage, axis, length)
            sizes = self._sizes_after(sizes, kernel)
        features = sum(self.channels) if self.stack else self.channels[-1]
        if sizes[0] == 1:
            return {"output": Shape("image", (features, *sizes[1:]))}
        return {"output": Shape("video", (features, *sizes))}

    def _kernels(self) -> list[tuple[int, int, int]]:
        later = [_sides(self.hidden_kernel)] * (len(self.channels) - 1)
        return [_sides(self.kernel), *later]

    def _sizes_after(self, sizes: tuple[Dim, ...], kernel: tuple[int, int, int]) -> tuple[Dim, ...]:
        kept = (False, self.padding == "same", self.padding == "same")
        return tuple(
            size if keep or size is None else size - side + 1
            for size, side, keep in zip(sizes, kernel, kept, strict=True)
        )

    def _too_large(self, stage: int, axis: int, size: int) -> Problem:
        key = "hidden_kernel" if stage else "kernel"
        side = self._kernels()[stage][axis]
        extent = f"stage {stage + 1} has {size} left" if stage else f"the input has {size}"
        unit = "frames" if axis == 0 else f"pixels of {_AXES[axis]}"
        stated = getattr(self, key)
        return Problem(
            "SHP518",
            f"the kernel spans {side} {unit}, but {extent}",
            at=f"{key}.{axis}" if isinstance(stated, list) and key in self.model_fields_set else key,
            label=f"at most {size}",
            helps=(f"use a kernel of at most {size} {unit}",),
        )

    def padding_policy(self) -> Padding:
        """Return that norms use only a sample's own frames; time is not padded."""
        return Padding(lengths_of="input")

    def output_lengths(self, lengths: Any, inputs: Inputs) -> Any:
        """Return the number of frames after all stages."""
        return lengths - sum(frames - 1 for frames, _, _ in self._kernels())

    def batch_norm_values(self, inputs: Inputs) -> int | None:
        """Return the number of values that batch norm averages over: the places and frames of the last stage."""
        sizes = inputs["input"][0].dims[1:]
        for kernel in self._kernels():
            sizes = self._sizes_after(sizes, kernel)
        return size(sizes) if self.norm == "batch" else None

    def costs(self, inputs: Inputs) -> Costs:
        """Return the costs of the stages."""
        before, *rest = inputs["input"][0].dims
        sizes, width, tally = tuple(rest), before or 0, CostCounter()
        for after, kernel in zip(self.channels, self._kernels(), strict=True):
            sizes = self._sizes_after(sizes, kernel)
            tally.conv(width, after, kernel, sizes, bias=self.norm == "none")
            if self.norm != "none":
                tally.norm(after, sizes)
            if self.activation != "none":
                tally.write(after, sizes)
            width = after
        return tally.costs()

    def build(self, inputs: Inputs) -> TorchModule:
        """Return the torch module."""
        from declare.nn.modules.conv3d import Conv3d as Real

        outputs = self.infer(inputs)
        assert not isinstance(outputs, Problem)
        real = Real(
            inputs["input"][0].dims[0] or 0,
            self.channels,
            self._kernels(),
            norm=self.norm,
            activation=self.activation,
            pad=self.padding == "same",
            squeeze=outputs["output"].layout == "image",
            stack=self.stack,
        )
        return _pretrained.start(real, self.pretrained)


def _sides(kernel: int | list[int]) -> tuple[int, int, int]:
    if isinstance(kernel, int):
        return kernel, kernel, kernel
    frames, height, width = kernel
    return frames, height, width
