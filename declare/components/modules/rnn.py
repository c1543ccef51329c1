"""A recurrent network over time.

Layers of LSTM or GRU cells, forwards or in both directions.

Takes a series [channels, time] or a sequence [time, features] of any length. Gives `output`, a vector: the
last state, or the mean of all; and `sequence` [time, features], the state at every step. The number of
features is `dim`, doubled if `bidirectional`. Source: Hochreiter and Schmidhuber 1997 (LSTM); Cho et al. 2014
(GRU).

```yaml
model:
  encoder: {type: rnn, cell: gru, dim: 64, bidirectional: true, input: eeg}
```
"""

from typing import ClassVar, Literal

from pydantic import Field as Param

from declare.components.modules import _pretrained
from declare.contract.kinds.module import Costs, Inputs, Module, Outputs, Padding, Port
from declare.contract.nodes.costs import CostCounter
from declare.contract.nodes.input_check import check_inputs
from declare.contract.problem import Problem
from declare.contract.shapes import Dim, Shape
from declare.contract.torch_types import TorchModule


class Rnn(Module):
    """Layers of LSTM or GRU cells, forwards or in both directions."""

    also_called: ClassVar[tuple[str, ...]] = ("lstm", "gru", "LSTM", "GRU", "bilstm")

    ports: ClassVar[tuple[Port, ...]] = (Port("input", ("series", "sequence")),)

    cell: Literal["lstm", "gru"] = Param("lstm", description="kind of cell")
    dim: int = Param(128, gt=0, description="features of the state, for each direction")
    depth: int = Param(1, gt=0, le=1_000, description="number of layers")
    bidirectional: bool = Param(
        False, description="also read backwards, so that states depend on later steps"
    )
    pool: Literal["last", "mean"] = Param("last", description="how the states are pooled to a vector")
    dropout: float = Param(
        0.0, ge=0, lt=1, description="dropout: fraction zeroed between layers and on the outputs in training"
    )

    def infer(self, inputs: Inputs) -> Outputs | Problem:
        """Return one vector, and the state at every step."""
        if problem := check_inputs(self, inputs):
            return problem
        features = self.dim * self._ways()
        time = _time(inputs["input"][0])
        return {"output": Shape("vector", (features,)), "sequence": Shape("sequence", (time, features))}

    def _ways(self) -> int:
        return 2 if self.bidirectional else 1

    def looks_ahead(self) -> bool:
        """Return whether the sequence is also read backwards."""
        return self.bidirectional

    def padding_policy(self) -> Padding:
        """Return that each sample is read to its own end, and backwards from there."""
        return Padding(lengths_of="input")

    def costs(self, inputs: Inputs) -> Costs:
        """Return the costs of the gates at every step."""
        shape = inputs["input"][0]
        time, ways = _time(shape), self._ways()
        gates = self.dim * (4 if self.cell == "lstm" else 3)
        tally, before = CostCounter(), shape.features or 0
        for _ in range(self.depth):
            weights = ways * gates * (before + self.dim)
            tally.parameters += weights + 2 * ways * gates
            tally.multiply(None if time is None else weights * time)
            before = ways * self.dim
        # torch's layer also returns the last state of every layer and direction, for LSTM the cells as well.
        last = ways * self.depth * self.dim * (2 if self.cell == "lstm" else 1)
        return tally.write(before * (2 if self.dropout else 1), (time,)).write(last).costs()

    def build(self, inputs: Inputs) -> TorchModule:
        """Return the torch module."""
        from declare.nn.modules.rnn import RNN

        shape = inputs["input"][0]
        real = RNN(
            shape.features or 0,
            self.dim,
            cell=self.cell,
            depth=self.depth,
            bidirectional=self.bidirectional,
            pool=self.pool,
            dropout=self.dropout,
            channels_first=shape.layout == "series",
        )
        return _pretrained.start(real, self.pretrained)


def _time(shape: Shape) -> Dim:
    return shape.dims[1 if shape.layout == "series" else 0]
