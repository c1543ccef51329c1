"""Any classification model of torchvision, without its classifier.

Takes images [channels, height, width]; if they do not have 3 channels, the first convolution is replaced by a
new one (with random weights even if the others are pretrained). Gives `output`, the features before the last
layer of the classifier, and, if the model has one, `map`, the last feature map. Convolutional models take any
size, `vit_*` and `maxvit_t` only their own. Sizes and costs come from a generated table, or from a probe on
torch's meta device if `args` change the model. Source: torchvision (BSD-3-Clause).

```yaml
model:
  encoder: {type: torchvision, name: resnet18, input: image}
```
"""

from collections.abc import Iterable
from typing import Any, ClassVar

from pydantic import Field as Param

from declare.components.modules import _model_tables, _pretrained
from declare.contract.kinds.module import Costs, Inputs, LeftOut, Module, Outputs, Port
from declare.contract.nodes.input_check import check_axis_order, check_inputs
from declare.contract.problem import Problem
from declare.contract.torch_types import TorchModule
from declare.parsing import arguments


class Torchvision(Module):
    """Any classification model of torchvision, without its classifier."""

    expects_normalised: ClassVar[bool] = True
    third_party: ClassVar[tuple[str, ...]] = ("torchvision", "torch")
    ports: ClassVar[tuple[Port, ...]] = (Port("input", ("image",)),)
    has_weights: ClassVar[bool] = True
    norms_by_probe: ClassVar[bool] = True
    weights_root: ClassVar[str] = "model"

    name: str = Param(description="the model's name in torchvision")
    args: dict[str, Any] = Param(
        {}, description="further arguments of the model: `{stochastic_depth_prob: 0.1}`"
    )

    @classmethod
    def known_names(cls) -> list[str]:
        """Return the names of all models of the installed library."""
        return _model_tables.names("torchvision")

    def infer(self, inputs: Inputs) -> Outputs | Problem | None:
        """Return pooled features and the map from the table, or None if a probe is needed."""
        if problem := check_inputs(self, inputs) or check_axis_order(self, inputs) or self._name_problem():
            return problem
        record = _model_tables.record("torchvision", self.name)
        assert record is not None, "checked"
        return None if self.args else _model_tables.outputs(self, record, inputs["input"][0])

    def check(self) -> Iterable[Problem]:
        """Yield the problem of arguments, a name or weights that cannot be."""
        if problem := arguments.problem(self.args, "args") or self._name_problem():
            yield problem

    def _name_problem(self) -> Problem | None:
        record = _model_tables.record("torchvision", self.name)
        if record is None:
            return _model_tables.unknown("torchvision", self.name)
        side = record.get("weights_size", record["size"])
        if (
            self.pretrained is True
            and _model_tables.takes_one_size("torchvision", self.name)
            and side != self.args.get("image_size", record["size"])
        ):
            title = f"torchvision's weights of `{self.name}` are for {side} x {side} images"
            return Problem("SHP502", title, at="pretrained", helps=(f"add `args: {{image_size: {side}}}`",))
        return None

    def costs(self, inputs: Inputs) -> Costs | None:
        """Return the costs from the table, or None if a probe is needed."""
        record = _model_tables.record("torchvision", self.name)
        return _model_tables.costs(record, inputs["input"][0]) if record and not self.args else None

    def left_out(self, inputs: Inputs) -> tuple[LeftOut, ...] | None:
        """Return nothing if sizes are even; else None, for a probe."""
        even = not self.args and _model_tables.is_even(
            _model_tables.record("torchvision", self.name), inputs["input"][0]
        )
        return () if even else None

    def build(self, inputs: Inputs) -> TorchModule:
        """Return the model; raises `ProblemError` (RES840) if the weights cannot be loaded."""
        from declare.nn.modules.torchvision import Torchvision as Real

        channels = inputs["input"][0].dims[0] or 0
        arguments.require(self.args, "args")
        if self.pretrained is True:
            make = lambda: Real(self.name, channels, pretrained=True, **self.args)  # noqa: E731
            return _pretrained.fetch("torchvision", self.name, make)
        real = Real(self.name, channels, **self.args)
        _pretrained.start(real.model, self.pretrained)
        return real
