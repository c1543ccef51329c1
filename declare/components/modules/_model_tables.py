"""Shapes and costs of library models from generated tables, without importing the library.

The tables are exact: values that follow no rule verified at many sizes are omitted, and the real model is
probed instead. For another version of a library, the tables give names, default sizes and tags; shapes and
costs come from a probe.
"""

from pathlib import Path

from declare.contract.kinds.module import Costs, Module, Outputs
from declare.contract.nodes.input_check import input_path, varying_size
from declare.contract.problem import Problem, Rewrite
from declare.contract.shapes import Dim, Shape
from declare.diagnostics.suggest import did_you_mean, suggest
from declare.system.library_table import LibraryTable, Record

FOLDER = Path(__file__).parent / "tables"
REDUCTIONS = (1, 2, 4, 8, 16, 32, 64)
"""Sizes of maps by which costs are broken down, as divisors of the image size; a constant comes last."""


TABLES = {
    path.stem: LibraryTable(path, f"{__package__}._introspect_{path.stem}", (path.stem,))
    for path in sorted(FOLDER.glob("*.json"))
}
"""Library -> its models."""


def record(library: str, name: str) -> Record | None:
    """Return the record of a model of the installed library; None if it has no model of this name."""
    return TABLES[library].record(name)


def names(library: str) -> list[str]:
    """Return the names of all models of the installed library."""
    return list(TABLES[library].records())


def unknown(library: str, name: str) -> Problem:
    """Return the problem that a library has no model of this name, with the nearest names."""
    known = names(library)
    hint = did_you_mean(name, known)
    nearest = suggest(name, known)
    rewrites = tuple(Rewrite(f"use `{other}`", "name", other, safe=False) for other in nearest[:1])
    title = f"{library} has no model `{name}`"
    return Problem(
        "REF241", title, at="name", label="unknown", helps=(hint,) if hint else (), rewrites=rewrites
    )


def takes_one_size(library: str, name: str) -> bool:
    """Return whether a model accepts only its default image size, in the version that was measured."""
    return bool(TABLES[library].shipped_records.get(name, {}).get("fixed"))


def is_even(record: Record | None, shape: Shape) -> bool:
    """Return whether no model of the table drops pixels of such images: its default size, or sizes halved evenly."""
    sides = shape.dims[1:]
    return record is not None and (
        set(sides) == {record.get("size")} or all(side is None or side % 32 == 0 for side in sides)
    )


def outputs(node: Module, record: Record, shape: Shape) -> Outputs | Problem | None:
    """Return a model's outputs for images of `shape`, the problem, or None if a probe is needed."""
    if "outputs" not in record or "parameters" not in record:
        return None
    height, width = shape.dims[1:]
    side = record["size"]
    if (height, width) == (side, side):
        return {name: _shape(name, tuple(dims)) for name, dims in record["outputs"].items()}
    if record.get("fixed"):
        return (
            varying_size(node, "image size", "input")
            if None in {height, width}
            else _wrong_size(node, side, shape)
        )
    if not _follows_rounding(record, shape):
        return None
    result: Outputs = {}
    for name, dims in record["outputs"].items():
        grid = (
            tuple(_rows(record, size, record["reduction"]) for size in (height, width))
            if name == "map"
            else dims[1:]
        )
        result[name] = _shape(name, (dims[0], *grid))
    return result


def costs(record: Record, shape: Shape) -> Costs | None:
    """Return a model's costs for images of `shape`, or None if a probe is needed."""
    channels, height, width = shape.dims
    if channels is None or "parameters" not in record:
        return None
    extra = channels - 3
    parameters = record["parameters"][0] + extra * record["parameters"][1]
    if (height, width) == (record["size"], record["size"]):
        return Costs(
            parameters, record["flops"][0] + extra * record["flops"][1], record.get("activation_bytes")
        )
    if height is None or width is None:
        return Costs(parameters)
    if not _follows_rounding(record, shape) or "flops_at" not in record:
        return None
    places = [_area(record, height, width, reduction) for reduction in REDUCTIONS] + [1]
    stem = 2 * extra * record["parameters"][1] * _area(record, height, width, record["stem"])
    flops = sum(share * area for share, area in zip(record["flops_at"], places, strict=True)) + stem
    return Costs(
        parameters, flops, sum(share * area for share, area in zip(record["bytes_at"], places, strict=True))
    )


def _follows_rounding(record: Record, shape: Shape) -> bool:
    return "rounding" in record and all(size is None or size >= record["least"] for size in shape.dims[1:])


def _rows(record: Record, size: Dim, reduction: int) -> Dim:
    if size is None:
        return None
    return -(-size // reduction) if record["rounding"] == "ceil" else size // reduction


def _area(record: Record, height: int, width: int, reduction: int) -> int:
    return (_rows(record, height, reduction) or 0) * (_rows(record, width, reduction) or 0)


def _shape(name: str, dims: tuple[Dim, ...]) -> Shape:
    return Shape("image" if name == "map" else "sequence" if name == "sequence" else "vector", dims)


def _wrong_size(node: Module, side: int, shape: Shape) -> Problem:
    _, height, width = shape.dims
    helps = [f"resize the images: `{{type: resize, field: image, size: {side}}}` in the dataset's transforms"]
    if height == width:
        helps.append(f"or build the model for this size, if it supports that: `args: {{img_size: {height}}}`")
    return Problem(
        "SHP502",
        f"images are {height} x {width}, but `{node.shown_name()}` only takes {side} x {side}",
        at=input_path(node, "input"),
        label=f"{height} x {width} pixels",
        helps=tuple(helps),
    )
