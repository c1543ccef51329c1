"""A module of your own, from a Python file that you trust.

The file defines a torch `nn.Module` class. It is built with `args` and called with one tensor [batch, ...]
per input; it returns a tensor [batch, ...], or a dict of named tensors. Its outputs are inferred by running
it once on torch's meta device; their layouts follow from their number of axes (1: vector, 2: sequence, 3:
image, 4: video) unless `outputs` states them. The file is read and run only if the user trusts its exact
content: `--trust net.py@sha256:HASH`. Source: yours.

Samples that differ in length (texts, series) are padded in a batch, and a module that ignores where they end
is refused. `padding: masked` states that `forward` also takes `lengths`, the steps of each sample as int64
[batch], and ignores the steps after them; `padding: stepwise` states that each step is mapped independently.
Outputs with a time axis have as many steps as the first input. Both claims are tested before training, on
random samples: each in a batch without others and next to longer ones.

```yaml
model:
  encoder: {type: python, file: net.py, name: Net, args: {width: 64}, input: features}
```
"""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field as Param

from declare.contract.kinds.module import Inputs, Module, Outputs, Padding, Port
from declare.contract.kinds.source import SpecPath
from declare.contract.nodes.input_check import check_inputs
from declare.contract.problem import Problem, ProblemError
from declare.contract.shapes import AXES, Layout
from declare.contract.torch_types import TorchModule
from declare.system import trust, user_code


class Python(Module):
    """A module of your own, from a Python file that you trust."""

    accepts_missing: ClassVar[bool] = True
    third_party: ClassVar[tuple[str, ...]] = ("torch",)
    trusted_only: ClassVar[bool] = True
    padding_by_trial: ClassVar[bool] = True
    ports: ClassVar[tuple[Port, ...]] = (Port("input", tuple(AXES), many=True),)

    # Every path of a block that runs code is code; weights come by a phase's `init: [{from: "file:PATH"}]`.
    pretrained: Literal[False] = Param(False, description="not for your own code: use a phase's `init`")
    file: SpecPath = Param(description="the Python file")
    name: str = Param(description="the class in it")
    args: dict[str, Any] = Param({}, description="arguments of the class")
    outputs: dict[str, Layout] = Param(
        {}, description="layouts of outputs that their number of axes does not determine"
    )

    padding: Literal["masked", "stepwise"] | None = Param(
        None, description="how it treats samples that differ in length; they are refused if it is not stated"
    )

    def stated_layouts(self) -> Mapping[str, Layout]:
        """Return `outputs`."""
        return self.outputs

    def padding_policy(self) -> Padding | None:
        """Return the stated padding policy."""
        return self.padding and Padding(lengths_of="input" if self.padding == "masked" else None)

    def padding_helps(self) -> tuple[str, ...]:
        """Return what `padding` requires of the module."""
        if self.padding == "stepwise":
            return ("map each step independently, or state `padding: masked` and use `lengths`",)
        return (
            "ignore the steps after `lengths` in convolutions, norms and pooling",
            "or remove `padding`",
        )

    def infer(self, inputs: Inputs) -> Outputs | Problem | None:
        """Return None, so that a probe runs it, if the file is trusted."""
        if problem := check_inputs(self, inputs):
            return problem
        try:
            trust.read(self.file)
        except ProblemError as error:
            return error.problem
        return None

    def build(self, inputs: Inputs) -> TorchModule:
        """Return the user's module; raises `ProblemError` if it is not trusted or has no such class."""
        from torch import nn

        module_class = getattr(user_code.load(self.file), self.name, None)
        if not (isinstance(module_class, type) and issubclass(module_class, nn.Module)):
            title = f"`{self.file.name}` has no module class `{self.name}`"
            helps = ("state a class of the file that is a `torch.nn.Module`",)
            raise ProblemError(Problem("REF243", title, at="name", helps=helps))
        return module_class(**self.args)
