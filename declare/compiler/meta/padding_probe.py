"""Whether a third-party module masks padding: it is tested once in a separate process.

Answers are kept as those of probes are, so that torch is imported only for a question that is new.
"""

from collections.abc import Iterator

from declare.compiler.meta.shape_cache import cached_answer, plain_inputs, question_key, trial_problem
from declare.compiler.stages import ShapedSpec
from declare.contract.kinds.module import Inputs, Module
from declare.contract.problem import Problem
from declare.data.read import cache
from declare.ir.plan import Wire
from declare.ir.sample_lengths import Visit
from declare.rules.queries.fields import field_place
from declare.rules.queries.sample_lengths import lengths_in_words, lengths_on_the_way, node_place
from declare.system import worker_process
from declare.system.worker_process import CallError

_FORMAT = 3
"""Raised when modules are tried in another way, so that kept answers are forgotten."""


def padding_problems(stage: ShapedSpec) -> Iterator[Problem]:
    """Yield each third-party module that reads padding although it is declared to mask it."""
    seen = set()
    for dataset, visit in lengths_on_the_way(stage.view):
        component = visit.component
        uneven = next((wire for wire, span in visit.wires if span is not None and not span.fixed), None)
        if not isinstance(component, Module) or not component.padding_by_trial or uneven is None:
            continue
        if component.padding_policy() is None or visit.node.path in seen:
            continue
        seen.add(visit.node.path)
        try:
            trial = _cached_trial(visit)
        except CallError as error:
            yield trial_problem(component, error, node_place(stage.view, visit, uneven))
            continue
        if trial["what"]:
            yield _problem(stage, dataset, visit, uneven, trial)


def _cached_trial(visit: Visit) -> dict[str, str]:
    """Return what a trial found, from the cache if the question was asked before; raises `CallError`."""
    component = visit.component
    shortest = next(span.counts[0] for _, span in visit.wires if span is not None and not span.fixed)
    inputs: Inputs = {}
    for wire, _ in visit.wires:
        inputs = {**inputs, wire.port: (*inputs.get(wire.port, ()), wire.shape)}
    key = question_key(type(component).kind(), component, [_FORMAT, plain_inputs(inputs), shortest])
    question = {
        "kind": type(component).kind(),
        "block": component.dump() | {"pretrained": False},
        "wires": [
            [wire.port, list(wire.shape), span is not None and not span.fixed] for wire, span in visit.wires
        ],
        "outputs": {name: list(shape) for name, shape in visit.node.outputs.items()},
        "shortest": shortest,
    }
    answer: dict[str, str] = cached_answer(
        cache.folder("padding") / f"{key}.json",
        lambda: worker_process.call("declare.compiler.meta.padding_trial:answer_plain", question),
    )
    return answer


_TITLES = {
    "result": "what `{name}` gives for a sample depends on longer ones in its batch",
    "statistics": "padding enters the running statistics of a norm in `{name}`",
    "steps": "`{name}` gives another number of steps than its input has",
    "lengths": "`{name}` takes no `lengths`, so it cannot know where samples end",
}


def _problem(stage: ShapedSpec, dataset: str, visit: Visit, wire: Wire, trial: dict[str, str]) -> Problem:
    assert isinstance(visit.component, Module)
    field = next(span.field for _, span in visit.wires if span is not None and not span.fixed)
    place = field_place(stage.view, dataset, field)
    return Problem(
        "SHP536",
        _TITLES[trial["what"]].format(name=visit.node.name),
        at=node_place(stage.view, visit, wire),
        label="reads padding",
        also={place: lengths_in_words(stage.view, dataset, field)},
        notes=(f"it was built and run on made-up samples: {trial['words']}",) if trial["words"] else (),
        helps=visit.component.padding_helps(),
    )
