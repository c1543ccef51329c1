"""What a phase costs: bytes in memory and FLOPs, of a step and of an evaluation, by purpose and by module."""

from typing import Literal

from pydantic import BaseModel, ConfigDict


class _Costs(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class MemoryCosts(_Costs):
    """Bytes of tensors by purpose when most are alive; `total` is their sum.

    `activations` are what a forward pass keeps, `workspace` what operations of a backward pass or an update hold for
    a moment. Kernels' own space, an allocator's fragments and samples that are kept whole come on top.
    """

    total: int
    weights: int
    gradients: int
    optimizer: int
    average: int
    activations: int
    batch: int
    workspace: int


class ModuleCosts(_Costs):
    """The costs of one module of the graph in a step; with the path "" of what is outside modules: losses.

    FLOPs are those of all micro-batches, gradients those at the end of the step, activations those in the peak.
    """

    path: str
    parameters: int
    trained_parameters: int
    forward_flops: int
    backward_flops: int
    weight_bytes: int
    gradient_bytes: int
    optimizer_bytes: int
    activation_bytes: int


class PhaseCosts(_Costs):
    """What one process of a phase takes.

    `traced`: the phase's own step was made without data and memory; `estimated`: by formulas, because of `reason`.

    `step` is an optimizer step, `evaluation` an evaluation in the middle of the phase. FLOPs are those of matrix
    products, convolutions and attention in a step of this process, 2 per multiply-add.
    """

    phase: str
    method: Literal["traced", "estimated"]
    reason: str | None = None
    precision: str
    processes: int | None
    rows: int
    """Samples of a micro-batch."""
    step: MemoryCosts | None
    evaluation: MemoryCosts | None
    forward_flops: int | None
    backward_flops: int | None
    modules: tuple[ModuleCosts, ...] = ()

    @property
    def peak_bytes(self) -> int | None:
        """Return the bytes that the phase needs."""
        return max((item.total for item in (self.step, self.evaluation) if item), default=None)
