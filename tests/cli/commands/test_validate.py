"""`validate`: formats, exit codes, what goes where."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

import declare
from declare.__main__ import main

GOOD = """declare: 1
name: small
datasets:
  data:
    source: {type: simulated, name: stimulus, samples: 60, subjects: 12, classes: 3, channels: 3, length: 10}
    transforms: [{type: temporal_pool, field: features, mode: mean}]
    split: {val: 0.25, by: subject}
model:
  encoder: {type: mlp, input: features, hidden: [8]}
tasks:
  kind: {type: classification, dataset: data, target: stimulus}
phases:
  fit: {epochs: 2, batch_size: 16, optimizer: {type: adamw, lr: 1e-3}}
"""
BAD = (
    GOOD.replace("hidden: [8]", "hiden: [8]")
    .replace("lr: 1e-3", "lr: fast")
    .replace("type: mlp", "type: mpl")
)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in an empty folder with a good and a bad spec."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "good.yaml").write_text(GOOD)
    (tmp_path / "bad.yaml").write_text(BAD)
    return tmp_path


def test_a_good_spec_is_valid(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A spec without findings exits with 0, prints nothing to standard output, and says so on standard error."""
    assert main(["validate", "good.yaml"]) == 0
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("valid: 12 passes done")


def test_quiet_says_nothing(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`--quiet` leaves findings and nothing else."""
    assert main(["validate", "good.yaml", "--quiet"]) == 0
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "")


def test_all_mistakes_at_once(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Independent mistakes are all found in one go, each at its place, and the exit code is 1."""
    assert main(["validate", "bad.yaml", "--format", "concise"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert any(line.startswith("bad.yaml:9:") for line in lines)
    assert any(line.startswith("bad.yaml:13:") for line in lines)
    assert len(lines) >= 2


def test_json_is_the_documented_envelope(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`--format json` holds format, validity, counts, passes and findings with all their parts."""
    assert main(["validate", "bad.yaml", "--format", "json"]) == 1
    answer = json.loads(capsys.readouterr().out)
    assert answer["format"] == "1.0"
    assert answer["valid"] is False
    assert answer["counts"]["error"] == len(answer["diagnostics"])
    assert {"name", "status", "skipped_because"} <= set(answer["passes"][0])
    keys = "code name severity title path file line column end_line end_column labels notes helps fixes"
    assert set(keys.split()) <= set(answer["diagnostics"][0])


@pytest.mark.parametrize("form", ["text", "concise", "json", "jsonl", "sarif", "github"])
def test_every_format_names_file_and_code(form: str, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each format tells the file and the code of what it found, on standard output."""
    assert main(["validate", "bad.yaml", "--format", form]) == 1
    output = capsys.readouterr().out
    assert "bad.yaml" in output
    assert "SCH1" in output or "REF2" in output


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_missing_file_is_no_finding(form: str, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A spec that is not there exits with 2: nothing was checked."""
    assert main(["validate", "nowhere.yaml", "--format", form]) == 2
    output = capsys.readouterr().out
    assert "nowhere.yaml" in output
    if form == "json":
        assert json.loads(output)["valid"] is False


def test_a_folder_is_no_spec(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A folder in place of a file exits with 2."""
    assert main(["validate", "."]) == 2
    capsys.readouterr()


def test_set_is_checked_like_the_file(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A wrong `--set` is a finding that names the argument; a right one changes the spec."""
    assert main(["validate", "good.yaml", "--set", "phases.fit.epochs=many", "--format", "concise"]) == 1
    assert "--set" in capsys.readouterr().out
    assert main(["validate", "good.yaml", "--set", "phases.fit.epochs=3"]) == 0


def test_expand_writes_every_default(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`--expand` prints a spec that validates and makes the same plan as the short one."""
    assert main(["validate", "good.yaml", "--expand", "--quiet"]) == 0
    text = capsys.readouterr().out
    assert yaml.safe_load(text)["hardware"]["accelerator"] == "auto"
    (here / "long.yaml").write_text(text)
    changed = {"spec_sha256"}
    short, long = (declare.plan(name).model_dump(exclude=changed) for name in ("good.yaml", "long.yaml"))
    assert long == short


def test_trace_tells_every_pass(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`--trace` names each pass and what became of it; for a bad spec, why some were left out."""
    assert main(["validate", "bad.yaml", "--trace"]) == 1
    err = capsys.readouterr().err
    for name in ("parse", "compose", "schema", "names", "facts", "shapes", "phases", "cost", "lint"):
        assert name in err
    assert "because of" in err


def test_fail_on_lowers_the_bar(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`--fail-on never` exits with 0 whatever was found; `--strict` counts warnings too."""
    assert main(["validate", "bad.yaml", "--fail-on", "never"]) == 0
    warned = GOOD.replace("epochs: 2,", "epochs: 2, schedule: {type: cosine, warmup: 100%},")
    (here / "warned.yaml").write_text(warned)
    assert main(["validate", "warned.yaml"]) == 0
    assert main(["validate", "warned.yaml", "--strict"]) == 1
    capsys.readouterr()


def test_python_gives_the_same_findings(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`declare.check` finds what `dcl validate` prints, and `declare.plan` raises it."""
    main(["validate", "bad.yaml", "--format", "json"])
    printed = [item["title"] for item in json.loads(capsys.readouterr().out)["diagnostics"]]
    assert [found.title for found in declare.check("bad.yaml").diagnostics] == printed
    with pytest.raises(declare.api.SpecError) as raised:
        declare.plan("bad.yaml")
    assert [found.title for found in raised.value.diagnostics] == printed
    assert printed[0] in str(raised.value)
