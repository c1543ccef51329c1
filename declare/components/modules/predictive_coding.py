"""A modulator that predicts features from a context and adds the prediction error.

At each place, hidden causes r explain the features x: the prediction of x is U r + u. The causes start at the
expectation from the context (behaviour), r0 = A context + a, and take `steps` gradient steps on the energy |x
- U r - u|^2 / 2 + prior * |r - r0|^2 / 2. With the remaining error e = x - U r - u:

    output = gain(context) * x + shift(context) + W e

Gain and shift are those of `film`; W, gain and shift start at 0, 1 and 0, so that the untrained modulator is
the identity.

Takes `input`, features at any places (vector, series, image or video), and `context`, a vector or number.
Gives `output` with the layout of `input`, and `prediction_error`, a number for each sample: the mean of e^2
over features and places. Use it in an `auxiliary` task to train the prediction; the features are detached
there, so that the core cannot lower the error by making its features uninformative. Source: Rao and Ballard
1999; gain by context after Perez et al. 2018.

```yaml
model:
  core: {type: conv3d, input: stimulus}
  state: {type: predictive_coding, input: [core, behaviour]}
tasks:
  surprise: {type: auxiliary, input: state.prediction_error, weight: 0.1}
```
"""

from typing import ClassVar

from pydantic import Field as Param

from declare.components.modules import _pretrained
from declare.contract.kinds.module import Costs, Inputs, Module, Outputs, Padding, Port
from declare.contract.nodes.costs import CostCounter, size
from declare.contract.nodes.input_check import check_inputs
from declare.contract.problem import Problem
from declare.contract.shapes import Shape
from declare.contract.torch_types import TorchModule


class PredictiveCoding(Module):
    """Features explained by causes that a context expects."""

    ports: ClassVar[tuple[Port, ...]] = (
        Port("input", ("image", "video", "series", "vector")),
        Port("context", ("vector", "number")),
    )
    random: ClassVar[bool] = False

    causes: int = Param(8, gt=0, description="number of hidden causes at each place")
    steps: int = Param(2, ge=1, le=100, description="number of inference steps")
    prior: float = Param(
        0.1,
        ge=0,
        le=1e6,
        description="weight of the term that pulls causes towards the context's expectation",
    )
    hidden: int = Param(
        16, ge=0, description="width of the hidden layer for gain and shift; 0 for a linear map"
    )

    def infer(self, inputs: Inputs) -> Outputs | Problem:
        """Return the shape of the input, and a prediction error for each sample."""
        if problem := check_inputs(self, inputs):
            return problem
        return {"output": inputs["input"][0], "prediction_error": Shape("number", ())}

    def padding_policy(self) -> Padding:
        """Return that places are independent; the error of a sample is the mean over its own places."""
        return Padding(lengths_of="input")

    def costs(self, inputs: Inputs) -> Costs:
        """Return the costs of prediction, inference and modulation."""
        features, context = _widths(inputs)
        places = inputs["input"][0].dims[1:]
        tally = CostCounter()
        if self.hidden:
            tally.linear(context, self.hidden).write(self.hidden)
        tally.linear(self.hidden or context, 2 * features).linear(context, self.causes)
        tally.linear(self.causes, features).linear(features, features, positions=size(places), bias=False)
        # The prediction is a layer that runs again for each step, at every place but for the first time.
        number = size(places)
        product = features * self.causes
        tally.multiply(-product)
        tally.write(-features)
        for step in range(self.steps + 1):
            around = number if step else 1
            tally.multiply(None if around is None else product * around)
            tally.write(features, places if step else ())
            if step < self.steps:
                tally.multiply(None if number is None else product * number)
        return tally.costs()

    def build(self, inputs: Inputs) -> TorchModule:
        """Return the torch module."""
        from declare.nn.modules.predictive_coding import PredictiveCoding as Real

        features, context = _widths(inputs)
        real = Real(
            features, context, causes=self.causes, steps=self.steps, prior=self.prior, hidden=self.hidden
        )
        return _pretrained.start(real, self.pretrained)


def _widths(inputs: Inputs) -> tuple[int, int]:
    return inputs["input"][0].features or 0, inputs["context"][0].features or 0
