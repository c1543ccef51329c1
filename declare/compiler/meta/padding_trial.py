"""A trial of a module that is not ours on samples of several lengths; runs in a worker process.

What it gives for a sample alone must be what it gives beside longer ones, and running statistics must not depend on
how much padding there is.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from declare.compiler.meta.meta_run import shape_from_plain
from declare.contract.kinds.module import Inputs, Module
from declare.contract.problem import ProblemError
from declare.contract.shapes import Shape
from declare.parsing.read_component import read_component
from declare.system.out_of_memory import is_shortage

if TYPE_CHECKING:
    from torch import Tensor, nn

_MOST = 300_000_000
"""Parameters of the largest model that is tried."""
_FURTHER = 3
_CLOSE = {"rtol": 1e-3, "atol": 1e-4}


class Input(NamedTuple):
    """What flows into a port."""

    port: str
    shape: Shape
    varies: bool
    """Whether its length differs from sample to sample."""


class TrialResult(NamedTuple):
    """What is wrong: `what` is `result`, `statistics`, `steps` or `lengths`, or empty; `words` are the details."""

    what: str = ""
    words: str = ""


def answer_plain(
    kind: str, block: dict[str, Any], wires: list[list[Any]], outputs: dict[str, list[Any]], shortest: int
) -> dict[str, str]:
    """Return what a module does with padding as plain values; for a worker process.

    A wire is its port, its shape, and whether its length varies; `shortest` is the length of the shortest sample.
    """
    component = read_component(kind, block)
    assert isinstance(component, Module)
    inputs = tuple(Input(port, shape_from_plain(shape), varies) for port, shape, varies in wires)
    trial = try_padding(
        component, inputs, {name: shape_from_plain(item) for name, item in outputs.items()}, shortest
    )
    return trial._asdict()


def try_padding(
    component: Module, inputs: Sequence[Input], outputs: Mapping[str, Shape], shortest: int
) -> TrialResult:
    """Return what a module that samples of different lengths flow into does with padding.

    Nothing is found wrong if it cannot be built or run on made-up samples: that is another finding.
    """
    import torch

    with torch.random.fork_rng(devices=[]), warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        try:
            module = _fresh_module(component, inputs)
        except ProblemError as error:
            # Another finding than of padding comes from the probe.
            is_own = error.problem.code == "SHP536"
            return TrialResult("result", error.problem.title) if is_own else TrialResult()
        trial = None if module is None else _Trial(module, component, inputs, outputs)
        return TrialResult() if trial is None else _run(trial, shortest)


def _run(trial: _Trial, shortest: int) -> TrialResult:
    """Run a trial on short samples, or on longer ones if it wants these."""
    for lengths in ((shortest, shortest + 1, 2 * shortest + 3), (16, 23, 48)):
        try:
            return trial.run(lengths)
        except TypeError as error:
            if "lengths" in str(error):
                return TrialResult("lengths", str(error))
        except Exception as error:  # whatever a library raises
            if is_shortage(error):
                raise
    return TrialResult()


def _fresh_module(component: Module, inputs: Sequence[Input]) -> nn.Module | None:
    """Return the real module with fresh weights, none all 0; None if it cannot be built or is too large."""
    import torch

    ports: Inputs = {}
    for port, shape, _ in inputs:
        ports = {**ports, port: (*ports.get(port, ()), shape)}
    plain = component.model_copy(update={"pretrained": False})
    try:
        torch.manual_seed(0)
        if _num_parameters(plain, ports) > _MOST:
            return None
        module = plain.build(ports)
    except (RuntimeError, ValueError, TypeError, OSError) as error:
        if is_shortage(error):
            raise
        return None
    if sum(item.numel() for item in module.parameters()) > _MOST:
        return None
    for weight in module.parameters():
        if weight.is_floating_point() and not weight.any():
            weight.data.normal_(0, 0.1)  # a last layer of zeros would show nothing
    return module


def _num_parameters(component: Module, inputs: Inputs) -> int:
    """Return how many parameters a module has, without their memory; 0 if it cannot be built that way."""
    import torch

    try:
        with torch.device("meta"):
            return sum(item.numel() for item in component.build(inputs).parameters())
    except ProblemError:
        raise
    except Exception:  # noqa: BLE001 - whatever a library raises that reads values of its weights
        return 0


class _Trial:
    """Runs a module on made-up samples of some lengths."""

    def __init__(
        self, module: nn.Module, component: Module, inputs: Sequence[Input], outputs: Mapping[str, Shape]
    ) -> None:
        self.module, self.component, self.inputs, self.outputs = module, component, inputs, outputs
        padding = component.padding_policy()
        self.given_lengths = padding is not None and padding.lengths_of in [item.port for item in inputs]

    def run(self, lengths: Sequence[int]) -> TrialResult:
        """Return what is wrong with what it gives for samples of these lengths, the longest last."""
        samples = [self._sample(length, number) for number, length in enumerate(lengths)]
        self.module.eval()
        beside = self._outputs(samples, lengths, lengths[-1] + _FURTHER)
        for row, length in enumerate(lengths):
            alone = self._outputs([samples[row]], [length], length)
            for name, value in alone.items():
                result = self._compare_outputs(name, value[0], beside[name][row], length)
                if result.what:
                    return result
        return self._statistics(samples, lengths)

    def _compare_outputs(self, name: str, alone: Tensor, beside: Tensor, length: int) -> TrialResult:
        import torch

        shape = self.outputs.get(name)
        axis = None if shape is None else shape.time_axis
        if axis is not None:
            steps = int(
                self.component.output_lengths(length, {"input": tuple(item.shape for item in self.inputs)})
            )
            if alone.shape[axis] != steps:
                words = (
                    f"`{name}` has {alone.shape[axis]} steps for a sample of {length}, {steps} are expected"
                )
                return TrialResult("steps", words)
        for place, size in enumerate(
            alone.shape
        ):  # a mask of positions has no axis of time, but as many places
            beside = beside.narrow(place, 0, size)
        if not alone.is_floating_point():
            return (
                TrialResult()
                if torch.equal(alone, beside)
                else TrialResult("result", f"`{name}` of {length} steps")
            )
        scale = float(alone.abs().nan_to_num().max()) + 1 if alone.numel() else 1.0
        close = torch.allclose(alone, beside, _CLOSE["rtol"], _CLOSE["atol"] * scale, equal_nan=True)
        return TrialResult() if close else TrialResult("result", f"`{name}` of {length} steps")

    def _statistics(self, samples: Sequence[Sequence[Tensor]], lengths: Sequence[int]) -> TrialResult:
        """Return whether running statistics of a step in training depend on how much padding there is."""
        import torch

        from declare.nn.running_statistics import running_statistics

        if not running_statistics(self.module):
            return TrialResult()
        state = {name: item.clone() for name, item in self.module.state_dict().items()}

        def statistics_after(seed: int, further: int) -> Mapping[str, Tensor]:
            self.module.load_state_dict(state)
            torch.manual_seed(seed)
            with _without_dropout(self.module):
                self._outputs(samples, lengths, lengths[-1] + further)
            return {name: item.clone() for name, item in running_statistics(self.module).items()}

        first, again, padded = statistics_after(0, 0), statistics_after(1, 0), statistics_after(0, _FURTHER)
        for name, item in first.items():
            if torch.allclose(item, again[name], equal_nan=True) and not torch.allclose(
                item, padded[name], **_CLOSE, equal_nan=True
            ):
                return TrialResult("statistics", f"`{name.rpartition('.')[0]}`")
        return TrialResult()

    def _sample(self, length: int, seed: int) -> list[Tensor]:
        """Return a value for each input, of `length` steps if these vary."""
        import torch

        generator = torch.Generator().manual_seed(seed + 1)
        tensors = []
        for _, shape, varies in self.inputs:
            dims = [dim or 4 for dim in shape.dims]
            if varies:
                dims[shape.time_axis or 0] = length
            if shape.dtype == "bool":
                tensors.append(torch.ones(dims, dtype=torch.bool))
            elif shape.dtype == "int64":
                tensors.append(torch.randint(shape.classes or 2, dims, generator=generator))
            else:
                tensors.append(torch.randn(dims, generator=generator))
        return tensors

    def _outputs(
        self, samples: Sequence[Sequence[Tensor]], lengths: Sequence[int], steps: int
    ) -> dict[str, Tensor]:
        """Return what it gives for samples padded to `steps`."""
        import torch

        tensors = [
            torch.stack([self._pad(sample[number], number, steps) for sample in samples])
            for number in range(len(self.inputs))
        ]
        extra: dict[str, Any] = {"lengths": torch.tensor(list(lengths))} if self.given_lengths else {}
        outputs = self.module(*tensors, **extra)
        return outputs if isinstance(outputs, dict) else {next(iter(self.outputs)): outputs}

    def _pad(self, value: Tensor, number: int, steps: int) -> Tensor:
        import torch

        _, shape, varies = self.inputs[number]
        if not varies:
            return value
        axis = shape.time_axis or 0
        missing = list(value.shape)
        missing[axis] = steps - value.shape[axis]
        filler = torch.full(missing, -1 if shape.layout == "tokens" else 0, dtype=value.dtype)
        return torch.cat([value, filler], axis)


@contextmanager
def _without_dropout(module: nn.Module) -> Iterator[None]:
    """While inside, a module trains, but drops nothing: what is dropped would differ with the padding."""
    from torch.nn.modules.dropout import _DropoutNd

    module.train()
    for part in module.modules():
        if isinstance(part, _DropoutNd):
            part.eval()
    try:
        yield
    finally:
        module.eval()
