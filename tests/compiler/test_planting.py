"""Mistakes planted in the sample specs: all that can be known are reported in one go, and nothing else is."""

from __future__ import annotations

import random
import re
from pathlib import Path

import pytest

from declare.compiler.pipeline import check
from declare.language.compose.compose import load
from tests.architecture.test_specs import TABLE, TEXTS
from tests.compiler.planting import Mistake, catalogue, plant, touches

SPECS = Path(__file__).parents[2] / "specs"


def planted(path: Path, text: str, mistakes: list[Mistake]) -> list[str]:
    """Check a spec with mistakes in it; return those that are not reported, and what is reported besides."""
    known = {(item.code, item.path) for item in check(path).diagnostics}
    path.write_text(plant(text, mistakes))
    found = {(item.code, item.path) for item in check(path).diagnostics} - known
    path.write_text(text)
    missed = [
        f"not reported: {item.name} at {item.place}"
        for item in mistakes
        if not any(code in item.codes and at == item.place for code, at in found)
    ]
    places = [place for item in mistakes for place in (item.path, item.place)]
    false = [
        f"{code} at {at} is not planted"
        for code, at in found
        if not any(touches(at, place) for place in places)
    ]
    return missed + false


def groups(mistakes: list[Mistake], size: int, count: int, draw: random.Random) -> list[list[Mistake]]:
    """Return groups of mistakes that are independent of each other."""
    found = []
    for _ in range(count):
        group: list[Mistake] = []
        for item in draw.sample(mistakes, len(mistakes)):
            if len(group) < size and all(item.independent(other) for other in group):
                group.append(item)
        found.append(group)
    return found


def spec_text(name: str) -> str:
    """Return a sample spec with few samples, each value written out where it is."""
    text = (SPECS / f"{name}.yaml").read_text()
    text = (
        re.sub(r"samples: \d{3,}", "samples: 120", text)
        .replace("subjects: 24", "subjects: 12")
        .replace("stamps: 8", "stamps: 4")
    )
    text = text.replace("channels: 128", "channels: 8")
    shared = re.search(r"fields: &fields(\n(?: {6}.*\n)+)", text)
    return text if shared is None else text.replace("&fields", "").replace(" *fields\n", shared[1])


@pytest.fixture
def data_files(tmp_path: Path) -> None:
    """Write the files that specs read."""
    (tmp_path / "table.csv").write_text(TABLE)
    for name, text in TEXTS.items():
        (tmp_path / name).write_text(text)


@pytest.mark.usefixtures("data_files")
@pytest.mark.parametrize(
    "name", ["pain", "digits", "text_classifier", "table", "seq2seq", "eeg", "neural", "multiscale"]
)
def test_every_independent_mistake_is_reported(name, tmp_path):
    """Mistakes alone, in pairs and in tens are each reported in one go, and no other finding comes with them."""
    path = tmp_path / "spec.yaml"
    text = spec_text(name)
    path.write_text(text)
    mistakes = catalogue(load(path)[0].plain())
    draw = random.Random(name)
    drawn = [[item] for item in draw.sample(mistakes, 6)]
    drawn += [*groups(mistakes, 2, 5, draw), *groups(mistakes, 10, 3, draw)]
    assert [found for group in drawn for found in planted(path, text, group)] == []
