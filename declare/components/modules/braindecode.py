"""Any model of braindecode, by its name.

`name` is the class name in braindecode (`EEGNet`, `Deep4Net`, `ATCNet`), `config` its parameters. The last
layer of the model gives `features` values instead of class scores; the task's head follows it. Channels and
time steps are inferred from the data. Nothing is downloaded. Needs the extra `braindecode`.

Takes a series [channels, time] of a fixed length. Gives `output`, a vector [features]. Costs are measured on
torch's meta device and cached. Source: Schirrmeister et al. 2017, https://arxiv.org/abs/1703.05051.

```yaml
model:
  encoder: {type: braindecode, name: ShallowFBCSPNet, input: eeg, features: 32, config: {pool_time_length: 20}}
tasks:
  age: {type: regression, dataset: hbn, target: age}
```
"""

from collections.abc import Iterable
from typing import Any, ClassVar

from pydantic import Field as Param

from declare.components.modules import _pretrained
from declare.contract.kinds.module import Inputs, Module, Outputs, Port
from declare.contract.nodes.input_check import check_inputs, varying_size
from declare.contract.problem import Problem, ProblemError
from declare.contract.shapes import Shape
from declare.contract.torch_types import TorchModule
from declare.parsing import arguments
from declare.system.extras import not_installed

_LINKED = ("n_chans", "n_times", "n_outputs")


class Braindecode(Module):
    """A model of braindecode, by its name and parameters."""

    third_party: ClassVar[tuple[str, ...]] = ("braindecode", "torch")
    ports: ClassVar[tuple[Port, ...]] = (Port("input", ("series",)),)

    name: str = Param(description="class name of the model in braindecode: `EEGNet`")
    config: dict[str, Any] = Param({}, description="parameters of the model: `{sfreq: 100}`")
    features: int = Param(64, gt=0, description="number of output features of the model's last layer")

    def check(self) -> Iterable[Problem]:
        """Yield a problem for parameters that are inferred from the data or from `features`."""
        for key in _LINKED:
            if key in self.config:
                instead = "state `features`" if key == "n_outputs" else "remove it"
                yield Problem(
                    "SCH113",
                    f"`{key}` is inferred, but `config` states it too",
                    at=f"config.{key}",
                    on="key",
                    label="already known",
                    helps=(instead,),
                )

    def infer(self, inputs: Inputs) -> Outputs | Problem:
        """Return the output vector, or the problem that the input does not fit."""
        if problem := check_inputs(self, inputs) or self._config_problem():
            return problem
        if inputs["input"][0].dims[1] is None:
            return varying_size(self, "number of steps", "input")
        return {"output": Shape("vector", (self.features,))}

    def _config_problem(self) -> Problem | None:
        return arguments.problem(self.config, "config") or not_installed("braindecode", "braindecode")

    def build(self, inputs: Inputs) -> TorchModule:
        """Return the model; raises `ProblemError` REF241 for a name that braindecode does not have."""
        from declare.nn.modules.braindecode import Braindecode as Real
        from declare.nn.modules.braindecode import model_names

        if self.name not in model_names():
            raise ProblemError(self._unknown_model_problem(model_names()))
        channels, length = (dim or 0 for dim in inputs["input"][0].dims)
        config = arguments.require(self.config, "config")
        real = Real(self.name, channels, length, self.features, config)
        return _pretrained.start(real, self.pretrained)

    def _unknown_model_problem(self, names: list[str]) -> Problem:
        from difflib import get_close_matches

        near = get_close_matches(self.name, names, 3, 0.5)
        helps = (f"did you mean {' or '.join(f'`{item}`' for item in near)}?",) if near else ()
        title = f"braindecode has no model `{self.name}`"
        return Problem("REF241", title, at="name", label="unknown model", helps=helps)
