"""A module of your own, from a Python file that you trust.

The file holds a class that is a torch `nn.Module`. It is built with `args` and called with one tensor
[batch, ...] per input; it returns a tensor [batch, ...], or a dict of named ones. Its outputs are found by
running it once on torch's meta device; their layouts follow from their axes (1: vector, 2: sequence, 3:
image, 4: video) unless `outputs` says otherwise. The file is read and run only where the user trusts its
very content: `--trust net.py@sha256:HASH`. Source: yours.

Samples that differ in length (texts, series) are padded in a batch, and a module that does not know where they end is
refused. `padding: masked` says that `forward` also takes `lengths`, the steps of each sample as int64 [batch], and
leaves out what lies beyond; `padding: stepwise` that it gives something for each step and looks at no other. Outputs
with a time axis have as many steps as the first input. Either is tried before training, on made-up samples: each
alone and beside longer ones.

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
from declare.contract.nodes.port_check import misfit
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
    pretrained: Literal[False] = Param(False, description="not for code of your own: use a phase's `init`")
    file: SpecPath = Param(description="the Python file")
    name: str = Param(description="the class in it")
    args: dict[str, Any] = Param({}, description="arguments that the class is built with")
    outputs: dict[str, Layout] = Param({}, description="layouts of outputs where their axes do not tell")

    padding: Literal["masked", "stepwise"] | None = Param(
        None, description="how it treats samples that differ in length; refused where it does not say"
    )

    def stated_layouts(self) -> Mapping[str, Layout]:
        """Return `outputs`."""
        return self.outputs

    def padding_policy(self) -> Padding | None:
        """Return what the spec says of it."""
        return self.padding and Padding(lengths_of="input" if self.padding == "masked" else None)

    def padding_helps(self) -> tuple[str, ...]:
        """Return what `padding` promises."""
        if self.padding == "stepwise":
            return ("look at no other step, or say `padding: masked` and take `lengths`",)
        return (
            "leave out what lies beyond `lengths` in convolutions, norms and pooling",
            "or leave `padding` out",
        )

    def infer(self, inputs: Inputs) -> Outputs | Problem | None:
        """Return None, so that a probe runs it, where the file is trusted."""
        if problem := misfit(self, inputs):
            return problem
        try:
            trust.read(self.file)
        except ProblemError as error:
            return error.problem
        return None

    def build(self, inputs: Inputs) -> TorchModule:
        """Return the user's module; raises `ProblemError` where it is not trusted or has no such class."""
        from torch import nn

        module_class = getattr(user_code.load(self.file), self.name, None)
        if not (isinstance(module_class, type) and issubclass(module_class, nn.Module)):
            title = f"`{self.file.name}` has no module class `{self.name}`"
            helps = ("name a class of the file that is a `torch.nn.Module`",)
            raise ProblemError(Problem("REF243", title, at="name", helps=helps))
        return module_class(**self.args)
