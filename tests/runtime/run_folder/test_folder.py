"""Run folders are made whole, never overwritten, and read without torch."""

import errno
import json
import math
import os
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from declare.contract.problem import ProblemError
from declare.runtime.listeners.folder_watch import FolderWatch
from declare.runtime.resume.plan_diff import plan_changes
from declare.runtime.run_folder import folder as folders
from declare.runtime.run_folder.durable_io import os_error_problem, write_durably, write_whole
from declare.runtime.run_folder.event_file import EVENTS_FILE, Event, EventFile, read_events
from declare.runtime.run_folder.expectations import holds, missed_bounds
from declare.runtime.run_folder.folder import Run
from declare.runtime.run_folder.lock import RunLock, is_locked
from tests.harness import fake_builder
from tests.harness.fake_builder import train


@pytest.fixture
def plan():
    return fake_builder.make_plan()


def test_a_new_folder_holds_spec_and_plan_and_is_private(tmp_path, plan):
    """A run folder appears with spec, sources and plan inside, and only its owner may read it."""
    place = folders.create(plan, "declare: 1\n", tmp_path / "run", {"base.yaml": "seed: 1\n"})
    assert Run(place).plan == plan
    assert Run(place).spec_text == "declare: 1\n"
    assert [path.read_text() for path in (place / "sources").iterdir()] == ["seed: 1\n"]
    assert stat.S_IMODE(place.stat().st_mode) == 0o700
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_what_stands_in_a_folder_is_never_overwritten(tmp_path, plan):
    """A folder with anything in it, or a file, is refused and left as it was; an empty one is taken."""
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.txt").write_text("years")
    (tmp_path / "file").write_text("x")
    for name in ("full", "file"):
        with pytest.raises(ProblemError) as caught:
            folders.create(plan, "", tmp_path / name)
        assert caught.value.problem.code == "RES803"
    assert (tmp_path / "full" / "thesis.txt").read_text() == "years"
    (tmp_path / "empty").mkdir()
    assert folders.create(plan, "", tmp_path / "empty") == tmp_path / "empty"


def test_runs_of_one_second_get_numbers(tmp_path, plan, monkeypatch):
    """Runs without a folder of their own go to `runs/NAME/<time>`, `-2`, `-3`; the newest is found again."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(time, "strftime", lambda form: "20250102-030405")
    made = [str(folders.create(plan, "", None)) for _ in range(11)]
    stem = "runs/fake/20250102-030405"
    assert made[:3] == [stem, f"{stem}-2", f"{stem}-3"]
    assert str(folders.latest("fake")) == f"{stem}-11"


def test_a_clock_that_is_set_back_hides_no_run(tmp_path, plan, monkeypatch):
    """The newest run is the one that was started last, whatever the clock said then."""
    monkeypatch.chdir(tmp_path)
    made = []
    for moment in ("20250102-030405", "20240102-030405", "20250102-030405", "20250102-030406"):
        monkeypatch.setattr(time, "strftime", lambda form, moment=moment: moment)
        made.append(str(folders.create(plan, "", None)))
        assert str(folders.latest("fake")) == made[-1]
    assert [Path(place).name[9:] for place in made] == ["030405", "030405-2", "030405-3", "030406"]


def test_a_place_that_cannot_be_written_is_said(plan):
    """A folder that the system refuses is RES811 or RES812, not a traceback."""
    with pytest.raises(ProblemError) as caught:
        folders.create(plan, "", Path("/proc/declare/run"))
    assert caught.value.problem.code in {"RES811", "RES812"}


def test_a_folder_without_a_plan_is_not_a_run(tmp_path):
    """Reading a folder that no run made is RES808."""
    for path in (tmp_path, tmp_path / "absent"):
        with pytest.raises(ProblemError) as caught:
            Run(path)
        assert caught.value.problem.code == "RES808"
    (tmp_path / "plan.json").write_text("{")
    with pytest.raises(ProblemError):
        _ = Run(tmp_path).plan


def test_a_run_is_read_without_torch(tmp_path, plan):
    """Reading a run's plan, events, metrics and status imports neither torch nor numpy."""
    place = folders.create(plan, "", tmp_path / "run")
    code = (
        "import sys; from declare.runtime.run_folder.folder import Run; run = Run(sys.argv[1]); run.plan, run.final, run.metrics();"
        "print(run.status, 'torch' in sys.modules, 'numpy' in sys.modules)"
    )
    root = Path(__file__).parents[3]
    out = subprocess.run(
        [sys.executable, "-c", code, place], capture_output=True, text=True, cwd=root, check=True
    )
    assert out.stdout.split() == ["new", "False", "False"]


def test_a_second_process_is_told_who_holds_the_folder(tmp_path):
    """A held folder is refused with host and process of the holder, and is free when the holder is gone."""
    with RunLock(tmp_path):
        assert is_locked(tmp_path)
        with pytest.raises(ProblemError, match="another process") as caught:
            RunLock(tmp_path).acquire()
        assert caught.value.problem.code == "RES805"
        assert f"process {os.getpid()} on" in caught.value.problem.notes[0]
    assert not is_locked(tmp_path)
    with RunLock(tmp_path):
        pass


def test_events_survive_a_half_written_line(tmp_path):
    """A line that a killed process left unfinished is passed over, and the next one stands on its own."""
    path = tmp_path / "events.jsonl"
    path.write_text('{"event":"a"}\n{"event":"b","x"')
    file = EventFile(tmp_path)
    file.write(Event("c", "fit", 1, 2, {"value": float("nan")}))
    file.close()
    assert [event["event"] for event in read_events(path)] == ["a", "c"]
    assert json.loads(path.read_text().splitlines()[-1])["value"] is None


def test_a_disk_that_fills_up_leaves_no_torn_event(tmp_path, monkeypatch):
    """What was written of a line is taken back, so that the next one can be read."""
    file = EventFile(tmp_path)
    file.write(Event("a"))
    write, calls = os.write, iter((True, False))

    def fail(descriptor, data):
        if next(calls):
            return write(descriptor, data[:9])
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("os.write", fail)
        with pytest.raises(OSError, match="No space"):
            file.write(Event("b"))
    file.write(Event("c"))
    file.close()
    assert [json.loads(line)["event"] for line in (tmp_path / "events.jsonl").read_text().splitlines()] == [
        "a",
        "c",
    ]


@pytest.mark.parametrize(
    ("bound", "value", "inside"),
    [
        (">= 0.9", 0.9, True),
        ("> 0.9", 0.9, False),
        ("<= -1e-3", -0.001, True),
        ("== 1", 1.0, True),
        ("< 2", 2.0, False),
    ],
)
def test_bounds(bound, value, inside):
    """A bound is read as it is written."""
    assert holds(bound, value) is inside


def test_an_absent_metric_misses_its_bound():
    """A bound on a metric that was not measured is missed."""
    (problem,) = missed_bounds({"val/x": "<= 9"}, {})
    assert "not measured" in problem.title


@given(st.sampled_from([">=", "<=", "==", ">", "<"]), st.floats(-1e6, 1e6))
def test_not_a_number_is_inside_no_bound(operator, limit):
    """A metric that is not a number misses every bound."""
    assert not holds(f"{operator} {limit:.4f}", float("nan"))


def test_changes_are_named_by_path(plan):
    """Differences between plans carry the path that the spec uses; harmless ones are left out."""
    other = fake_builder.make_plan(
        fake_builder.phase(batch_size=12, keep_checkpoints=9), seed=5, expect={"a": "> 1"}
    )
    grave = [change.path for change in plan_changes(plan, other) if change.verdict != "harmless"]
    assert grave == ["phases.fit.batch_size", "seed"]
    assert plan_changes(plan, plan) == []


def test_errors_of_the_system_get_their_code(tmp_path):
    """A full disk, a refused permission and a failing disk are three findings."""
    found = {
        code: os_error_problem(OSError(code, "x"), tmp_path).code
        for code in (errno.ENOSPC, errno.EACCES, errno.EIO)
    }
    assert list(found.values()) == ["RES804", "RES811", "RES812"]


@pytest.mark.parametrize("place", ["file", "file/run", "loop"])
def test_a_place_where_no_folder_can_be_is_not_the_fault_of_the_disk(plan, tmp_path, place):
    """The help is another place; no run is there to be continued."""
    (tmp_path / "file").touch()
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(ProblemError) as caught:
        folders.create(plan, "", tmp_path / place / "run")
    assert caught.value.problem.code == "RES812"
    assert "another place" in caught.value.problem.helps[0]
    with pytest.raises(ProblemError) as caught:
        folders.create(plan, "", tmp_path / "file")
    assert caught.value.problem.helps == ("name a new folder with `--run-dir`",)


def test_a_durable_write_replaces_in_one_step(tmp_path, monkeypatch):
    """A write that fails leaves the old content and no temporary file."""
    path = tmp_path / "x.json"
    write_durably(path, b"old")

    def refuse(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(OSError, match="No space"):
        write_durably(path, b"new")
    assert path.read_bytes() == b"old"
    assert [item.name for item in tmp_path.iterdir()] == ["x.json"]


@pytest.mark.parametrize("text", ["[1]", '{"a": "b"}', "{", "", "null", "[" * 5000])
def test_damaged_final_metrics_are_a_finding(tmp_path, plan, text):
    """A run whose final metrics are not figures by name has not finished: resuming makes them again."""
    place = folders.create(plan, "", tmp_path / "run")
    (place / folders.FINAL).write_text(text)
    assert not Run(place).has_finished
    with pytest.raises(ProblemError) as caught:
        assert Run(place).final
    assert caught.value.problem.code == "RES823"


@pytest.mark.parametrize(
    "edit", ['{"a": 0.75, "b": null}', '{"a": 0.5, "b": 0}', '{"a": 0.5}', '{"a": 0.5, "b": null, "c": 1}']
)
def test_final_metrics_are_those_that_the_run_ended_with(tmp_path, plan, edit):
    """One changed digit is a finding, not another result; until a run says its end there is nothing to compare."""
    place = folders.create(plan, "", tmp_path / "run")
    whole = '{"a": 0.5, "b": null}'
    (place / folders.FINAL).write_text(whole)
    (place / EVENTS_FILE).write_text(f'{{"event": "run_finished", "metrics": {whole}}}\n')
    assert Run(place).final["a"] == 0.5
    (place / folders.FINAL).write_text(edit)
    with pytest.raises(ProblemError) as caught:
        assert Run(place).final
    assert caught.value.problem.code == "RES823"
    (place / EVENTS_FILE).write_text('{"event": "run_started"}\n')
    assert Run(place).final.keys() == json.loads(edit).keys()


def test_a_figure_that_is_not_defined_is_null_and_comes_back_as_nan(tmp_path, plan):
    """A run with an undefined metric has finished; the figure misses every bound and is nowhere `null`."""
    place = folders.create(plan, "", tmp_path / "run")
    (place / folders.FINAL).write_text('{"val/a/loss": null, "val/a/accuracy": 0.5}')
    assert Run(place).has_finished
    for run in (Run(place), Run(place, just_written=True)):
        assert math.isnan(run.final["val/a/loss"])
        assert run.final["val/a/accuracy"] == 0.5
    (problem,) = missed_bounds({"val/a/loss": "<= 9"}, Run(place).final)
    assert "not defined" in problem.title


def test_rows_that_are_not_whole_are_left_out(tmp_path, plan):
    """Rows of the metrics' table that a crash cut short, or that hold no text, cost no other row."""
    place = folders.create(plan, "", tmp_path / "run")
    head = b"phase,step,epoch,metric,value\n"
    (place / folders.METRICS).write_bytes(
        head + b"fit,1,0.5,val/a/b,0.25\nfit,2\n\xff\x00,x,1,m,2\nfit,3,1.0,m,\n"
    )
    assert [row["value"] for row in Run(place).metrics()] == [0.25]
    (place / folders.METRICS).write_bytes(b"\x00\xff\xfe,")
    assert Run(place).metrics() == []


def test_a_page_survives_a_full_disk(tmp_path, monkeypatch):
    """Where a new page does not fit, the old one stays whole and nothing half-written is left."""
    page = tmp_path / "report.html"
    write_whole(page, "old")
    monkeypatch.setattr(Path, "replace", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left")))
    with pytest.raises(OSError, match="No space"):
        write_whole(page, "new")
    assert (page.read_text(), list(tmp_path.iterdir())) == ("old", [page])


def test_a_page_goes_through_links_and_pipes(tmp_path):
    """A link keeps pointing at its file, and a pipe is written, not replaced."""
    (tmp_path / "link").symlink_to(tmp_path / "page")
    write_whole(tmp_path / "link", "x")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "page").read_text() == "x"
    write_whole(Path(os.devnull), "x")
    assert stat.S_ISCHR(Path(os.devnull).stat().st_mode)


def test_a_file_that_has_gone_is_told_of_once(tmp_path):
    """Until it stands there again, and then anew where it goes once more."""
    told: list[str] = []
    for name in ("events.jsonl", "metrics.csv", "checkpoints"):
        (tmp_path / name).touch()
    watch = FolderWatch(fake_builder.make_plan(), tmp_path, lambda event: told.append(event["path"]))
    for there in (False, False, True, False):
        (tmp_path / "metrics.csv").touch() if there else (tmp_path / "metrics.csv").unlink(missing_ok=True)
        watch.on_event(Event("step", "fit", 1, 1))
    assert told == ["plan.json", "metrics.csv", "metrics.csv"]


@pytest.mark.parametrize("name", ["plan.json", "metrics.csv", "events.jsonl", "checkpoints"])
def test_what_is_deleted_while_a_run_goes_on_is_an_incident(tmp_path, name):
    """The run ends as it would have; the file is whole again, a folder of checkpoints holds those that came later."""
    import shutil

    from declare.report.incidents import incidents

    plan = fake_builder.make_plan()

    def delete(step, batch):
        place = tmp_path / "run" / name
        if step == 10:
            shutil.rmtree(place) if place.is_dir() else place.unlink()
        return batch

    outcome = train(
        plan, "x", tmp_path / "run", make_builder=lambda *a: fake_builder.FakeBuilder(a[0], delete)
    )
    clean = train(plan, "x", tmp_path / "clean", make_builder=fake_builder.make)
    assert (outcome.status, outcome.metrics) == (0, clean.metrics)
    run, other = Run(tmp_path / "run"), Run(tmp_path / "clean")
    assert [event["path"] for event in run.events("file_deleted")] == [name]
    assert any("deleted while the run went on" in item.text for item in incidents(run.events()))
    assert run.plan == other.plan
    assert len(run.metrics()) == len(other.metrics())
    assert len(list(run.events())) == len(list(other.events())) + 1
    assert {saved.step for saved in run.checkpoints()} <= {saved.step for saved in other.checkpoints()}
    assert run.checkpoints()[0].step == 24


def test_weights_are_read_though_the_run_deletes_checkpoints(tmp_path):
    """A reader whose checkpoint goes away takes the one that stands in its place; a damaged one is a finding."""
    plan = fake_builder.make_plan(fake_builder.phase(keep_checkpoints=3))
    assert train(plan, "x", tmp_path / "run", make_builder=fake_builder.make).status == 0
    run = Run(tmp_path / "run")
    names: list[str] = []

    def read(path):
        names.append(path.parent.name)
        if len(names) == 1:  # a newer one was written, and the one that was to be read is pruned
            path.parent.rename(path.parents[1] / "step-99")
        return path.read_bytes()

    with pytest.raises(ProblemError):  # 99 says in its manifest that it is 24
        run.read_weights("nobody", read)
    found, saved = run.read_weights("last", read)
    assert names == ["step-24", "step-99"]
    assert found == saved.weights.read_bytes()
