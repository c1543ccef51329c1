"""The compiler takes a spec to a plan, or to all that is wrong with it."""

from __future__ import annotations

import pytest

from declare.compiler.pipeline import PASSES, check
from declare.system import trust
from tests.compiler.specs import ONE, TWO, codes, run


def test_a_good_spec_gives_a_plan(tmp_path):
    """A spec without errors gives a plan, and every pass is done."""
    checked = run(tmp_path, ONE)
    assert codes(checked) == {}
    assert checked.plan is not None
    assert [record.name for record in checked.passes] == [item.name for item in PASSES]
    assert {record.status for record in checked.passes} == {"done"}


def test_plan_is_stable(tmp_path):
    """The same spec gives the same plan; comments and order of writing change nothing, values do."""
    first = run(tmp_path, ONE).plan
    again = run(tmp_path, "# a comment\n" + ONE.replace("name: one\n", "") + "name: one\n").plan
    other = run(tmp_path, ONE, ("lr: 1e-3", "lr: 2e-3")).plan
    assert first is not None
    assert again is not None
    assert other is not None
    assert first.sha256 == again.sha256
    assert first.sha256 != other.sha256


NET = """
from torch import nn
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(3, 4)
    def forward(self, x):
        return self.layer(x)
"""


def test_a_plan_lists_the_code_that_its_spec_names(tmp_path, monkeypatch):
    """What else the process was granted, for another spec or for none, stands in no plan."""
    monkeypatch.setattr(trust, "_granted", set())
    for name in ("net.py", "other.py"):
        (tmp_path / name).write_text(NET)
        trust.grant([trust.entry(tmp_path / name, NET.encode())])
    change = (
        "{type: mlp, input: features, hidden: [8]}",
        "{type: python, input: features, file: net.py, name: Net}",
    )
    plan, plain = run(tmp_path, ONE, change).plan, run(tmp_path, ONE).plan
    assert plan is not None
    assert plain is not None
    assert plan.trusted == (trust.entry(tmp_path / "net.py", NET.encode()),)
    assert plain.trusted == ()


def test_plan_survives_json(tmp_path):
    """A plan read back from its JSON is the same plan."""
    plan = run(tmp_path, ONE).plan
    assert plan is not None
    assert type(plan).model_validate_json(plan.model_dump_json()) == plan


def test_all_in_one_go(tmp_path):
    """Mistakes in the text of values, in names and in wiring are all reported together."""
    found = run(
        tmp_path,
        ONE,
        ("batch_size: 10", "batch_size: ten"),
        ("target: stimulus}", "target: stimulus, metrics: [acuracy]}"),
        ("by: subject", "by: subjcet"),
    )
    assert codes(found) == {
        "phases.fit.batch_size": "SCH105",
        "tasks.stimulus.metrics.0": "SCH106",
        "datasets.lab.split.by": "REF201",
    }
    assert found.plan is None


def test_one_cause_one_error(tmp_path):
    """A module that could not be read silences what would follow from it, and passes say so."""
    checked = run(tmp_path, ONE, ("type: mlp", "type: mpl"))
    assert codes(checked) == {"model.encoder.type": "SCH106"}
    records = {record.name: record for record in checked.passes}
    assert records["shapes"].status == "partly"
    assert "SCH106" in records["shapes"].because


def test_a_set_is_checked_like_the_file(tmp_path):
    """A value from the command line is checked and shown where it was written."""
    checked = run(tmp_path, ONE, sets=("phases.fit.epochs=none",))
    assert codes(checked) == {"phases.fit.epochs": "SCH104"}
    label = checked.diagnostics[0].primary
    assert label is not None
    assert label.span.source.kind == "set"


def test_missing_file(tmp_path):
    """A spec that is not there is a finding, and nothing else runs."""
    checked = check(tmp_path / "none.yaml")
    assert [found.code for found in checked.diagnostics] == ["SYN004"]
    assert {record.status for record in checked.passes[3:]} == {"skipped"}


def test_until(tmp_path):
    """The pipeline stops after the pass that is asked for, and makes no plan."""
    (tmp_path / "spec.yaml").write_text(ONE)
    checked = check(tmp_path / "spec.yaml", until="schema")
    assert [record.name for record in checked.passes] == ["parse", "compose", "schema"]
    assert checked.plan is None
    assert checked.spec.tasks["stimulus"].target == "stimulus"
    with pytest.raises(ValueError, match="no pass"):
        check(tmp_path / "spec.yaml", until="nothing")


def test_two_datasets(tmp_path):
    """A task on two datasets has one head, counts over both, and rows by their sizes."""
    plan = run(tmp_path, TWO).plan
    assert plan is not None
    task = plan.tasks["stimulus"]
    assert task.datasets == ("lab", "field")
    assert sum(task.target.counts or ()) == sum(plan.datasets[name].splits["train"] for name in plan.datasets)
    phase = plan.phases[0]
    assert sum(phase.rows.values()) == phase.batch_size == 10
    assert phase.rows["field"] > phase.rows["lab"]
    assert plan.node("encoder").datasets == ("lab", "field")


def test_names_need_no_quotes(tmp_path):
    """`y`, `no` and `on` as names of fields, tasks and classes are no finding; as a switch `no` is one."""
    (tmp_path / "t.csv").write_text("on,y\n" + "1,yes\n2,no\n" * 10)
    text = (
        "declare: 1\ndatasets:\n  n:\n    source: {type: csv, path: t.csv}\n"
        "    fields: {on: number, y: {type: category, classes: [yes, no]}}\n"
        "model: {off: {type: mlp, input: on, hidden: [4]}}\ntasks: {y: {type: classification, target: y}}\n"
        "phases: {no: {epochs: 1, batch_size: 4, tasks: [y], optimizer: {type: adamw, lr: 1e-3}}}\n"
    )
    assert "SYN003" not in {found.code for found in run(tmp_path, text).diagnostics}
    switched = run(tmp_path, text, ("hidden: [4]", "hidden: [4], pretrained: no"))
    assert "SYN003" in {found.code for found in switched.diagnostics}


def test_a_model_that_reads_its_target_says_so(tmp_path):
    """A language model without `input` is told that the one field that fits is the target, and what to write."""
    (tmp_path / "t.txt").write_text("a b c\n" * 20)
    text = (
        "declare: 1\ndatasets:\n  n:\n    source: {type: text, path: t.txt}\n"
        "    fields: {text: {type: text, tokenizer: word, max_length: 8}}\n"
        "model: {m: {type: transformer, dim: 8, depth: 1, heads: 2, causal: true}}\n"
        "tasks: {next: {type: causal_lm, target: text}}\n"
        "phases: {fit: {epochs: 1, batch_size: 4, optimizer: {type: adamw, lr: 1e-3}}}\n"
    )
    found = next(item for item in run(tmp_path, text).diagnostics if item.code == "REF208")
    assert "target" in found.title
    assert found.helps[0].startswith("write `input: text`")


def test_a_syntax_error_hides_nothing(tmp_path):
    """Past syntax errors with a safe fix the rest of their block is read, each finding at its own place."""
    text = ONE.replace("fit: {epochs: 2, batch_size: 10, ", "fit: {epochs:2, batch_sise: 10, ").replace(
        "val: ", "val:"
    )
    checked = run(tmp_path, text)
    assert sorted(found.code for found in checked.diagnostics) == ["SCH101", "SYN001", "SYN001"]
    (slip,) = (found for found in checked.diagnostics if found.code == "SCH101")
    assert slip.primary is not None
    assert slip.primary.span.text == "batch_sise"
