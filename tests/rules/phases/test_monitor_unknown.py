"""Every key that names a metric is compared with what evaluations report."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from declare.compiler import pipeline
from declare.language.spec import Spec
from declare.parsing.keys.other_blocks import _key_places

NAMING: dict[str, dict[str, Any]] = {
    "phases.p.schedule": {"type": "plateau", "mode": "min"},
    "phases.p.early_stop": {"mode": "min", "patience": "2 steps"},
    "phases.p.evaluate.best": {"mode": "min"},
    "tune": {"mode": "min", "space": {"phases.p.optimizer.lr": {"values": [0.1, 0.2]}}, "trials": 2},
}
"""What stands beside a metric in each block that has one."""


def codes(path: Path, block: str, metric: str, **more: Any) -> set[tuple[str, str]]:
    """Return codes and paths of the findings at a block that names a metric."""
    phase = {"steps": 4, "batch_size": 2, "tasks": ["t"], "optimizer": {"type": "sgd", "lr": 0.1}}
    tree: dict[str, Any] = {
        "declare": 1,
        "datasets": {"d": {"source": {"type": "simulated", "name": "pain", "samples": 40, "subjects": 4}}},
        "model": {"m": {"type": "mlp", "input": "features", "hidden": [2]}},
        "tasks": {
            "t": {"type": "classification", "target": "label"},
            "u": {"type": "classification", "target": "label"},
        },
        "phases": {"p": phase, "q": phase | {"tasks": ["u"]}},
    }
    inner = tree
    for step in block.split("."):
        inner = inner.setdefault(step, {})
    inner |= NAMING[block] | {"metric": metric} | more
    path.write_text(json.dumps(tree), encoding="utf-8")
    return {
        (item.code, item.path)
        for item in pipeline.check(path, until="names").diagnostics
        if item.path.startswith(block)
    }


def test_every_key_of_a_metric_is_checked(tmp_path: Path) -> None:
    """A name that nothing reports is a finding wherever one is named, the wrong direction as well."""
    blocks = {place.block.replace("*", "p") for place in _key_places(Spec)["metric"]}
    assert blocks == set(NAMING)
    for block in blocks:
        found = codes(tmp_path / "spec.yaml", block, "val/t/nothing")
        assert ("PHS601", f"{block}.metric") in found
        assert ("PHS607", f"{block}.mode") in codes(tmp_path / "spec.yaml", block, "val/t/accuracy")


def test_a_schedule_follows_what_its_phase_evaluates(tmp_path: Path) -> None:
    """A metric of another phase's task, of the test split, or beside a wrong key is a finding, too."""
    path, block = tmp_path / "spec.yaml", "phases.p.schedule"
    assert ("PHS601", f"{block}.metric") in codes(path, block, "val/u/loss")
    assert ("DAT320", f"{block}.metric") in codes(path, block, "test/t/loss")
    assert codes(path, block, "val/t/nothing", factor=3) == {
        ("PHS601", f"{block}.metric"),
        ("SCH108", f"{block}.factor"),
    }
    assert codes(path, block, "val/t/loss") == set()
