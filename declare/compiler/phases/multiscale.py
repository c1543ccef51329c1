"""Phases that show the model one field at several sizes: does every size fit, and what does each cost."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from declare.compiler.graph.shape_inference import InferredShapes, Shaper
from declare.compiler.reports import Reports
from declare.compiler.stages import ScoredSpec, WiredSpec
from declare.contract.component import plain
from declare.contract.problem import Problem
from declare.contract.shapes import Shape
from declare.ir.plan import ScalesPlan
from declare.rules.spec_parts import LocatedBlock, phase_datasets, phase_tasks


def phase_scales(
    stage: ScoredSpec, phase: LocatedBlock[Any], steps: int, epoch: int
) -> Reports[ScalesPlan | None]:
    """Return the scales of a phase of `steps`, `epoch` of them an epoch; None for none or wrong ones."""
    stated, datasets = phase.block.scales, phase_datasets(stage, phase.block)
    if stated is None or not any(stated.field in stage.shapes[name] for name in datasets):
        return None  # an unknown field is reported with the names
    at = f"{phase.path}.scales"
    problems = [*_field(stage, phase, at), *_check_progressive(stated, at, steps, epoch)]
    problems = problems or [*_evaluation_problems(stage, phase, at)]
    if problems:
        yield from problems
        return None
    costs, problems = [], [*_comparison(stage, phase, at)]
    for index, size in enumerate(stated.sizes):
        cost = _cost(stage, phase, size)
        if isinstance(cost, Problem):
            problems.append(replace(cost, at=f"{at}.sizes.{index}"))
        else:
            costs.append(cost)
    yield from problems
    if problems:
        return None
    yield from _larger(stage, phase, at)
    return ScalesPlan(
        field=stated.field,
        sizes=tuple(stated.sizes),
        mode=stated.mode,
        materialize=stated.materialize,
        ends=_ends(stated, steps, epoch),
        evaluate=_evaluation_size(stage, phase),
        consistency=None if stated.consistency is None else plain(stated.consistency),
        flops=tuple(flops for flops, _ in costs),
        activation_bytes=tuple(size for _, size in costs),
        stored_bytes=sum(stage.nodes[path].activation_bytes or 0 for path in _trained_nodes(stage, phase)),
    )


def _field(stage: ScoredSpec, phase: LocatedBlock[Any], at: str) -> Iterator[Problem]:
    """Yield why the field cannot be scaled."""
    name = phase.block.scales.field
    datasets = phase_datasets(stage, phase.block)
    shapes = [stage.shapes[dataset][name] for dataset in datasets if name in stage.shapes[dataset]]
    odd = next((shape for shape in shapes if shape.layout != "image" or None in shape.dims), None)
    if odd is not None:
        yield Problem(
            "SHP530",
            f"`{name}` is {odd}: scales need images of one size",
            at=f"{at}.field",
            label="not images of one size",
            helps=("name an image field", "bring images to one size first: a `resize` transform"),
        )
        return
    trained = phase_tasks(stage, phase.block) or {}
    target = next((task for task in trained if stage.tasks[task].target_field == name), None)
    if target is not None:
        yield Problem(
            "SHP530",
            f"`{name}` is what task `{target}` predicts, so it has one size",
            at=f"{at}.field",
            label="a target",
            also={f"tasks.{target}.target": "predicted here"},
            helps=("leave the scales of this phase out",),
        )
    elif not any(name in _fields_of_head(stage, task) for task in trained):
        yield Problem(
            "SHP530",
            f"no task of the phase reads `{name}`",
            at=f"{at}.field",
            label="read by nothing",
            helps=("name the image field that the model reads",),
        )


def _stored_sizes(stage: ScoredSpec, phase: LocatedBlock[Any]) -> set[int]:
    """Return the shorter edges of the field's images as they are stored."""
    name = phase.block.scales.field
    shapes = [stage.shapes[dataset].get(name) for dataset in phase_datasets(stage, phase.block)]
    return {min(int(dim or 0) for dim in shape.dims[1:]) for shape in shapes if shape is not None}


def _evaluation_size(stage: ScoredSpec, phase: LocatedBlock[Any]) -> int | None:
    """Return the size that evaluations are of; None if it is the one that is trained."""
    stated, stored = phase.block.scales, _stored_sizes(stage, phase)
    if stated.evaluate is not None or stated.mode == "progressive":
        return stated.evaluate and int(stated.evaluate)
    only_size = next(iter(stored)) if len(stored) == 1 else None
    return only_size if only_size in stated.sizes else max(stated.sizes)


def _evaluation_problems(stage: ScoredSpec, phase: LocatedBlock[Any], at: str) -> Iterator[Problem]:
    """Yield a problem if the size of evaluations is neither trained nor that of the data."""
    stated = phase.block.scales
    if stated.evaluate is None or stated.evaluate in {*stated.sizes, *_stored_sizes(stage, phase)}:
        return
    yield untrained_size(stated.evaluate, stated.sizes, f"{at}.evaluate", {f"{at}.sizes": "the sizes"})


def untrained_size(size: int, sizes: Sequence[int], at: str, also: Mapping[str, str]) -> Problem:
    """Return the finding that evaluations would be of a size that no step trains at."""
    nearest = min(sizes, key=lambda trained: abs(trained - size))
    return Problem(
        "PHS645",
        f"evaluations at {size} pixels, but no step trains at that size",
        at=at,
        label="norms have no statistics of it",
        also=also,
        helps=(f"name a size that is trained: {nearest}", f"or add {size} to `sizes`"),
    )


def _fields_of_head(stage: ScoredSpec, task: str) -> set[str]:
    """Return the fields that a task's head depends on."""
    upstream = stage.wiring.upstream(stage.tasks[task].head)
    wires = [wire for path in upstream for wire in stage.nodes[path].wires]
    return {wire.name for wire in wires if wire.source == "field"}


def _check_progressive(stated: Any, at: str, steps: int, epoch: int) -> Iterator[Problem]:
    """Yield what is wrong with the durations of a progressive course."""
    if stated.mode == "progressive" and not stated.durations and len(stated.sizes) > steps:
        yield Problem(
            "PHS650",
            f"{len(stated.sizes)} sizes do not fit into a phase of {_count(steps, 'step')}",
            at=f"{at}.sizes",
            label="more sizes than steps",
            helps=("train longer, or at fewer sizes",),
        )
    if not stated.durations:
        return
    wanted = (len(stated.sizes) - 1, len(stated.sizes))
    if len(stated.durations) not in wanted:
        yield Problem(
            "PHS650",
            f"{_count(len(stated.sizes), 'size')} but {_count(len(stated.durations), 'duration')}",
            at=f"{at}.durations",
            label="one for each size",
            also={f"{at}.sizes": "the sizes"},
            helps=("give each size its duration; that of the last may be left out",),
        )
        return
    lengths = [item.steps(steps, epoch) for item in stated.durations]
    if sum(lengths[: wanted[0]]) >= steps:
        yield Problem(
            "PHS650",
            f"the sizes before the last take {sum(lengths[: wanted[0]])} steps, the phase has {steps}",
            at=f"{at}.durations",
            label="the last size is never trained",
            helps=("shorten the durations, or train longer",),
        )


def _ends(stated: Any, steps: int, epoch: int) -> tuple[int, ...]:
    """Return the step at which each size of a progressive course ends; the last one ends with the phase."""
    count = len(stated.sizes)
    if stated.mode != "progressive":
        return ()
    if not stated.durations:
        return tuple(steps * (index + 1) // count for index in range(count))
    ends, passed = [], 0
    for duration in stated.durations[: count - 1]:
        passed += max(1, duration.steps(steps, epoch))
        ends.append(passed)
    return (*ends, steps)


def _comparison(stage: ScoredSpec, phase: LocatedBlock[Any], at: str) -> Iterator[Problem]:
    """Yield tasks whose predictions the consistency cannot compare."""
    stated = phase.block.scales.consistency
    if stated is None or stated.type != "kl":
        return
    for name in phase_tasks(stage, phase.block) or {}:
        prediction = stage.tasks[name].target.prediction
        if prediction not in {"class_logits", "pixel_logits"}:
            yield Problem(
                "LOS418",
                f"`kl` compares class probabilities, but task `{name}` predicts {_prediction_text(prediction)}",
                at=f"{at}.consistency.type",
                label="no probabilities to compare",
                also={f"tasks.{name}.type": "predicts something else"},
                helps=("compare with `type: mse`",),
            )
            return


def _count(number: int, word: str) -> str:
    return f"{number} {word}" + ("" if number == 1 else "s")


def _prediction_text(prediction: str) -> str:
    return prediction.replace("_", " ")


def _cost(stage: ScoredSpec, phase: LocatedBlock[Any], size: int) -> tuple[int, int] | Problem:
    """Return FLOPs and activation bytes of a sample at a size, or why the model cannot take it."""
    flops, memory = 0, 0
    shaper = Shaper(scaled_spec(stage, phase.block.scales.field, size))
    datasets = phase_datasets(stage, phase.block)
    for path in _trained_nodes(stage, phase):
        node = stage.nodes[path]
        by_dataset = {name: shaper.one(path, name) for name in datasets if name in node.datasets}
        for name, inferred in by_dataset.items():
            if isinstance(inferred, Problem):
                return inferred
            stored = node.variants[name].parameters if name in node.variants else node.parameters
            if inferred is not None and not node.adapts and inferred.costs.parameters != stored:
                return _other_weights(node.name, stored, size, inferred.costs.parameters)
        inferred = next(iter(by_dataset.values()), None)
        if inferred is None:
            continue
        assert isinstance(inferred, InferredShapes)
        flops += inferred.costs.flops or 0
        memory += inferred.costs.activation_bytes or 0
    return flops, memory


def scaled_spec(stage: ScoredSpec, field: str, size: int) -> WiredSpec:
    """Return the spec with the shorter edge of a field's images at a size."""
    scaled = {
        dataset: {**shapes} | ({field: at_size(shapes[field], size)} if field in shapes else {})
        for dataset, shapes in stage.shapes.items()
    }
    return replace(stage, shapes=scaled)


def _other_weights(name: str, stored: int, size: int, there: int) -> Problem:
    return Problem(
        "SHP502",
        f"`{name}` has {stored:,} weights, at {size} pixels {there:,}",
        label="needs other weights",
        helps=("use a module that takes any size, such as `cnn` or a convolutional `timm` model",),
    )


def _trained_nodes(stage: ScoredSpec, phase: LocatedBlock[Any]) -> dict[str, None]:
    """Return the paths of the nodes that the phase trains."""
    trained = phase_tasks(stage, phase.block) or {}
    return dict.fromkeys(path for task in trained for path in stage.wiring.upstream(stage.tasks[task].head))


def at_size(shape: Shape, size: int) -> Shape:
    """Return an image's shape with its shorter edge at `size`, as pixels 0..1."""
    channels, height, width = (int(dim or 0) for dim in shape.dims)
    shorter = min(height, width)
    dims = (channels, *(max(1, round(edge * size / shorter)) for edge in (height, width)))
    return shape._replace(dims=dims)


def _larger(stage: ScoredSpec, phase: LocatedBlock[Any], at: str) -> Iterator[Problem]:
    """Yield sizes that the stored images do not have: upsampling shows nothing new."""
    stated = phase.block.scales
    for dataset in phase_datasets(stage, phase.block):
        shape = stage.shapes[dataset].get(stated.field)
        stored = min(int(dim or 0) for dim in shape.dims[1:]) if shape else 0
        for index, size in enumerate(stated.sizes):
            if stored and size > stored:
                yield Problem(
                    "SHP531",
                    f"{size} pixels are more than the {stored} of `{dataset}`",
                    at=f"{at}.sizes.{index}",
                    label="blown up",
                    helps=(f"use sizes up to {stored}",),
                )
                return
