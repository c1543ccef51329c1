"""Whether a module that is not ours leaves padding out: it is built and run on samples of several lengths.

What it gives for a sample alone must be what it gives beside longer ones, and running statistics must not depend on
how much padding there is. Answers are kept as those of probes are.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from declare.compiler.probe import folder, question_key
from declare.compiler.state import State
from declare.contract import strict_json
from declare.contract.module import Inputs, Module
from declare.contract.problem import Problem, ProblemError
from declare.contract.shapes import Shape
from declare.data import cache
from declare.ir.plan import Wire
from declare.ir.sample_lengths import Visit
from declare.rules.fields import field_place
from declare.rules.sample_lengths import lengths_in_words, lengths_on_the_way, node_place

if TYPE_CHECKING:
    from torch import Tensor, nn

_MOST = 300_000_000
"""Parameters of the largest model that is built for a trial: larger ones are tried when a run begins."""
_FURTHER = 3
_FORMAT = 2
"""Raised when modules are tried in another way, so that kept answers are forgotten."""
_CLOSE = {"rtol": 1e-3, "atol": 1e-4}


class TrialResult(NamedTuple):
    """What is wrong: `what` is `result`, `statistics`, `steps` or `lengths`, or empty; `words` say more."""

    what: str = ""
    words: str = ""


def padding_problems(state: State) -> Iterator[Problem]:
    """Yield each module that is not ours and that reads padding although it is said to leave it out."""
    seen = set()
    for dataset, visit in lengths_on_the_way(state.view):
        component = visit.component
        uneven = next((wire for wire, span in visit.wires if span is not None and not span.fixed), None)
        if not isinstance(component, Module) or not component.padding_by_trial or uneven is None:
            continue
        if component.padding_policy() is None or visit.node.path in seen:
            continue
        seen.add(visit.node.path)
        found = _remembered(visit)
        if found.what:
            yield _problem(state, dataset, visit, uneven, found)


def _remembered(visit: Visit) -> TrialResult:
    component, inputs = visit.component, _inputs(visit)
    shortest = next(span.counts[0] for _, span in visit.wires if span is not None and not span.fixed)
    key = question_key(type(component).kind(), component, inputs, None)
    place = folder().with_name("padding") / f"{key}-{shortest}-{_FORMAT}.json"
    kept = cache.read_text(place)
    known = try_padding(visit)._asdict() if kept is None else json.loads(kept)
    if kept is None:
        cache.write_text(place, strict_json.dumps(known))
    return TrialResult(**known)


def _inputs(visit: Visit) -> Inputs:
    found: Inputs = {}
    for wire, _ in visit.wires:
        found = {**found, wire.port: (*found.get(wire.port, ()), wire.shape)}
    return found


_TITLES = {
    "result": "what `{name}` gives for a sample depends on longer ones in its batch",
    "statistics": "padding enters the running statistics of a norm in `{name}`",
    "steps": "`{name}` gives another number of steps than its input has",
    "lengths": "`{name}` takes no `lengths`, so it cannot know where samples end",
}


def _problem(state: State, dataset: str, visit: Visit, wire: Wire, found: TrialResult) -> Problem:
    assert isinstance(visit.component, Module)
    field = next(span.field for _, span in visit.wires if span is not None and not span.fixed)
    place = field_place(state.view, dataset, field)
    return Problem(
        "SHP536",
        _TITLES[found.what].format(name=visit.node.name),
        at=node_place(state.view, visit, wire),
        label="reads padding",
        also={place: lengths_in_words(state.view, dataset, field)},
        notes=(f"it was built and run on made-up samples: {found.words}",) if found.words else (),
        helps=visit.component.padding_helps(),
    )


def try_padding(visit: Visit) -> TrialResult:
    """Return what a node that samples of different lengths flow into does with padding.

    Nothing is found wrong where it cannot be built or run on made-up samples: that is another finding.
    """
    import torch

    component = visit.component
    assert isinstance(component, Module)
    timed = [span is not None and not span.fixed for _, span in visit.wires]
    shapes = [wire.shape for wire, _ in visit.wires]
    with torch.random.fork_rng(devices=[]), warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        try:
            module = _fresh_module(component, _inputs(visit))
        except ProblemError as error:
            # Another finding than of padding comes from the probe.
            return (
                TrialResult("result", error.problem.title)
                if error.problem.code == "SHP536"
                else TrialResult()
            )
        if module is None:
            return TrialResult()
        trial = _Trial(module, visit, shapes, timed)
        shortest = next(span.counts[0] for _, span in visit.wires if span is not None and not span.fixed)
        for lengths in ((shortest, shortest + 1, 2 * shortest + 3), (16, 23, 48)):
            try:
                return trial.run(lengths)
            except TypeError as error:
                if "lengths" in str(error):
                    return TrialResult("lengths", str(error))
            except Exception:  # noqa: BLE001, S112 - whatever a library raises: it may want longer samples
                continue
    return TrialResult()


def _fresh_module(component: Module, inputs: Inputs) -> nn.Module | None:
    """Return the real module with fresh weights, none of them all 0; None where it cannot be built here."""
    import torch

    try:
        torch.manual_seed(0)
        module = component.model_copy(update={"pretrained": False}).build(inputs)
    except (RuntimeError, ValueError, TypeError, OSError, MemoryError):
        return None
    if sum(item.numel() for item in module.parameters()) > _MOST:
        return None
    for weight in module.parameters():
        if weight.is_floating_point() and not weight.any():
            weight.data.normal_(0, 0.1)  # a last layer of zeros would show nothing
    return module


class _Trial:
    """Runs a module on made-up samples of some lengths."""

    def __init__(
        self, module: nn.Module, visit: Visit, shapes: Sequence[Shape], timed: Sequence[bool]
    ) -> None:
        self.module, self.visit, self.shapes, self.timed = module, visit, shapes, timed
        padding = visit.component.padding_policy()
        wires = [wire.port for wire, _ in visit.wires]
        self.given_lengths = padding is not None and padding.lengths_of in wires

    def run(self, lengths: Sequence[int]) -> TrialResult:
        """Return what is wrong with what it gives for samples of these lengths, the longest last."""
        samples = [self._sample(length, number) for number, length in enumerate(lengths)]
        self.module.eval()
        beside = self._outputs(samples, lengths, lengths[-1] + _FURTHER)
        for row, length in enumerate(lengths):
            alone = self._outputs([samples[row]], [length], length)
            for name, value in alone.items():
                found = self._compared(name, value[0], beside[name][row], length)
                if found.what:
                    return found
        return self._statistics(samples, lengths)

    def _compared(self, name: str, alone: Tensor, beside: Tensor, length: int) -> TrialResult:
        import torch

        shape = self.visit.node.outputs.get(name)
        axis = None if shape is None else shape.time_axis
        if axis is not None:
            steps = int(self.visit.component.output_lengths(length, {"input": tuple(self.shapes)}))
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

        def kept(seed: int, further: int) -> Mapping[str, Tensor]:
            self.module.load_state_dict(state)
            torch.manual_seed(seed)
            with _without_dropout(self.module):
                self._outputs(samples, lengths, lengths[-1] + further)
            return {name: item.clone() for name, item in running_statistics(self.module).items()}

        first, again, padded = kept(0, 0), kept(1, 0), kept(0, _FURTHER)
        for name, item in first.items():
            if torch.allclose(item, again[name], equal_nan=True) and not torch.allclose(
                item, padded[name], **_CLOSE, equal_nan=True
            ):
                return TrialResult("statistics", f"`{name.rpartition('.')[0]}`")
        return TrialResult()

    def _sample(self, length: int, seed: int) -> list[Tensor]:
        """Return a value for each input, of `length` steps where these vary."""
        import torch

        generator = torch.Generator().manual_seed(seed + 1)
        found = []
        for shape, timed in zip(self.shapes, self.timed, strict=True):
            dims = [dim or 4 for dim in shape.dims]
            if timed:
                dims[shape.time_axis or 0] = length
            if shape.dtype == "bool":
                found.append(torch.ones(dims, dtype=torch.bool))
            elif shape.dtype == "int64":
                found.append(torch.randint(shape.classes or 2, dims, generator=generator))
            else:
                found.append(torch.randn(dims, generator=generator))
        return found

    def _outputs(
        self, samples: Sequence[Sequence[Tensor]], lengths: Sequence[int], steps: int
    ) -> dict[str, Tensor]:
        """Return what it gives for samples padded to `steps`."""
        import torch

        tensors = [
            torch.stack([self._padded(sample[number], number, steps) for sample in samples])
            for number in range(len(self.shapes))
        ]
        extra: dict[str, Any] = {"lengths": torch.tensor(list(lengths))} if self.given_lengths else {}
        found = self.module(*tensors, **extra)
        return found if isinstance(found, dict) else {next(iter(self.visit.node.outputs)): found}

    def _padded(self, value: Tensor, number: int, steps: int) -> Tensor:
        import torch

        shape = self.shapes[number]
        if not self.timed[number]:
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
