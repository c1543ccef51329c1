"""New samples pass the run's own fields, transforms and statistics; targets may be left out."""

import csv
import json
import re

import numpy as np
import pytest
import torch

from declare.__main__ import main
from declare.compiler.pipeline import check
from declare.contract.problem import ProblemError
from declare.runtime.inference.loaded_run import dataset_with
from declare.runtime.inference.predict import Predictions, predict, tasks_of
from declare.runtime.inference.predict_inputs import choose_dataset
from declare.runtime.run import train
from declare.runtime.run_folder.folder import Run

TABLE = """
declare: 1
name: table
datasets:
  homes:
    source: {type: csv, path: homes.csv}
    fields:
      income: {type: number}
      region: {type: category}
      price: {type: number}
    transforms: [{type: standardize, field: income}]
    split: {val: 0.2}
model:
  row: {type: tabular, input: [income, region], width: 16}
tasks:
  price: {type: regression, dataset: homes, target: price, head: {type: linear, input: row}}
phases:
  fit: {epochs: 60, batch_size: 64, optimizer: {type: adamw, lr: 2e-2}}
tracking: csv
"""
DIGITS = """
declare: 1
name: digits
datasets:
  digits:
    source: {type: sklearn, name: digits}
    limit: 300
    split: {val: 0.2}
model:
  encoder: {type: cnn, channels: [8], input: image}
tasks:
  digit: {type: classification, dataset: digits, target: label}
phases:
  fit: {steps: 20, batch_size: 50, optimizer: {type: adamw, lr: 2e-2}}
tracking: csv
"""


def trained(folder, text):
    """Train a spec in a folder and return its run."""
    (folder / "spec.yaml").write_text(text)
    checked = check(folder / "spec.yaml")
    assert checked.plan is not None, checked.diagnostics
    torch.set_num_threads(1)
    outcome = train(checked.plan, text, folder / "run")
    assert outcome.status == 0, outcome.problems
    return Run(folder / "run")


@pytest.fixture(scope="module")
def homes(tmp_path_factory):
    """A run on a table in which the price is 100 times the income, plus 500 in the north."""
    folder = tmp_path_factory.mktemp("homes")
    draw = np.random.default_rng(0)
    rows = [(round(float(draw.normal(50, 10)), 3), draw.choice(["north", "south"])) for _ in range(400)]
    lines = [f"{income},{region},{100 * income + 500 * (region == 'north')}" for income, region in rows]
    (folder / "homes.csv").write_text("income,region,price\n" + "\n".join(lines) + "\n")
    return trained(folder, TABLE)


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    """A short run on small images."""
    return trained(tmp_path_factory.mktemp("digits"), DIGITS)


def test_a_table_without_targets_is_predicted_in_their_units(homes, tmp_path):
    """Rows of a csv file are standardised with the run's statistics and predicted in the target's own units."""
    path = tmp_path / "new.csv"
    path.write_text("region,income\nnorth,60\nsouth,40\n")
    rows = predict(homes, path).rows
    assert [row["sample"].rpartition("/")[2] for row in rows] == ["new.csv line 2", "new.csv line 3"]
    assert rows[0]["price"]["value"] == pytest.approx(6500, rel=0.08)
    assert rows[1]["price"]["value"] == pytest.approx(4000, rel=0.08)


def test_the_table_and_its_own_split_agree(homes, tmp_path):
    """The validation rows, written to a file of their own, get the predictions that the split gets."""
    own = predict(homes, dataset="homes", split="val").rows
    source = list(csv.DictReader((homes.path.parent / "homes.csv").read_text().splitlines()))
    chosen = [source[int(row["sample"].rpartition(" ")[2]) - 2] for row in own]
    path = tmp_path / "again.jsonl"
    path.write_text(
        "".join(json.dumps({"income": float(r["income"]), "region": r["region"]}) + "\n" for r in chosen)
    )
    again = predict(homes, path).rows
    for left, right in zip(own, again, strict=True):
        assert left["price"]["value"] == pytest.approx(right["price"]["value"], rel=1e-5)


def test_cells_may_be_separated_by_tabs(homes, tmp_path):
    """A .tsv file is read by tabs, with the same result as a table of commas."""
    text = "income,region\n10,north\n30,south\n"
    (tmp_path / "new.csv").write_text(text)
    (tmp_path / "new.tsv").write_text(text.replace(",", "\t"))
    by_comma, by_tab = (predict(homes, tmp_path / name).rows for name in ("new.csv", "new.tsv"))
    assert [row["price"] for row in by_comma] == [row["price"] for row in by_tab]


def test_a_missing_column_is_named(homes, tmp_path):
    """A table without a column that the model reads is RES817, and the column is named."""
    path = tmp_path / "new.csv"
    path.write_text("region,price\nnorth,60\n")
    with pytest.raises(ProblemError, match="`income`") as caught:
        predict(homes, path)
    assert caught.value.problem.code == "RES817"


@pytest.mark.parametrize("name", ["absent.csv", "notes.docx", "empty"])
def test_what_cannot_be_read_is_said(homes, tmp_path, name):
    """An absent file, another kind of file and a folder without images are RES818."""
    (tmp_path / "notes.docx").write_text("x")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ProblemError) as caught:
        predict(homes, tmp_path / name)
    assert caught.value.problem.code == "RES818"


def test_images_are_predicted_one_by_one_or_by_folder(digits, tmp_path):
    """The validation samples, written as images, get the predictions that the split gets; also one alone."""
    from PIL import Image
    from sklearn.datasets import load_digits

    own = predict(digits, dataset="digits", split="val").rows[:12]
    images = load_digits().images
    for place, row in enumerate(own):
        image = images[int(re.search(r"\d+", row["sample"])[0])]
        Image.fromarray((image * 255 / 16).round().astype("uint8")).save(tmp_path / f"{place:02d}.png")
    found = predict(digits, tmp_path).rows
    assert [row["sample"][-6:] for row in found] == [f"{place:02d}.png" for place in range(12)]
    for left, right in zip(own, found, strict=True):
        assert left["digit"]["probability"] == pytest.approx(right["digit"]["probability"], abs=1e-5)
    (single,) = predict(digits, tmp_path / "03.png").rows
    assert single["digit"]["class"] == found[3]["digit"]["class"]


def test_what_a_folder_has_besides_images_is_counted(digits, tmp_path, capsys):
    """Files that are not predicted are counted by reason, and the command says so."""
    from PIL import Image

    Image.new("L", (8, 8)).save(tmp_path / "a.png")
    (tmp_path / "b.heic").touch()
    (tmp_path / ".hidden.png").touch()
    (tmp_path / "none").mkdir()
    assert predict(digits, tmp_path).passed_over == {
        "empty folders": 1,
        "hidden": 1,
        "other files (.heic)": 1,
    }
    assert main(["predict", str(digits.path), "--input", str(tmp_path)]) == 0
    assert "skipped: 1 empty folders, 1 hidden, 1 other files (.heic)" in capsys.readouterr().err
    assert predict(digits, tmp_path / "a.png").passed_over == predict(digits, split="val").passed_over == {}


def test_one_image_is_not_read_for_several_fields(homes, tmp_path):
    """A model that reads other things than one image needs a table (RES817)."""
    from PIL import Image

    Image.new("L", (8, 8)).save(tmp_path / "a.png")
    for path in (tmp_path, tmp_path / "a.png"):
        with pytest.raises(ProblemError) as caught:
            predict(homes, path)
        assert caught.value.problem.code == "RES817"
        assert "`income` (number), `region` (category)" in caught.value.problem.notes[0]


def test_a_damaged_checkpoint_is_refused(homes, tmp_path):
    """Weights that are not those that were written are RES807."""
    import shutil

    shutil.copytree(homes.path, tmp_path / "run")
    run = Run(tmp_path / "run")
    path = run.weights_path()
    path.write_bytes(path.read_bytes()[:-4] + b"\0\0\0\1")
    with pytest.raises(ProblemError) as caught:
        predict(run, dataset="homes", split="val")
    assert caught.value.problem.code == "RES807"


@pytest.mark.parametrize("name", ["state.json", "MANIFEST.json"])
@pytest.mark.parametrize(
    "content", [None, b"{", b"\xff", b"[]", b'{"sequence": "1", "step": 1, "files": []}']
)
def test_damage_beside_the_weights_is_refused_too(homes, tmp_path, name, content):
    """A state or manifest that is missing or not what was written is RES807, never taken for an absence."""
    import shutil

    shutil.copytree(homes.path, tmp_path / "run")
    for path in (tmp_path / "run").glob(f"checkpoints/*/{name}"):
        path.unlink() if content is None else path.write_bytes(content)
    with pytest.raises(ProblemError) as caught:
        Run(tmp_path / "run").weights_path()
    assert caught.value.problem.code == "RES807"


def test_samples_that_fit_two_datasets_are_not_guessed(homes, tmp_path):
    """With two datasets of the same columns the user must say which one is meant (RES816)."""
    path = tmp_path / "new.csv"
    path.write_text("region,income\nnorth,60\n")
    plan = homes.plan
    twins = plan.model_copy(update={"datasets": {"a": plan.datasets["homes"], "b": plan.datasets["homes"]}})
    with pytest.raises(ProblemError) as caught:
        choose_dataset(twins, path)
    assert caught.value.problem.code == "RES816"
    with pytest.raises(ProblemError, match="no dataset `nowhere`"):
        predict(homes, path, dataset="nowhere")


def test_a_split_of_two_datasets_is_not_that_of_the_first(homes):
    """Which one is predicted must be said (RES816); where one alone has samples in the split, it is that."""
    homes_, splits = homes.plan.datasets["homes"], {"train": 4}
    both = homes.plan.model_copy(update={"datasets": {"a": homes_, "b": homes_}})
    with pytest.raises(ProblemError, match="2 datasets") as caught:
        dataset_with(both, "val")
    assert caught.value.problem.code == "RES816"
    one = {"a": homes_.model_copy(update={"splits": splits}), "b": homes_}
    assert dataset_with(homes.plan.model_copy(update={"datasets": one}), "val") == "b"
    with pytest.raises(ProblemError, match="no samples in the split `test`"):
        dataset_with(both, "test")


def test_a_dataset_without_a_task_has_no_predictions(homes):
    """Samples of which no task says anything are refused (RES816), not written as a table of their names."""
    two = homes.plan.model_copy(update={"datasets": {"other": homes.plan.datasets["homes"]}})
    with pytest.raises(ProblemError, match="no task of the run") as caught:
        tasks_of(two, "other")
    assert caught.value.problem.code == "RES816"


def test_predictions_are_written_as_their_file_name_says(tmp_path):
    """Csv has a column for each value and keeps spreadsheets from taking texts for formulas; json keeps the tree."""
    rows = (
        {
            "sample": "=cmd()",
            "a": {"class": "x", "probability": {"x": 0.5, "y": 0.5}},
            "b": {"labels": ["u", "v"]},
        },
    )
    found = Predictions("lab", rows, {"seg": np.zeros((1, 2, 2), np.int64)})
    found.write(tmp_path / "out.csv")
    (row,) = csv.DictReader((tmp_path / "out.csv").read_text().splitlines())
    assert row == {
        "sample": "'=cmd()",
        "a.class": "x",
        "a.probability.x": "0.5",
        "a.probability.y": "0.5",
        "b.labels": "u v",
    }
    assert np.load(tmp_path / "out.seg.npz")["classes"].shape == (1, 2, 2)
    found.write(tmp_path / "out.json")
    assert json.loads((tmp_path / "out.json").read_text())["rows"] == list(rows)
    found.write(tmp_path / "out.jsonl")
    assert json.loads((tmp_path / "out.jsonl").read_text()) == rows[0]


def test_a_disk_that_fails_leaves_what_was_there(tmp_path, monkeypatch):
    """Half an archive of maps would be taken for all of them."""
    predictions = Predictions("lab", ({"sample": "a"},), {"seg": np.zeros((1, 2, 2), np.int64)})
    (tmp_path / "out.seg.npz").write_text("old")

    def fill_disk(file, **_):
        file.write(b"PK")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez_compressed", fill_disk)
    with pytest.raises(OSError, match="No space"):
        predictions.write(tmp_path / "out.csv")
    assert [path.read_text() for path in tmp_path.iterdir()] == ["old"]


@pytest.mark.parametrize(
    "words", ["predict --output p.csv", "inspect --output x.npz", "inspect --output x.safetensors"]
)
def test_a_file_that_cannot_be_written_is_named(homes, tmp_path, capsys, words):
    """Nothing is said of the run, which is what it was."""
    command, option, name = words.split()
    assert main([command, str(homes.path), "--split", "val", option, str(tmp_path / "no" / name)]) == 2
    assert (
        capsys.readouterr().err
        == f"error: `{tmp_path / 'no' / name}` cannot be written: No such file or directory\n"
    )


@pytest.mark.parametrize(
    ("value", "written"),
    [
        *(
            ([-0.5, 2.0], "-0.5 2.0"),
            (["-1+cmd()", "u"], "'-1+cmd() u"),
            ("-2+3", "'-2+3"),
            ("+1\t=x", "'+1\t=x"),
        ),
        *(
            (["sci fi", "b"], '["sci fi", "b"]'),
            (["None", None], '["None", null]'),
            ("007", "007"),
            ("-", "-"),
        ),
    ],
)
def test_vectors_of_numbers_are_written_as_they_are(tmp_path, value, written):
    """What begins like a formula gets a quote in csv; numbers below zero are no formula."""
    Predictions("lab", ({"sample": "a", "z": {"embedding": value}},), {}).write(tmp_path / "out.csv")
    with (tmp_path / "out.csv").open(newline="") as file:
        (row,) = csv.DictReader(file)
    assert row["z.embedding"] == written


def test_more_samples_than_there_is_room_for_are_refused_before_any_is_predicted(homes, monkeypatch):
    """A small file may hold a hundred million of them."""
    monkeypatch.setattr("declare.runtime.inference.predict._ROW_BYTES", 1 << 60)
    with pytest.raises(MemoryError, match="the table of predictions"):
        predict(homes, split="val")


def test_more_numbers_than_there_is_room_for_are_refused_before_rows_are_made_of_them(homes, monkeypatch):
    """A row of a thousand classes takes more than one of two."""
    monkeypatch.setattr("declare.runtime.inference.predict._NUMBER_BYTES", 1 << 60)
    with pytest.raises(MemoryError, match="the table of predictions"):
        predict(homes, split="val")


def test_a_gap_in_the_input_gives_no_prediction(homes, tmp_path):
    """A sample whose input is not finite has no value, is named, and leaves valid JSON."""
    path = tmp_path / "new.csv"
    path.write_text("income,region\n10,north\ninf,south\n")
    found = predict(homes, path)
    assert [row["price"]["value"] is None for row in found.rows] == [False, True]
    assert [name.rpartition("/")[2] for name in found.without] == ["new.csv line 3"]
    assert "NaN" not in found.as_json()


def test_images_of_another_depth_that_are_nearly_black_are_said(digits, tmp_path, capsys):
    """12 bits in 16, where training had whole bytes, are predicted with a warning (DAT393)."""
    from PIL import Image

    Image.fromarray(np.arange(64, dtype=np.uint16).reshape(8, 8) * 60).save(tmp_path / "a.png")
    assert [item.code for item in predict(digits, tmp_path).doubts] == ["DAT393"]
    assert main(["predict", str(digits.path), "--input", str(tmp_path / "a.png")]) == 0
    assert "warning[DAT393]" in capsys.readouterr().err
