"""Laws of transforms of targets: what is undone comes back, for every transform and task that there is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch

from declare.contract.facts import FieldFacts, OutputStatistics
from declare.contract.kinds.task import Task
from declare.contract.kinds.transform import InverseStep, Transform
from declare.contract.problem import Problem
from declare.contract.shapes import Layout, Shape
from declare.parsing.inverse_transforms import inverse
from declare.parsing.lookup import find, own_names
from declare.parsing.parser import parse
from tests.components.conformance import SAMPLES, variants

ROWS = 24
NUMBERS: tuple[Layout, ...] = ("number", "vector", "counts", "sequence", "series", "video", "image")


def values_of(shape: Shape) -> np.ndarray:
    """Return positive samples of a field, each output on a scale of its own; pixels for images."""
    draws = np.random.default_rng(5)
    size = (ROWS, *(dim or 4 for dim in shape.dims))
    if shape.layout in {"image", "video"}:
        return draws.integers(0, 256, size).astype(np.uint8)
    scales = 10.0 ** (np.arange(size[-1]) % 4) if len(size) > 1 else 1.0
    return (draws.uniform(0.5, 2, size) * scales).astype(np.float32)


def applied(transform: Transform, shape: Shape) -> tuple[np.ndarray, np.ndarray, dict[str, list[float]]]:
    """Return samples in the units that a model sees without the transform, with it, and its statistics."""
    raw = values_of(shape)
    statistics = transform.fit([raw]) if transform.fitted else {}
    if transform.stored:
        return raw, transform.apply(raw, statistics), statistics
    keys = np.arange(ROWS, dtype=np.uint64)
    plain = raw / np.float32(255) if raw.dtype == np.uint8 else raw
    return plain, transform.build(shape, statistics)(torch.from_numpy(raw), keys).numpy(), statistics


def to_other_units(effect: str) -> Iterator[tuple[Transform, Shape]]:
    """Yield the variants of every transform of an effect with the fields that it takes."""
    for name in own_names("transforms"):
        cls = find("transforms", name)
        if cls is None or cls.effect != effect:
            continue
        for transform in variants("transforms", name):
            for layout in NUMBERS:
                dtype = "uint8" if layout in {"image", "video"} else "float32"
                shape = SAMPLES[layout]._replace(dtype=dtype)
                if not isinstance(transform.infer(shape), Problem):
                    yield transform, shape


UNITS = list(to_other_units("units"))


def test_there_are_transforms_to_other_units() -> None:
    """The laws below are about something."""
    assert {type(transform).type_name() for transform, _ in UNITS} >= {"log", "standardize", "normalize"}


def undone(transform: Transform, statistics: dict[str, list[float]]) -> InverseStep:
    """Return the step back through a transform."""
    return InverseStep(
        transform=transform.dump(), statistics={key: tuple(item) for key, item in statistics.items()}
    )


def test_what_is_invertible_comes_back() -> None:
    """Values that went through an invertible transform and back are what they were; shapes stay."""
    for transform, shape in UNITS:
        raw, changed, statistics = applied(transform, shape)
        assert changed.shape == raw.shape, transform
        if transform.invertible:
            back = inverse([undone(transform, statistics)])
            assert back is not None
            found = back(torch.from_numpy(changed).double()).numpy()
            np.testing.assert_allclose(found, raw, rtol=2e-5, atol=1e-6 * float(np.abs(raw).max()))


def test_what_changes_units_or_ranges_changes_each_value_by_itself() -> None:
    """A value's image does not depend on its neighbours: reversing samples reverses what becomes of them."""
    for transform, shape in UNITS + list(to_other_units("range")):
        if not transform.stored:
            continue
        raw, changed, statistics = applied(transform, shape)
        np.testing.assert_array_equal(transform.apply(raw[::-1], statistics), changed[::-1])
        assert not isinstance(transform.infer(shape), Problem)
        assert transform.infer(shape).dims == shape.dims


def test_affine_transforms_shift_and_scale_each_channel() -> None:
    """Differences within a channel keep their proportions."""
    for transform, shape in UNITS:
        if not transform.affine:
            continue
        raw, changed, _ = applied(transform, shape)
        channels = (raw, changed) if raw.ndim < 2 else (raw[:, 0], changed[:, 0])
        x, y = (item.reshape(-1).astype(float) for item in channels)
        if len(shape.dims) <= 1 or shape.layout in {"series", "image", "video"}:
            slope, offset = np.polyfit(x, y, 1)
            np.testing.assert_allclose(y, slope * x + offset, atol=1e-3 * np.abs(y).max())


def tasks_in_other_units() -> list[type[Task]]:
    """Return the task types whose target may be in other units."""
    found = [find("tasks", name) for name in own_names("tasks")]
    return [
        item
        for item in found
        if item is not None and issubclass(item, Task) and "units" in item.target_effects
    ]


def facts_of(changed: np.ndarray, shape: Shape) -> FieldFacts:
    """Return the facts of what a task learns."""
    flat = changed.reshape(-1, changed.shape[-1] if changed.ndim > 1 else 1).astype(float)
    low, high = flat.min(0), flat.max(0)
    columns: dict[str, Any] = {"mean": flat.mean(0), "std": flat.std(0), "minimum": low, "maximum": high}
    statistics = {key: tuple(map(float, item)) for key, item in columns.items()}
    known = (len(flat),) * flat.shape[1]
    return FieldFacts(shape=shape, outputs=OutputStatistics(known=known, **statistics))


@pytest.mark.parametrize("cls", tasks_in_other_units(), ids=lambda cls: cls.type_name())
def test_predictions_and_metrics_of_every_task_are_in_the_datas_units(cls: type[Task]) -> None:
    """A model that gives exactly what it was to learn gives the data's own values, to metrics and to users."""
    tried = 0
    for transform, shape in UNITS:
        if shape.layout not in cls.targets:
            continue
        raw, changed, statistics = applied(transform, shape)
        task: Any = parse("tasks", {"type": cls.type_name(), "target": "y", "dataset": "d"})
        linked = task.link({"d": facts_of(changed, transform.infer(shape))})
        adapter = task.build(linked.model_copy(update={"undo": (undone(transform, statistics),)}))
        batch = {"y": torch.from_numpy(changed)}
        output = adapter.target(batch)
        for found in adapter.scores(output, batch):
            seen = found.movedim(-1, 1) if found.shape != raw.shape else found
            np.testing.assert_allclose(seen.numpy(), raw, rtol=1e-4, atol=1e-5)
        said = adapter.predict(output)
        if "value" in said:
            np.testing.assert_allclose(said["value"].numpy(), raw, rtol=1e-4, atol=1e-5)
        tried += 1
    assert tried >= 3


def test_figures_of_scale_free_tasks_are_scale_free() -> None:
    """Metrics of a task whose affine transforms are not undone stay when channels are shifted and scaled."""
    for name in own_names("tasks"):
        cls: Any = find("tasks", name)
        if not cls.scale_free:
            continue
        linked = parse("tasks", {"type": name, "target": "y", "dataset": "d"}).link(
            {"d": FieldFacts(shape=SAMPLES["vector"])}
        )
        prediction, truth = torch.randn(2, 40, 6, generator=torch.Generator().manual_seed(1)).double()
        scale, shift = torch.tensor([0.1, 1.0, 3.0, 10.0, 2.0, 0.5]).double(), torch.arange(6).double()
        for metric in own_names("metrics"):
            component: Any = find("metrics", metric)
            if cls.prediction in component.takes:
                figures = []
                for one, other in ((prediction, truth), (prediction * scale + shift, truth * scale + shift)):
                    built = parse("metrics", metric).build(linked)
                    (built.accumulator if hasattr(built, "accumulator") else built).update(one, other)
                    figures.append(float(built.compute()))
                assert figures[0] == pytest.approx(figures[1], rel=1e-6), metric
