"""Files of a run folder that lack an entry, or have one of another type, are findings wherever they are read."""

import dataclasses
import json
import shutil

import pytest

from declare.contract.problem import ProblemError
from declare.runtime.run_folder.file_types import BestRecord, ProgressRecord
from declare.runtime.run_folder.folder import Run
from declare.runtime.run_folder.manifest import MANIFEST, STATE, seal
from declare.runtime.run_folder.progress import Best, TrainProgress
from declare.runtime.setup.auto import read_choices
from declare.system.schema_check import mistakes
from tests.harness import fake_builder
from tests.harness.edited_run_folder import reseal
from tests.harness.fake_builder import train

LATER = {"evaluated_at", "evaluation_due"}
"""What runs of earlier versions do not have."""


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A finished run."""
    place = tmp_path_factory.mktemp("made") / "run"
    assert train(fake_builder.hard_plan(), "x", place, make_builder=fake_builder.make).status == 0
    return place


@pytest.fixture
def run(made, tmp_path):
    """A copy of it."""
    shutil.copytree(made, tmp_path / "run")
    return Run(tmp_path / "run")


def codes(read):
    """Return the codes of what reading finds; nothing where it finds nothing."""
    try:
        read()
    except ProblemError as error:
        return {problem.code for problem in error.problems}
    return set()


def broken(file, write=None):
    """Yield (key, what was done) with a JSON file changed at each key at its top in turn, and put back."""
    whole = json.loads(file.read_bytes())
    text = file.read_bytes()
    for key in whole:
        for what in ("dropped", "another type"):
            other = {name: item for name, item in whole.items() if name != key}
            if what == "another type":
                other[key] = [["x"]]
            file.write_bytes((write or (lambda found: json.dumps(found).encode()))(other))
            yield key, what
            file.write_bytes(text)


def test_what_a_run_writes_is_what_the_schemas_allow(run):
    """Every file of a run is read without a finding."""
    assert run.plan
    assert run.final
    assert list(run.events())
    assert read_choices(run.path)["threads"]
    for saved in run.checkpoints():
        assert mistakes(saved.manifest, "manifest") == []
        assert mistakes(saved.skeleton(), "state") == []


def test_the_record_of_a_course_has_its_fields():
    """A field that is added to the course, or to a best evaluation, is added to what is published."""
    for kept, record in ((TrainProgress, ProgressRecord), (Best, BestRecord)):
        assert {field.name for field in dataclasses.fields(kept)} == set(record.model_fields)


def test_manifests_with_missing_entries_are_findings(run):
    """Each entry of a manifest that is sealed anew without it, or with another type."""
    file = run.checkpoints()[0].path / MANIFEST
    written = {"declare", "torch", "python", "machine", "system", "compile"}
    for place in set(file.parent.parent.glob("step-*")) - {file.parent}:
        shutil.rmtree(place)
    for key, what in broken(
        file, lambda found: seal(found) if "files" in found else json.dumps(found).encode()
    ):
        optional = key in written or (key in LATER and what == "dropped") or key == "sha256"
        assert optional or codes(run.weights_path) in ({"RES807"}, {"RES808"}), (key, what)


def test_states_with_missing_entries_are_findings(run):
    """Each entry of the course in a state, and the course itself."""
    file = run.checkpoints()[0].path / STATE
    state = json.loads(file.read_bytes())
    for key in (*state["course"], None):
        course = {name: item for name, item in state["course"].items() if name != key}
        file.write_text(json.dumps({**state, "course": course if key else 3}))
        reseal(file)
        assert codes(run.weights_path) == (set() if key in LATER else {"RES807"}), key


def test_plans_and_other_files_with_missing_entries_are_findings(run):
    """Plan, choices, final metrics and events."""
    for key, what in broken(run.path / "plan.json"):
        found = codes(lambda: Run(run.path).plan)
        assert found == {"RES808"} or (what == "dropped" and key in _defaults(run)), (key, what)
    for key, what in broken(run.path / "choices.json"):
        assert what == "dropped" or codes(lambda: read_choices(run.path)) == {"RES823"}, key
    for key, what in broken(run.path / "metrics.json"):
        assert what == "dropped" or codes(lambda: run.final) == {"RES823"}, key
    events = run.path / "events.jsonl"
    events.write_text(events.read_text() + '{"event": "evaluated", "time": 1, "metrics": [1]}\n')
    assert codes(lambda: list(run.events())) == {"RES823"}
    assert run.status in {"killed", "finished"}


def _defaults(run):
    return {name for name, field in type(run.plan).model_fields.items() if not field.is_required()}
