"""Statistics that the transforms of a dataset store: names, and the number of values in each."""

from collections.abc import Iterator, Mapping

from declare.contract.kinds.transform import Transform
from declare.contract.problem import Problem
from declare.contract.shapes import Shape
from declare.ir.plan import DatasetPlan
from declare.parsing.read_component import read_component

Statistics = Mapping[str, Mapping[str, list[float]]]


def statistics_mismatch(plan: DatasetPlan, statistics: Statistics) -> str:
    """Return why statistics (`INDEX.FIELD` -> name -> numbers) are not those of the plan's transforms, or nothing."""
    expected = dict(_expected_sizes(plan))
    if statistics.keys() != expected.keys():
        odd = min(statistics.keys() ^ expected.keys())
        return f"transforms that learn are {', '.join(expected) or 'none'}: see `{odd}`"
    for key, sizes in expected.items():
        lengths = {name: len(values) for name, values in statistics[key].items()}
        if lengths.keys() != sizes.keys():
            return f"`{key}` contains {', '.join(lengths) or 'nothing'} instead of {', '.join(sizes)}"
        for name, size in sizes.items():
            if size is not None and lengths[name] != size:
                return f"`{key}.{name}` has {lengths[name]} numbers instead of {size}"
    return ""


def _expected_sizes(plan: DatasetPlan) -> Iterator[tuple[str, dict[str, int | None]]]:
    """Yield `INDEX.FIELD` and the length of each statistic by name, None if it varies with the samples."""
    transforms = [read_component("transforms", block) for block in plan.transforms]
    for name, field in plan.fields.items():
        sizes: dict[str, dict[str, int | None]] = {}
        for side in ("train", "eval"):
            shape = field.facts.shape
            for index, transform in enumerate(transforms):
                assert isinstance(transform, Transform)
                if name not in {transform.field, *(transform.fields or ())} or transform.on not in {
                    "all",
                    side,
                }:
                    continue
                if transform.fitted:
                    sizes.setdefault(f"{index}.{name}", _sizes(transform, shape))
                after = transform.infer(shape) if transform.has_apply() else shape
                shape = shape if isinstance(after, Problem) else after
        yield from sizes.items()


def _sizes(transform: Transform, shape: Shape) -> dict[str, int | None]:
    """Return the length of each statistic of a transform: as it learns them from a made-up sample of a shape."""
    import numpy as np

    sample = np.zeros((1, *(1 if dim is None else dim for dim in shape.dims)), shape.dtype)
    varies = None in shape.dims[:1]
    return {key: None if varies else len(values) for key, values in transform.fit([sample]).items()}
