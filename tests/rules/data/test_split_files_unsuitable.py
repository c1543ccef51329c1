"""Files of splits: each split has its own."""

import pytest

import declare

SPEC = """
declare: 1
datasets:
  d:
    source: {{type: csv, path: one.csv}}
    fields: {{x: {{type: number}}, y: {{type: category}}}}
    split: {split}
model:
  encoder: {{type: mlp, input: x, hidden: [4]}}
tasks:
  k: {{type: classification, dataset: d, target: y}}
phases:
  fit: {{epochs: 1, batch_size: 4, optimizer: {{type: adamw, lr: 1e-3}}}}
"""


@pytest.mark.parametrize(
    ("split", "refused"),
    [
        ("{val: two.csv}", False),
        ("{val: two.csv, test: three.csv}", False),
        ("{val: one.csv}", True),
        ("{val: link.csv}", True),
        ("{val: two.csv, test: one.csv}", True),
        ("{train: two.csv, val: one.csv}", False),
        ("{train: two.csv, val: three.csv}", False),
    ],
)
def test_the_file_of_training_is_no_other_split(tmp_path, split, refused):
    """The source's own file is that of training, and a link is the file that it leads to."""
    for name in ("one", "two", "three"):
        rows = "".join(f"{i + len(name) / 10},{'ab'[i % 2]}\n" for i in range(12))
        (tmp_path / f"{name}.csv").write_text("x,y\n" + rows)
    (tmp_path / "link.csv").symlink_to(tmp_path / "one.csv")
    path = tmp_path / "spec.yaml"
    path.write_text(SPEC.format(split=split))
    codes = {item.code for item in declare.check(path).diagnostics if item.severity == "error"}
    assert codes == ({"DAT321"} if refused else set())
