"""Test data must not select a checkpoint, stop a phase or guide a search, and no file may be in two splits."""

from collections.abc import Iterator
from pathlib import Path

from declare.contract.problem import Problem, Rewrite
from declare.rules.queries.metric_names import monitors, reported_metrics
from declare.rules.spec_parts import datasets, get
from declare.rules.spec_view import View

CODE = "DAT320"
STAGE = "names"


def check(view: View) -> Iterator[Problem]:
    """Yield a problem for each monitor of a test metric, and each file that two splits share."""
    known = reported_metrics(view) or {}
    for monitor in monitors(view):
        metric = known.get(monitor.metric)
        if metric is None or metric.split != "test":
            continue
        twin = f"val/{monitor.metric.partition('/')[2]}"
        yield Problem(
            CODE,
            f"{monitor.use} uses the test metric `{monitor.metric}`",
            at=monitor.path,
            label="test data would select the model",
            helps=(f"use `{twin}`: test data are only for the final evaluation",) if twin in known else (),
            rewrites=(Rewrite(f"change to `{twin}`", monitor.path, twin, safe=False),)
            if twin in known
            else (),
        )
    for dataset in datasets(view):
        yield from _shared_files(dataset.path, get(dataset.block, "split"))


def _shared_files(path: str, split: object) -> Iterator[Problem]:
    seen: dict[Path, str] = {}
    for name in ("train", "val", "test"):
        file = get(split, name)
        if not isinstance(file, Path):
            continue
        if file in seen:
            yield Problem(
                CODE,
                f"splits `{seen[file]}` and `{name}` are the same file `{file.name}`",
                at=f"{path}.split.{name}",
                label=f"the same samples as `{seen[file]}`",
                also={f"{path}.split.{seen[file]}": "first stated here"},
                helps=("use another file, or fractions of one file",),
            )
        seen.setdefault(file, name)
