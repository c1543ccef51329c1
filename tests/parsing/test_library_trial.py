"""Trials of library parts: what is refused, why, and that an answer is asked for once."""

from __future__ import annotations

from pathlib import Path

import pytest

from declare.contract.component import Component
from declare.contract.shapes import Shape
from declare.parsing import library_trial, parser
from declare.system import worker_process
from declare.system.worker_process import CallError

SMALL = list(Shape("image", (3, 16, 16), "uint8"))


def transform(name: str, **stated: object) -> Component:
    """Return a transform of torchvision."""
    return parser.parse("transforms", {"type": name, "field": "image", **stated})


def attempted(component: Component, sample: object) -> dict[str, object]:
    """Return what a worker answers, asked in this process."""
    return library_trial.attempt(component.kind(), component.dump(), sample)


def test_what_works_is_no_refusal() -> None:
    """A part that works answers with nothing."""
    assert attempted(transform("gaussian_blur", kernel_size=3), SMALL) == {"text": ""}


@pytest.mark.parametrize(
    ("name", "stated", "parameter", "works_on"),
    [
        ("gaussian_blur", {"kernel_size": 4}, "kernel_size", None),
        ("gaussian_blur", {"kernel_size": 3, "sigma": [2.0, 1.0]}, "sigma", None),
        ("pad", {"padding": 1, "fill": [1.0, 2.0]}, "fill", None),
        ("random_affine", {"degrees": 5.0, "scale": [2.0, 1.0], "shear": 3.0}, "scale", None),
        ("elastic_transform", {}, None, "images of 64 x 64 pixels"),
        ("elastic_transform", {"alpha": 20.0}, None, "images of 64 x 64 pixels"),
    ],
)
def test_the_cause_is_named(
    name: str, stated: dict[str, object], parameter: str | None, works_on: str | None
) -> None:
    """The parameter without which it works, or the samples on which it does."""
    found = attempted(transform(name, **stated), SMALL)
    assert found["text"]
    assert (found["parameter"], found["works_on"]) == (parameter, works_on)


def test_an_answer_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another field is the same question, another parameter, image or version of the library is not."""
    monkeypatch.setenv("DECLARE_CACHE_DIR", str(tmp_path / "cache"))
    asked: list[object] = []

    def call(function: str, arguments: dict[str, object]) -> dict[str, object]:
        asked.append(arguments)
        return {"text": "ValueError: odd", "parameter": "kernel_size", "works_on": None}

    monkeypatch.setattr(worker_process, "call", call)
    blur = transform("gaussian_blur", kernel_size=4)
    first = library_trial.refusal(blur, SMALL)
    assert first is not None
    assert (first.text, first.parameter) == ("ValueError: odd", "kernel_size")
    assert library_trial.refusal(blur.model_copy(update={"field": "photo"}), SMALL) == first
    assert len(asked) == 1
    library_trial.refusal(transform("gaussian_blur", kernel_size=6), SMALL)
    library_trial.refusal(blur, list(Shape("image", (1, 16, 16), "uint8")))
    monkeypatch.setattr(library_trial, "installed_version", lambda _: "99")
    library_trial.refusal(blur, SMALL)
    assert len(asked) == 4


def test_what_the_machine_decides_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A call that ran out of time or memory is a refusal now and asked again."""
    monkeypatch.setenv("DECLARE_CACHE_DIR", str(tmp_path / "cache"))
    answers = [CallError("timeout", "it was not done after 3 seconds"), {"text": ""}]

    def call(function: str, arguments: dict[str, object]) -> object:
        answer = answers.pop(0)
        if isinstance(answer, CallError):
            raise answer
        return answer

    monkeypatch.setattr(worker_process, "call", call)
    blur = transform("gaussian_blur", kernel_size=3)
    first = library_trial.refusal(blur, SMALL)
    assert first is not None
    assert first.text == "it was not done after 3 seconds"
    assert library_trial.refusal(blur, SMALL) is None


def test_what_a_table_proves_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """An optimizer with its library's own parameters, whatever rate it has, and every part of ours."""
    monkeypatch.setattr(worker_process, "call", lambda *_: pytest.fail("asked"))
    for block in ({"type": "nadam", "lr": 0.5}, {"type": "lamb", "lr": 1e-3, "weight_decay": 0.1}):
        assert library_trial.refusal(parser.parse("optimizers", block), None) is None
    assert (
        library_trial.refusal(parser.parse("optimizers", {"type": "adamw", "lr": 1e-3, "eps": 1.0}), None)
        is None
    )
