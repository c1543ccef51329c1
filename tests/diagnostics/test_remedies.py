"""Every finding says what to do about it, and the texts that were misread say what they should."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import declare
from declare.compiler.pipeline import check
from declare.components.sources.npz import Npz
from declare.contract.nodes.input_check import check_inputs
from declare.contract.problem import ProblemError
from declare.contract.shapes import Shape
from declare.diagnostics.codes import page
from declare.parsing.lookup import find
from declare.runtime.inference.predict_inputs import _unreadable

ROOT = Path(declare.__file__).parent
ADVICE_ONLY = frozenset({"HW711", "HW714", "RES821"})
"""Codes of events that nobody has to answer."""


def without_remedy() -> Iterator[str]:
    """Yield where the code makes a problem with neither `helps` nor `rewrites`, or passes them on."""
    for file in sorted(ROOT.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text())):
            if not isinstance(node, ast.Call) or getattr(node.func, "id", "") != "Problem":
                continue
            known = {word.arg for word in node.keywords}
            code = node.args[0].value if node.args and isinstance(node.args[0], ast.Constant) else "CODE"
            if code == "CODE" and "rules" in file.parts:
                module = ast.parse(file.read_text()).body
                code = next(
                    (
                        str(item.value.value)
                        for item in module
                        if isinstance(item, ast.Assign)
                        and getattr(item.targets[0], "id", "") == "CODE"
                        and isinstance(item.value, ast.Constant)
                    ),
                    code,
                )
            is_said = known & {"helps", "rewrites", None}
            is_note = code in ADVICE_ONLY or (code != "CODE" and page(code).severity == "info")
            if not is_said and not is_note:
                yield f"{file.relative_to(ROOT)}:{node.lineno} {code}"


def test_every_finding_has_a_remedy():
    """Whatever makes an error or a warning also says what to write, to change or to look at."""
    assert list(without_remedy()) == []


def test_rows_of_other_lengths_in_an_archive(tmp_path):
    """A series of unequal rows in npz is told how such rows are saved, not that pickles are dangerous alone."""
    rows = np.empty(2, dtype=object)
    rows[:] = [[1.0], [1.0, 2.0]]
    np.savez(tmp_path / "x.npz", s=rows)
    with pytest.raises(ProblemError) as caught:
        Npz(path=tmp_path / "x.npz").open()
    (problem,) = caught.value.problems
    assert problem.code == "DAT335"
    assert "rows of different lengths" in problem.notes[0]
    assert "`parquet` or `jsonl`" in problem.helps[0]


def test_an_image_for_a_module_of_vectors_names_flatten():
    """Where a module takes vectors and gets images, the remedy names the transform or the modules that help."""
    node = find("modules", "mlp")(input="image")
    problem = check_inputs(node, {"input": (Shape("image", (3, 8, 8)),)})
    assert problem.code == "SHP511"
    assert "flatten" in problem.helps[0]


def test_a_file_that_cannot_be_read_as_input(tmp_path):
    """What cannot be read names the path, why, and what can be read."""
    problem = _unreadable(tmp_path / "x.bin", "it ends in .bin")
    assert problem.code == "RES818"
    assert problem.title.endswith("x.bin` cannot be read as input")
    assert "it ends in .bin" in problem.notes[0]
    assert "csv, parquet, npz" in problem.helps[0]


def test_images_of_two_sizes(tmp_path):
    """Images that differ in size are shown with both sizes and with the key that brings them to one."""
    from PIL import Image

    for name, side in (("a", 8), ("b", 12)):
        (tmp_path / "data" / name).mkdir(parents=True)
        for index in range(6):
            Image.new("RGB", (side, 8), (index * 9, 0, 0)).save(tmp_path / "data" / name / f"{index}.png")
    (tmp_path / "spec.yaml").write_text(
        """
declare: 1
datasets: {d: {source: {type: image_folder, path: data}, split: {val: 0.3}}}
model: {encoder: {type: cnn, channels: [4], input: image}}
tasks: {t: {type: classification, dataset: d, target: label}}
phases: {fit: {epochs: 1, batch_size: 4, optimizer: {type: adamw, lr: 1e-3}}}
"""
    )
    (found,) = (item for item in check(tmp_path / "spec.yaml").diagnostics if item.code == "DAT349")
    assert "8 x 12" in found.title
    assert "size: 64" in found.helps[0]


LANGUAGE_MODEL = """
declare: 1
datasets: {d: {source: {type: text, path: t.txt}, fields: {text: {type: text, tokenizer: char, max_length: 16}}}}
model: {decoder: {type: transformer, dim: 8, depth: 1, heads: 2, causal: true}}
tasks: {next: {type: causal_lm, dataset: d, target: text}}
phases: {fit: {epochs: 1, batch_size: 4, optimizer: {type: adamw, lr: 1e-3}}}
"""


def test_a_language_model_without_input(tmp_path):
    """Where only the target fits a module without `input`, it is told so, with the line to write."""
    (tmp_path / "t.txt").write_text("".join(f"line {i} of some text\n" for i in range(40)))
    (tmp_path / "spec.yaml").write_text(LANGUAGE_MODEL)
    (found,) = (item for item in check(tmp_path / "spec.yaml").diagnostics if item.code == "REF208")
    assert "the target of task `next`" in found.title
    assert "`input: text`" in found.helps[0]


def test_an_address_is_no_path(tmp_path):
    """An address where a path on disk stands is called one, not a file that is missing."""
    (tmp_path / "spec.yaml").write_text(LANGUAGE_MODEL.replace("path: t.txt", "path: https://a.b/t.txt"))
    found = [item for item in check(tmp_path / "spec.yaml").diagnostics if item.path.endswith("source.path")]
    assert [item.code for item in found] == ["SCH114"]
    assert "address" in found[0].title
    assert "on disk" in found[0].helps[0]
