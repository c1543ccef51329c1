"""What a phase leaves open is chosen once, in the plan."""

import json
from pathlib import Path

from declare.compiler.pipeline import check
from declare.ir.plan import Plan

SPEC = """
declare: 1
datasets:
  one: {source: {type: simulated, name: corpus, samples: 40, length: 12}, fields: TEXT}
  two: {source: {type: simulated, name: corpus, samples: 80, length: 12}, fields: TEXT}
model:
  decoder: {type: transformer, input: text, dim: 8, depth: 1, heads: 2, causal: true}
tasks:
  next: {type: causal_lm, datasets: [one, two], target: text}
phases:
  fit: {epochs: 1, batch_size: 12, sampler: SAMPLER, optimizer: {type: adamw, lr: 1e-3}}
"""


TEXT = "{text: {type: text, tokenizer: byte, max_length: 16}}"


def plan_of(folder: Path, sampler: str) -> Plan:
    (folder / "spec.yaml").write_text(SPEC.replace("SAMPLER", sampler).replace("TEXT", TEXT))
    plan = check(folder / "spec.yaml").plan
    assert plan is not None
    return plan


def test_the_plan_holds_the_sampler_of_each_dataset(tmp_path: Path) -> None:
    """Fields that a sampler leaves open, and the rows of its batches, stand in the plan for each dataset."""
    phase = plan_of(tmp_path, "length_buckets").phases[0]
    assert "fields" not in {key for key, value in phase.sampler.items() if value is not None}
    for name, rows in phase.rows.items():
        block = phase.sampler_of(name)
        assert (block["fields"], block["batch"]) == (["text"], rows)


def test_what_is_stated_stands_once(tmp_path: Path) -> None:
    """A sampler of which nothing is open is the same for all datasets."""
    phase = plan_of(tmp_path, "random").phases[0]
    assert phase.samplers == {}
    assert phase.sampler_of("two") == phase.sampler


def test_a_plan_of_an_earlier_version_gets_its_samplers(tmp_path: Path) -> None:
    """A plan that was written without samplers of datasets is read as the same plan."""
    plan = plan_of(tmp_path, "length_buckets")
    tree = json.loads(plan.model_dump_json())
    for phase in tree["phases"]:
        assert phase.pop("samplers")
    assert Plan.model_validate(tree) == plan
