"""What channel adapters share: one module for recordings with different montages."""

from collections.abc import Mapping
from typing import ClassVar

from pydantic import Field as Param

from declare.contract.kinds.module import Costs, Inputs, Module, Outputs, Padding, Port
from declare.contract.nodes.input_check import check_inputs
from declare.contract.problem import Problem
from declare.contract.shapes import Shape
from declare.contract.torch_types import TorchModule


class ChannelAdapter(Module):
    """Maps a series with any number of channels to one with `channels` channels."""

    ports: ClassVar[tuple[Port, ...]] = (Port("input", ("series",)),)
    adapts: ClassVar[bool] = True
    random: ClassVar[bool] = False

    channels: int = Param(32, gt=0, description="number of output channels")

    def infer(self, inputs: Inputs) -> Outputs | Problem:
        """Return a series of `channels`, as long as the input."""
        if problem := check_inputs(self, inputs) or self.channel_problem(inputs["input"][0]):
            return problem
        return {"output": Shape("series", (self.channels, inputs["input"][0].dims[1]))}

    def channel_problem(self, shape: Shape) -> Problem | None:
        """Return the problem that the parameters do not fit a recording of this shape."""
        return None

    def padding_policy(self) -> Padding:
        """Return that every step is mapped independently."""
        return Padding()

    def costs(self, inputs: Inputs) -> Costs:
        """Return the costs for one montage."""
        return self.costs_each({"data": inputs})

    def build(self, inputs: Inputs) -> TorchModule:
        """Return the real module for one montage."""
        return self.build_each({"data": inputs})


def montages(inputs: Mapping[str, Inputs]) -> dict[str, int]:
    """Return the number of channels of each dataset."""
    return {name: ports["input"][0].dims[0] or 0 for name, ports in inputs.items()}
