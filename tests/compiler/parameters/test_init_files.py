"""Weights that phases and modules start from are compared with the model before anything runs."""

from __future__ import annotations

import json
import os
import shutil

import pytest
import torch
from safetensors.torch import save_file

from declare.compiler.parameters import init_files
from declare.compiler.parameters.parameter_names import names
from declare.lowering.model.graph import make_graph
from declare.nn.tensor_facts import TensorFacts, dtype_of
from tests.compiler.specs import ONE, TWO, run

STATE = {
    "encoder.0.weight": torch.zeros(8, 3),
    "encoder.0.bias": torch.zeros(8),
    "heads.stimulus.weight": torch.zeros(3, 8),
    "heads.stimulus.bias": torch.zeros(3),
}
ENCODER = {name: item for name, item in STATE.items() if name.startswith("encoder")}


def found(folder, entry, text=ONE):
    """Return codes and paths of what is found where a phase starts from `entry`."""
    checked = run(folder, text, ("optimizer: {type: adamw", f"init: [{entry}], optimizer: {{type: adamw"))
    return {item.path: item for item in checked.diagnostics}


def codes(items):
    return {path.removeprefix("phases.fit.init.0."): item.code for path, item in items.items()}


def other(prefix):
    return {f"{prefix}{name.removeprefix('encoder')}": item for name, item in ENCODER.items()}


CASES = {
    "whole": (STATE, "", {}),
    "more": (STATE | {"fc.weight": torch.zeros(2)}, "", {}),
    "half precision": ({name: item.half() for name, item in STATE.items()}, "", {}),
    "a part": (ENCODER, "modules: [encoder]", {}),
    "a part of another name": (other("backbone.body"), "modules: [encoder], rename: {backbone.body: encoder}", {}),
    "another shape": (STATE | {"encoder.0.weight": torch.zeros(8, 4)}, "", {"from": "SHP501"}),
    "another shape, left fresh": (STATE | {"encoder.0.weight": torch.zeros(8, 4)}, "strict: false", {}),
    "absent": (ENCODER, "", {"from": "SHP503"}),
    "absent, left fresh": (ENCODER, "strict: false", {}),
    "a module without weights": (ENCODER, "modules: [heads.stimulus]", {"from": "SHP503"}),
    "nothing fits": (other("body"), "strict: false", {"from": "SHP504"}),
    "a rename that leaves nothing": (
        ENCODER, "modules: [encoder], strict: false, rename: {encoder: encodr}", {"from": "SHP504"},
    ),
    "a rename of nothing": (ENCODER, "modules: [encoder], rename: {backbone: encoder}", {"rename.backbone": "REF245"}),
    "a rename that merges": (ENCODER | other("old"), "modules: [encoder], rename: {old: encoder}", {"rename": "REF246"}),
    "quantised": (
        {name: item.to(torch.int8) for name, item in ENCODER.items()}, "modules: [encoder], strict: false", {"from": "RES853"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("ending", ["safetensors", "pth"])
@pytest.mark.parametrize("case", CASES)
def test_files_are_compared_by_their_headers(tmp_path, case, ending):
    """Shapes, names, renames and types are findings at the entry, in either format."""
    state, more, expected = CASES[case]
    path = tmp_path / f"w.{ending}"
    state = {name: item.clone() for name, item in state.items()}
    save_file(state, path) if ending == "safetensors" else torch.save({"state_dict": state}, path)
    assert codes(found(tmp_path, f"{{from: 'file:w.{ending}', {more}}}")) == expected


def test_a_wrong_name_says_the_rename(tmp_path):
    """What the file calls the module stands in the help."""
    save_file(other("backbone"), tmp_path / "w.safetensors")
    items = found(tmp_path, "{from: 'file:w.safetensors', modules: [encoder]}")
    assert "rename: {backbone: encoder}" in items["phases.fit.init.0.from"].helps[0]


def broken(folder):
    """Write files that hold no weights, each in a way of its own; return what names them."""
    save_file(STATE, folder / "good.safetensors")
    whole = (folder / "good.safetensors").read_bytes()
    (folder / "cut.safetensors").write_bytes(whole[:-4])
    (folder / "empty.safetensors").write_bytes(b"")
    (folder / "empty.pt").write_bytes(b"")
    (folder / "huge.safetensors").write_bytes((1 << 40).to_bytes(8, "little") + whole[8:])
    (folder / "text.bin").write_bytes(b"not weights")
    torch.save(torch.nn.Linear(2, 2), folder / "model.pt")
    torch.save([torch.zeros(2)], folder / "list.pt")
    (folder / "w.safetensors.index.json").write_text(json.dumps({"weight_map": {"a": "gone.safetensors"}}))
    (folder / "folder").mkdir()
    (folder / "new").mkdir()
    (folder / "new" / "plan.json").write_text("{}")
    step = folder / "torn" / "checkpoints" / "step-3"
    step.mkdir(parents=True)
    (step / "weights.safetensors").write_bytes(whole)
    (step / "MANIFEST.json").write_text(json.dumps({"files": {"weights.safetensors": {"bytes": 3}}}))
    files = (
        "cut.safetensors",
        "empty.safetensors",
        "empty.pt",
        "huge.safetensors",
        "text.bin",
        "model.pt",
        "list.pt",
    )
    return [f"file:{name}" for name in (*files, "w.safetensors.index.json", "folder")] + [
        "run:good.safetensors",
        "run:folder",
        "run:new",
        "run:torn",
    ]


def test_what_holds_no_weights_is_said_at_its_entry(tmp_path):
    """Damage, pickles, folders, runs without a checkpoint: RES814, with why."""
    for name in broken(tmp_path):
        items = found(tmp_path, f"{{from: '{name}'}}")
        assert codes(items) == {"from": "RES814"}, name
        assert items["phases.fit.init.0.from"].notes, name


def test_a_checkpoint_that_is_deleted_meanwhile_is_passed_over(tmp_path, monkeypatch):
    """A run that is still training may write another one and delete the one that is looked at."""
    for number in (3, 4):
        checkpoint(tmp_path / "before", number, STATE)
    monkeypatch.setattr(init_files, "_refuse_other_size", lambda manifest, _: gone(manifest.parent))

    def gone(step):
        if step.name == "step-4":
            shutil.rmtree(step)

    assert codes(found(tmp_path, "{from: 'run:before'}")) == {}
    assert [step.name for step in (tmp_path / "before" / "checkpoints").iterdir()] == ["step-3"]


def checkpoint(run, sequence, state):
    """Write a checkpoint of a run with a manifest that names size and order of its weights."""
    step = run / "checkpoints" / f"step-{sequence}"
    step.mkdir(parents=True)
    save_file(state, step / "weights.safetensors")
    files = {"weights.safetensors": {"bytes": (step / "weights.safetensors").stat().st_size}}
    (step / "MANIFEST.json").write_text(json.dumps({"sequence": sequence, "files": files}))


def test_a_run_is_compared_by_its_newest_checkpoint(tmp_path):
    """That is the last one that was written, whatever the clock said then; shapes of its weights are looked at."""
    wide = STATE | {"encoder.0.bias": torch.zeros(9)}
    for name, states, expected in (("a", (wide, STATE), {}), ("b", (STATE, wide), {"from": "SHP501"})):
        for number, state in zip((9, 10), states, strict=True):
            checkpoint(tmp_path / name, number, state)
        os.utime(tmp_path / name / "checkpoints" / "step-10" / "MANIFEST.json", (0, 0))
        assert codes(found(tmp_path, f"{{from: 'run:{name}'}}")) == expected


@pytest.mark.parametrize(
    "change", [("hidden: [8]", "hidden: [8]"), ("hidden: [8]", "hidden: [8], per_dataset: true")]
)
def test_the_state_that_files_are_compared_with_is_the_models(tmp_path, change):
    """Names, shapes and types known before a run are those of the model that is built."""
    plan = run(tmp_path, TWO, change).plan
    known = {name: item for node in plan.nodes for name, item in names(node).state.items()}
    state = make_graph(plan).state_dict()
    assert known == {
        name: TensorFacts(tuple(item.shape), dtype_of(str(item.dtype))) for name, item in state.items()
    }


OWN = {name.removeprefix("encoder."): item for name, item in ENCODER.items()}
PRETRAINED = {
    "its own": (OWN, None),
    "with a classifier": (OWN | {"fc.weight": torch.zeros(2)}, None),
    "of another shape": (OWN | {"0.weight": torch.zeros(8, 4)}, "RES840"),
    "lacking one": ({"0.weight": OWN["0.weight"]}, "RES840"),
    "of a whole model": (STATE, "RES840"),
    "quantised": ({name: item.to(torch.int8) for name, item in OWN.items()}, "RES853"),
}


@pytest.mark.parametrize("per_dataset", [False, True])
@pytest.mark.parametrize("case", PRETRAINED)
def test_weights_of_a_module_are_compared_by_their_header(tmp_path, case, per_dataset):
    """`pretrained: PATH` holds the module's whole state in its shapes and types, or is a finding there."""
    state, code = PRETRAINED[case]
    save_file(state, tmp_path / "w.safetensors")
    more = ", per_dataset: true" if per_dataset else ""
    checked = run(tmp_path, ONE, ("hidden: [8]", f"hidden: [8], pretrained: w.safetensors{more}"))
    items = {item.path: item for item in checked.diagnostics}
    assert {path: item.code for path, item in items.items()} == (
        {"model.encoder.pretrained": code} if code else {}
    )
    if case == "of a whole model":
        assert "rename: {encoder: NAME}" in items["model.encoder.pretrained"].helps[0]


def test_damaged_weights_of_a_module_are_said(tmp_path):
    """Files that hold no weights, a folder, and a file that is not there are RES840 at `pretrained`."""
    files = [name.partition(":")[2] for name in broken(tmp_path) if name.startswith("file:")]
    for name in [*files, "gone.pt", "long" * 200]:
        checked = run(tmp_path, ONE, ("hidden: [8]", f"hidden: [8], pretrained: {name}"))
        assert {item.path: item.code for item in checked.diagnostics} == {
            "model.encoder.pretrained": "RES840"
        }, name


@pytest.mark.parametrize("source", ["file", "run"])
def test_names_that_can_be_no_files_are_not_there(tmp_path, source):
    """A name longer than any file's is PHS613 like others that do not exist."""
    assert codes(found(tmp_path, f"{{from: '{source}:{'long' * 200}'}}")) == {"from": "PHS613"}


PHASES = """phases:
  first: {epochs: 1, batch_size: 10, optimizer: {type: adamw, lr: 1e-3}}
  fit: {epochs: 2, batch_size: 10, optimizer: {type: adamw, lr: 1e-3}, init: [{from: "phase:first", ENTRY}]}
"""


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ("modules: [encoder]", {}),
        ("modules: [flat]", {"from": "SHP504"}),
        ("rename: {encoder: encodr}", {"from": "SHP503"}),
        ("modules: []", {"modules": "SCH109"}),
    ],
)
def test_weights_of_another_phase_are_compared(tmp_path, entry, expected):
    """A module without weights, and a rename that leaves none, load nothing from a phase either."""
    text = ONE.replace("input: features,", "input: flat,").replace(
        "model:", "model:\n  flat: {type: concat, input: features}"
    )
    text = text[: text.index("phases:")] + PHASES.replace("ENTRY", entry)
    assert codes({item.path: item for item in run(tmp_path, text).diagnostics}) == expected
