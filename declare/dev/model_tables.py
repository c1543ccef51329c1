"""Writes the tables of the models of timm and torchvision: what validation must know of them without torch.

`python -m declare.dev.model_tables timm --time 15` measures every model on torch's meta device (no memory, no
download).
"""

from __future__ import annotations

import argparse
import signal
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from fnmatch import fnmatch
from fractions import Fraction
from functools import cache
from importlib import import_module
from operator import mul
from typing import TYPE_CHECKING

from declare.compiler.meta.flop_count import BATCH, ForwardMeasure, measure
from declare.components.modules._model_tables import TABLES
from declare.system.library_table import LibraryTable, Record, dump, installed_version

if TYPE_CHECKING:
    from torch import nn

Build = Callable[[int], "nn.Module"]
ROUNDINGS: dict[str, Callable[[int, int], int]] = {
    "ceil": lambda size, reduction: -(-size // reduction),
    "floor": lambda size, reduction: size // reduction,
}
REDUCTIONS = (1, 2, 4, 8, 16, 32, 64)
SIZES = (65, 70, 84, 97, 111, 127, 150, 200, 288)
"""Side lengths that settle whether a map has ceil(size / reduction) or floor(size / reduction) rows."""


class TooSlowError(Exception):
    """Raised when a model takes longer than its time limit."""


@contextmanager
def limit(seconds: int) -> Iterator[None]:
    """Raise `TooSlowError` in the main thread after `seconds`."""

    def stop(*_: object) -> None:
        raise TooSlowError

    signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)


def run(build: Build, channels: int, height: int, width: int | None = None) -> ForwardMeasure:
    """Measure a model on the meta device, with square images if no width is given."""
    import torch

    with torch.device("meta"):
        return measure(build(channels), [torch.empty(BATCH, channels, height, width or height)])


def on_meta(build: Build) -> Build:
    """Return a builder of models on the meta device, each built once; what reads values is moved there."""
    import torch

    @cache
    def make(channels: int) -> nn.Module:
        try:
            return build(channels)
        except (NotImplementedError, RuntimeError):
            with torch.device("cpu"):
                return build(channels).to("meta")

    return make


def examine(build: Build, size: int, *, quick: bool = False) -> Record:
    """Return the record of a model whose default images have `size` x `size` pixels.

    Models that do not follow the rules that validation computes with are left out, and so are answered by
    a probe.
    """
    plain, single, four = run(build, 3, size), run(build, 1, size), run(build, 4, size)
    slope, odd = divmod(plain.parameters - single.parameters, 2)
    flops_slope = (plain.flops - single.flops) // 2
    record: Record = {"outputs": {name: list(shape) for name, (shape, _) in plain.outputs.items()}}
    linear = not odd and (four.parameters, four.flops) == (
        plain.parameters + slope,
        plain.flops + flops_slope,
    )
    if not linear or not four.outputs == plain.outputs == single.outputs:
        return record
    record |= {"parameters": [plain.parameters, slope], "flops": [plain.flops, flops_slope]}
    if plain.activation_bytes == single.activation_bytes == four.activation_bytes:
        record["activation_bytes"] = plain.activation_bytes
    if quick:
        refuses = all(attempt(build, other) is None for other in (97, 160) if other != size)
        return record | ({"fixed": True} if refuses else {})
    return record | sizes(build, size, plain)


def sizes(build: Build, size: int, plain: ForwardMeasure) -> Record:
    """Return what the model makes of other sizes: `fixed`, or the rules that hold from `least` upwards."""
    measures = {size: plain}
    measures |= {
        other: outcome for other in (8, 16, 32, *SIZES) if (outcome := attempt(build, other)) is not None
    }
    if not any(other in measures for other in SIZES if other != size):
        return {"fixed": True}
    if any(other not in measures for other in SIZES) or (wide := attempt(build, 120, 184)) is None:
        return {}
    least = min(
        (8, 16, 32, SIZES[0]),
        key=lambda low: (any(other not in measures for other in (8, 16, 32) if other >= low), low),
    )
    reduction, rounding = grid(measures, wide)
    if rounding is None:
        return {}
    record: Record = {"least": least, "rounding": rounding}
    if reduction:
        record["reduction"] = reduction
    flops = fit({other: outcome.flops for other, outcome in measures.items()}, wide.flops, rounding)
    written = fit(
        {other: outcome.activation_bytes for other, outcome in measures.items()},
        wide.activation_bytes,
        rounding,
    )
    single = run(build, 1, size)
    rows = [r for r in REDUCTIONS if _stem(plain, single, ROUNDINGS[rounding](size, r))]
    if flops and written and rows:
        record |= {"flops_at": flops, "bytes_at": written, "stem": rows[0]}
    return record


def _stem(plain: ForwardMeasure, single: ForwardMeasure, rows: int) -> bool:
    return plain.flops - single.flops == 2 * (plain.parameters - single.parameters) * rows * rows


def grid(measures: Mapping[int, ForwardMeasure], wide: ForwardMeasure) -> tuple[int | None, str | None]:
    """Return reduction (None without a map) and rounding of the map's size; (None, None) without a rule."""
    first = next(iter(measures.values()))
    alike = {
        (outcome.parameters, outcome.outputs["output"], tuple(outcome.outputs))
        for outcome in [*measures.values(), wide]
    }
    if len(alike) > 1 or set(first.outputs) - {"output", "map"}:
        return None, None
    if "map" not in first.outputs:
        return None, "ceil"
    for rounding, rule in ROUNDINGS.items():
        for reduction in REDUCTIONS:
            if all(
                outcome.outputs["map"][0][1:] == (rule(size, reduction),) * 2
                for size, outcome in measures.items()
            ):
                fits = wide.outputs["map"][0][1:] == (rule(120, reduction), rule(184, reduction))
                return (reduction, rounding) if fits else (None, None)
    return None, None


def fit(values: Mapping[int, int], wide: int, rounding: str) -> list[int] | None:
    """Return whole coefficients of rows x columns at each reduction, and a constant, that give all values.

    `wide` is the value for 120 x 184 pixels, an equation that the fit must meet without having seen it.
    """
    rule = ROUNDINGS[rounding]
    rows = [
        [Fraction(rule(size, r) ** 2) for r in REDUCTIONS] + [Fraction(1), Fraction(value)]
        for size, value in values.items()
    ]
    solution = solve(rows)
    if solution is None or any(item.denominator != 1 for item in solution):
        return None
    terms = [rule(120, r) * rule(184, r) for r in REDUCTIONS] + [1]
    return [int(item) for item in solution] if sum(map(mul, solution, terms)) == wide else None


def solve(rows: list[list[Fraction]]) -> list[Fraction] | None:
    """Solve linear equations [coefficients..., value]; free unknowns are 0, None if they contradict."""
    unknowns = len(rows[0]) - 1
    pivots: list[int] = []
    for column in range(unknowns):
        top = len(pivots)
        pivot = next((i for i in range(top, len(rows)) if rows[i][column]), None)
        if pivot is None:
            continue
        rows[top], rows[pivot] = rows[pivot], rows[top]
        rows[top] = [item / rows[top][column] for item in rows[top]]
        for i, row in enumerate(rows):
            if i != top and row[column]:
                rows[i] = [a - row[column] * b for a, b in zip(row, rows[top], strict=True)]
        pivots.append(column)
    if any(row[-1] for row in rows[len(pivots) :]):
        return None
    solution = {column: rows[i][-1] for i, column in enumerate(pivots)}
    return [solution.get(column, Fraction(0)) for column in range(unknowns)]


def attempt(build: Build, height: int, width: int | None = None) -> ForwardMeasure | None:
    """Measure at another size; None if the model refuses it."""
    try:
        return run(build, 3, height, width)
    except TooSlowError:
        raise
    except Exception:  # noqa: BLE001 - a library's models refuse in many ways
        return None


def models(table: LibraryTable) -> Iterator[tuple[str, Record, Build, int]]:
    """Yield name, the library's description, builder and default size of every model."""
    (library,) = table.libraries
    library_module = import_module(f"declare.nn.modules.{library}")
    real = next(
        value
        for name, value in vars(library_module).items()
        if name.lower() == library and isinstance(value, type)
    )
    for name, record in import_module(table.introspection).records().items():
        yield name, record, lambda channels, name=name: real(name, channels), record["size"]  # type: ignore[misc]


def table(shipped: LibraryTable, options: argparse.Namespace) -> Iterator[dict[str, Record]]:
    """Yield the records of a library as they grow: after every 20 models measured, and at the end.

    A model that is too slow or refuses has no record. Models that the library no longer has are dropped.
    """
    entries = list(models(shipped))
    records = {name: shipped.shipped_records.get(name, record) for name, record, _, _ in entries}
    done = 0
    for name, record, build, size in entries:
        if not fnmatch(name, options.only) or (options.missing and "parameters" in records[name]):
            continue
        try:
            with limit(options.time):
                records[name] = record | examine(on_meta(build), size, quick=options.quick)
        except Exception as error:  # noqa: BLE001 - a library's models fail in many ways
            records[name] = record
            print(f"{name}: {type(error).__name__} {str(error).splitlines()[:1]}", file=sys.stderr)
        done += 1
        if done % 20 == 0:
            yield records
    yield records


def main() -> None:
    """Write the tables that are named on the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("libraries", nargs="+", choices=sorted(TABLES))
    parser.add_argument(
        "--only", default="*", help="measure only the models that match; keep the others' records"
    )
    parser.add_argument("--missing", action="store_true", help="measure only models without measurements")
    parser.add_argument("--quick", action="store_true", help="measurements only at the default size")
    parser.add_argument("--time", type=int, default=15, help="seconds for one model")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    for library in options.libraries:
        shipped = TABLES[library]
        for records in table(shipped, options):
            versions = {library: installed_version(library)}
            text = dump(versions, records, measured_with={"torch": installed_version("torch")})
            shipped.path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
