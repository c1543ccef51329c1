"""What commands remember between them: damage in the user's cache changes no result, and is said."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import load_file

from declare.__main__ import main
from declare.system import user_cache

SPEC = """
declare: 1
name: cached
datasets:
  pics:
    source: {type: image_folder, path: pics}
    cache: disk
    on_corrupt: {action: skip, limit: 3}
  texts:
    source: {type: text, path: corpus.txt}
    fields: {text: {type: text, tokenizer: word, max_length: 4, overlong: windows}}
  sounds:
    source: {type: jsonl, path: sounds.jsonl}
    cache: disk
    fields: {x: {type: number}, y: {type: number}}
    transforms: [{type: standardize, fields: [x]}]
model:
  seen: {type: cnn, channels: [2], input: image}
  read: {type: transformer, input: text, dim: 4, depth: 1, heads: 1, causal: true}
  heard: {type: mlp, hidden: [2], input: x}
tasks:
  kind: {type: classification, dataset: pics, target: label, head: {type: linear, input: seen}}
  next: {type: causal_lm, dataset: texts, target: text, head: {type: lm, input: read}}
  level: {type: regression, dataset: sounds, target: y, head: {type: linear, input: heard}}
phases:
  fit: {steps: 2, batch_size: 4, optimizer: {type: adamw, lr: 1e-2}}
tracking: []
hardware: {precision: fp32}
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in a folder with images, texts, numbers and a spec, and with a cache of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DECLARE_CACHE_DIR", str(tmp_path / "cache"))
    for number in range(12):
        folder = tmp_path / "pics" / "ab"[number % 2]
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((6, 6), 20 * number, np.uint8)).save(folder / f"{number:02}.png")
    (tmp_path / "corpus.txt").write_text("".join(f"one two three word{n % 3} five six\n" for n in range(12)))
    rows = (f'{{"x": {number}, "y": {number % 5}}}\n' for number in range(20))
    (tmp_path / "sounds.jsonl").write_text("".join(rows))
    (tmp_path / "spec.yaml").write_text(SPEC)
    return tmp_path


def trained(folder: str) -> tuple[str, dict[str, bytes]]:
    """Train into `folder`; return the final metrics and the bytes of every weight."""
    assert main(["train", "spec.yaml", "--run-dir", folder]) == 0
    weights = load_file(Path(folder, "checkpoints", "step-2", "weights.safetensors"))
    values = {name: value.tobytes() for name, value in weights.items()}
    return Path(folder, "metrics.json").read_text(), values


def flip(file: Path) -> None:
    whole = bytearray(file.read_bytes())
    whole[len(whole) // 3] ^= 4
    file.write_bytes(whole)


def cut(file: Path) -> None:
    os.truncate(file, file.stat().st_size - 1)


def empty(file: Path) -> None:
    os.truncate(file, 0)


def test_a_damaged_cache_changes_nothing_and_is_said(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With a bit flipped in every file, every file cut short, or empty: the same bits, and each file named."""
    expected = trained("first")
    made = {file.parent.name for file in (here / "cache").rglob("*") if file.is_file()}
    assert made >= {"facts", "packed", "parts", "unreadable", "targets", "rounded", "probe"}
    for damage in (flip, cut, empty):
        files = [file for file in (here / "cache").rglob("*") if file.is_file()]
        for file in files:
            damage(file)
        capsys.readouterr()
        assert trained(damage.__name__) == expected
        said = "".join(capsys.readouterr().err.split())
        assert [file.name for file in files if file.name not in said] == []
        assert all(user_cache.is_whole(file) for file in files)


def test_each_bit_of_an_entry_counts(here: Path) -> None:
    """Whichever byte of a sealed file is another one, or missing, it is no longer whole."""
    place = here / "entry"
    user_cache.write_text(place, "some facts")
    whole = place.read_bytes()
    damages: list[Callable[[int], bytes]] = [
        lambda at: whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :],
        lambda at: whole[:at],
        lambda at: whole[:at] + whole[at + 1 :],
    ]
    for at in range(len(whole)):
        for damage in damages:
            place.write_bytes(damage(at))
            assert not user_cache.is_whole(place)


def test_large_files_are_hashed_in_pieces(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file of many pieces is whole as it was written, and not with two of its pieces exchanged."""
    monkeypatch.setattr(user_cache, "_PIECE_BYTES", 16)
    place = here / "entry"
    user_cache.write_text(place, "".join(f"{number:16}" for number in range(9)))
    assert user_cache.is_whole(place)
    whole = place.read_bytes()
    place.write_bytes(whole[16:32] + whole[:16] + whole[32:])
    assert not user_cache.is_whole(place)


def test_damage_is_a_finding_of_validate(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A damaged entry is a warning in `validate --format json`, without a place in the spec and once."""
    assert main(["validate", "spec.yaml"]) == 0
    entry = min((here / "cache" / "targets").iterdir())
    flip(entry)
    for expected in (["RES822"], []):
        capsys.readouterr()
        assert main(["validate", "spec.yaml", "--format", "json"]) == 0
        found = json.loads(capsys.readouterr().out)["diagnostics"]
        assert [item["code"] for item in found if item["name"].startswith("cache")] == expected
