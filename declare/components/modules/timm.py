"""Any model of timm, without its classifier.

Takes images [channels, height, width] with any number of channels (timm adapts the first layer's weights if
it is not 3). Gives `output`, the pooled features, and, if the model has them, `map` (the last feature map,
channels first) or `sequence` (its tokens). Convolutional models take any size, most transformers only their
own: others with `args: {img_size: N}`. Sizes and costs come from a generated table, or from a probe on
torch's meta device if `args` change the model. Source: R. Wightman, timm (Apache-2.0).

```yaml
model:
  encoder: {type: timm, name: resnet10t, input: image}
```
"""

import re
from collections.abc import Iterable
from typing import Any, ClassVar

from pydantic import Field as Param

from declare.components.modules import _model_tables, _pretrained
from declare.contract.kinds.module import Costs, Inputs, LeftOut, Module, Outputs, Port
from declare.contract.nodes.input_check import check_axis_order, check_inputs
from declare.contract.problem import Problem
from declare.contract.torch_types import TorchModule
from declare.parsing import arguments

_NAME = re.compile(r"[A-Za-z0-9_]+(\.[A-Za-z0-9_]+)?", re.ASCII)


class Timm(Module):
    """Any model of timm, without its classifier."""

    expects_normalised: ClassVar[bool] = True
    third_party: ClassVar[tuple[str, ...]] = ("timm", "torch")
    also_called: ClassVar[tuple[str, ...]] = ("vit", "resnet", "efficientnet", "convnext", "swin")

    ports: ClassVar[tuple[Port, ...]] = (Port("input", ("image",)),)
    has_weights: ClassVar[bool] = True
    norms_by_probe: ClassVar[bool] = True
    weights_root: ClassVar[str] = "model"

    name: str = Param(
        description="the model's name in timm, with or without a tag of weights: `resnet18.a1_in1k`"
    )
    args: dict[str, Any] = Param({}, description="further arguments of the model: `{drop_path_rate: 0.1}`")

    @classmethod
    def known_names(cls) -> list[str]:
        """Return the names of all models of the installed library."""
        return _model_tables.names("timm")

    def pins_weights(self) -> bool:
        """Return whether the name has a tag of weights; without one, timm uses its current default."""
        return "." in self.name

    def infer(self, inputs: Inputs) -> Outputs | Problem | None:
        """Return pooled and unpooled features from the table, or None if a probe is needed."""
        if problem := check_inputs(self, inputs) or check_axis_order(self, inputs) or self._name_problem():
            return problem
        record = _model_tables.record("timm", self.name.partition(".")[0])
        assert record is not None, "checked"
        return _model_tables.outputs(self, record, inputs["input"][0]) if self._plain(record) else None

    def check(self) -> Iterable[Problem]:
        """Yield the problem of arguments, a name, a tag or weights that cannot be."""
        if problem := arguments.problem(self.args, "args") or self._name_problem():
            yield problem

    def _name_problem(self) -> Problem | None:
        base, _, tag = self.name.partition(".")
        record = _model_tables.record("timm", base)
        # timm also takes addresses of repositories and folders
        if record is None or not _NAME.fullmatch(self.name):
            return _model_tables.unknown("timm", base)
        tags = record.get("tags", [])
        if tag and tag not in tags:
            return _unknown_tag(self.name, base, tags)
        if self.pretrained is True and not tags:
            helps = ("train from scratch: `pretrained: false`",)
            return Problem(
                "RES840", f"timm has no weights of `{base}`", at="pretrained", label="no weights", helps=helps
            )
        return None

    def _plain(self, record: dict[str, Any]) -> bool:
        tag = self.name.partition(".")[2]
        return not self.args and (not tag or tag == record["tags"][0])

    def costs(self, inputs: Inputs) -> Costs | None:
        """Return the costs from the table, or None if a probe is needed."""
        record = _model_tables.record("timm", self.name.partition(".")[0])
        return _model_tables.costs(record, inputs["input"][0]) if record and self._plain(record) else None

    def left_out(self, inputs: Inputs) -> tuple[LeftOut, ...] | None:
        """Return nothing if sizes are even; else None, for a probe."""
        even = not self.args and _model_tables.is_even(
            _model_tables.record("timm", self.name.partition(".")[0]), inputs["input"][0]
        )
        return () if even else None

    def build(self, inputs: Inputs) -> TorchModule:
        """Return the model; raises `ProblemError` (RES840) if the weights cannot be loaded."""
        from declare.nn.modules.timm import Timm as Real

        channels = inputs["input"][0].dims[0] or 0
        arguments.require(self.args, "args")
        if self.pretrained is True:
            return _pretrained.fetch(
                "timm", self.name, lambda: Real(self.name, channels, pretrained=True, **self.args)
            )
        real = Real(self.name, channels, **self.args)
        _pretrained.start(real.model, self.pretrained)
        return real


def _unknown_tag(name: str, base: str, tags: list[str]) -> Problem:
    title = f"timm has no weights `{name}`"
    known = ", ".join(f"`{base}.{tag}`" for tag in tags[:8])
    return Problem(
        "REF241", title, at="name", label="unknown tag", helps=(f"use {known}" if tags else f"use `{base}`",)
    )
