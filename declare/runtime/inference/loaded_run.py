"""A run's model with its weights, and the samples to use: new ones, or a split of its data."""

from collections.abc import Collection
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

import torch

from declare.contract.problem import Problem, ProblemError
from declare.ir.plan import Plan
from declare.lowering.data.tables import Tables
from declare.lowering.model.graph import Graph, make_graph
from declare.runtime.checkpoint.saver import load_weights
from declare.runtime.inference import text_outputs
from declare.runtime.inference.evaluate import no_samples
from declare.runtime.inference.predict_inputs import SPLIT, allow_shorter, choose_dataset, open_inputs
from declare.runtime.machine.device import choose_device
from declare.runtime.machine.precision import make_precision
from declare.runtime.run_folder.folder import Run
from declare.runtime.run_folder.trust_check import require


class Loading(NamedTuple):
    """Which weights of a run to take (`best`, `last`, a phase), and which of its code may run."""

    weights: str = "best"
    trust: Collection[str] = ()


@dataclass(frozen=True)
class LoadedRun:
    """The model in evaluation mode, and its samples in `tables`."""

    plan: Plan
    graph: Graph
    device: torch.device
    dataset: str
    split: str
    tables: Tables


def open_run(
    run: Run, inputs: Path | None, *, dataset: str | None, split: str, loading: Loading
) -> LoadedRun:
    """Open a run for the samples in `inputs`, or without these for a split of the run's `dataset`.

    Raises `ProblemError` (RES807, RES808, RES815, RES816, RES817, RES818, REF242).
    """
    plan = run.plan
    require(plan, loading.trust)
    run.require_checkpoint()  # before the data are opened
    device = choose_device(plan.hardware)
    make_precision("fp32", device)  # as evaluations compute
    name = _dataset_of(plan, dataset, split, inputs)
    if inputs is None and not plan.datasets[name].splits.get(split):
        raise ProblemError(no_samples(plan, split))
    plan = text_outputs.with_prompts(plan, name)
    if inputs is None:
        tables = Tables(plan, run.statistics)
    else:
        plan = allow_shorter(plan, name)
        tables, split = open_inputs(plan, name, inputs, run.statistics), SPLIT
    graph = make_graph(plan).to(device)
    _, checkpoint = run.read_weights(loading.weights, partial(load_weights, graph))
    tables.evaluation_sizes = checkpoint.evaluated_at
    graph.eval()
    return LoadedRun(plan, graph, device, name, split, tables)


def _dataset_of(plan: Plan, dataset: str | None, split: str, inputs: Path | None) -> str:
    """Return the dataset that is named, else the one that the samples fit or that has the split."""
    if dataset is not None:
        return _known_dataset(plan, dataset)
    return dataset_with(plan, split) if inputs is None else choose_dataset(plan, inputs)


def dataset_with(plan: Plan, split: str) -> str:
    """Return the dataset that has samples in a split; raises `ProblemError` RES815 for none, RES816 for several."""
    fitting = [name for name, item in plan.datasets.items() if item.splits.get(split)]
    if not fitting:
        raise ProblemError(no_samples(plan, split))
    if len(fitting) > 1:
        raise ProblemError(
            Problem(
                "RES816",
                f"{len(fitting)} datasets of the run have samples in the split `{split}`",
                notes=(f"they are {', '.join(fitting)}; each has its own fields and transforms",),
                helps=(f"state which one, once for each: `--dataset {fitting[0]}`",),
            )
        )
    return fitting[0]


def _known_dataset(plan: Plan, name: str) -> str:
    if name in plan.datasets:
        return name
    raise ProblemError(
        Problem(
            "RES816",
            f"the run has no dataset `{name}`",
            notes=(f"it knows {', '.join(plan.datasets)}",),
            helps=(f"name one of them: `--dataset {next(iter(plan.datasets))}`",),
        )
    )
