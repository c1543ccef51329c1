"""Weights of a run stand for its classes and tokens in their order."""

import pytest

import declare

SPEC = """
declare: 1
datasets:
  d:
    source: {{type: csv, path: {table}}}
    fields:
      c: {{type: category}}
      t: {{type: text, tokenizer: {{type: word, vocab_size: 6}}}}
      y: {{type: category}}
    split: {{val: 0.25}}
model:
  row: {{type: tabular, input: c, width: 2}}
  words: {{type: transformer, input: t, dim: 4, depth: 1, heads: 1}}
  both: {{type: concat, input: [row, words.pooled]}}
tasks:
  k: {{type: classification, dataset: d, target: y, head: {{type: linear, input: both}}}}
phases:
  fit: {{steps: 1, batch_size: 8, optimizer: {{type: sgd, lr: 1e-3}}{init}}}
hardware: {{accelerator: cpu, precision: fp32}}
"""


def table(folder, name, *, categories="rg", words="pq", classes="ab"):
    """Write a table with two of each, as often in both halves."""
    rows = [
        f"{categories[i % 2]},{words[i % 2]} {words[i // 2 % 2]},{classes[i // 3 % 2]}" for i in range(24)
    ]
    (folder / name).write_text("c,t,y\n" + "\n".join(rows) + "\n")
    return name


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return a folder with a run."""
    place = tmp_path_factory.mktemp("runs")
    (place / "first.yaml").write_text(SPEC.format(table=table(place, "first.csv"), init=""))
    declare.train(place / "first.yaml", run_dir=place / "run")
    return place


@pytest.mark.parametrize(
    ("changes", "entry", "modules"),
    [
        ({}, "", []),
        ({"categories": "rx"}, "", ["row"]),
        ({"words": "px"}, "", ["words"]),
        ({"classes": "ax"}, "", ["heads.k"]),
        ({"classes": "ax", "words": "px", "categories": "rx"}, "", ["row", "words", "heads.k"]),
        ({"classes": "ax"}, ", modules: [row, words]", []),
        ({"words": "px"}, ', modules: [row, "words.blocks.*"]', []),
        ({"words": "px"}, ", modules: [words]", ["words"]),
    ],
)
def test_names_of_loaded_weights(folder, changes, entry, modules):
    """What reads or predicts other names is named, if all its weights are loaded."""
    path = folder / "second.yaml"
    init = f', init: [{{from: "run:run"{entry}}}]'
    path.write_text(SPEC.format(table=table(folder, "second.csv", **changes), init=init))
    found = [item for item in declare.check(path).diagnostics if item.code == "SHP544"]
    assert len(found) == bool(modules)
    assert [note.split("`")[1] for item in found for note in item.notes] == modules


def test_the_tokenizer_of_the_run_has_its_tokens(folder):
    """The remedy of the finding: also for a run that has copied its tokenizer itself."""
    text = SPEC.replace("{{type: word, vocab_size: 6}}", "{{type: run, path: RUN, field: d.t}}")
    init = ', init: [{from: "run:RUN", modules: [words]}]'
    for run, name in (("run", "second"), ("second", "third")):
        path = folder / f"{name}.yaml"
        path.write_text(
            text.format(table=table(folder, f"{name}.csv", words="px"), init=init).replace("RUN", run)
        )
        assert "SHP544" not in {item.code for item in declare.check(path).diagnostics}
        declare.train(path, run_dir=folder / name)


def test_a_run_of_another_version_is_left_alone(folder):
    """Nothing is known of a plan that cannot be read."""
    kept = (folder / "run" / "plan.json").read_bytes()
    (folder / "run" / "plan.json").write_text("{}")
    try:
        test_names_of_loaded_weights(folder, {"classes": "ax"}, "", [])
    finally:
        (folder / "run" / "plan.json").write_bytes(kept)
