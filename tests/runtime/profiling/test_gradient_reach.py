"""Which parameters no loss reaches."""

from __future__ import annotations

from pathlib import Path

import torch

from declare.compiler.pipeline import check
from declare.runtime.profiling.gradient_reach import problems, without_gradient

SPEC = """\
declare: 1
datasets:
  d:
    source: {type: csv, path: d.csv}
    fields: {x: {type: number}, kind: {type: category}}
    split: {val: 0.2}
model:
  first: {type: concat, input: x}
  body: {type: mlp, hidden: [4], input: first}
tasks:
  kind: {type: classification, dataset: d, target: kind, head: {type: linear, input: body}}
  other: {type: classification, dataset: d, target: kind, head: {type: linear, input: body}}
phases:
  a: {tasks: {kind: 1, other: 0}, steps: 20, batch_size: 8, optimizer: {type: sgd, lr: 0.1}, FREEZE}
  SECOND
hardware: {accelerator: cpu, precision: fp32}
"""


def reached(folder: Path, freeze: str = "", second: str = "") -> tuple[list[str], list[str]]:
    """Return the names of parameters without a gradient, and where the findings stand."""
    (folder / "d.csv").write_text("x,kind\n" + "\n".join(f"{i},{'ab'[i % 2]}" for i in range(60)))
    text = SPEC.replace("FREEZE", freeze).replace("SECOND", second)
    (folder / "spec.yaml").write_text(text)
    checked = check(folder / "spec.yaml")
    assert checked.plan is not None, [item.title for item in checked.diagnostics]
    names = without_gradient(checked.plan, torch.device("cpu"))
    return names, [item.at for item in problems(checked.plan, names)]


def test_a_head_that_no_loss_reads_is_named(tmp_path: Path) -> None:
    """Its task has weight 0 in every phase; one that a later phase trains is reached."""
    assert reached(tmp_path) == (["heads.other.weight", "heads.other.bias"], ["tasks.other"])
    second = "b: {tasks: [other], steps: 4, batch_size: 8, optimizer: {type: sgd, lr: 0.1}}"
    assert reached(tmp_path, second=second) == ([], [])


def test_what_is_frozen_needs_no_gradient(tmp_path: Path) -> None:
    """Frozen parameters are not named; those that are unfrozen in the phase are reached."""
    frozen = 'freeze: [{match: "heads.other.*"}, {match: "body.*", until: 50%}]'
    assert reached(tmp_path, frozen) == ([], [])


def test_a_dead_layer_is_named(tmp_path: Path) -> None:
    """Activations that are 0 for every sample pass nothing on to what is before them."""
    from declare.runtime.profiling import gradient_reach

    class Dead(gradient_reach.PlanBuilder):
        def __init__(self, *words: object) -> None:
            super().__init__(*words)  # type: ignore[arg-type]
            with torch.no_grad():
                dict(self.graph.named_parameters())["body.0.bias"].fill_(-1e9)

    before, gradient_reach.PlanBuilder = gradient_reach.PlanBuilder, Dead  # type: ignore[misc]
    try:
        names, places = reached(tmp_path, 'freeze: [{match: "heads.other.*"}]')
    finally:
        gradient_reach.PlanBuilder = before  # type: ignore[misc]
    assert names == ["body.0.weight", "body.0.bias", "heads.kind.weight"]
    assert places == ["model.body", "tasks.kind"]
