"""Names of figures say what they are."""

from __future__ import annotations

from typing import Any, Literal, get_args, get_origin

import pytest

from declare.contract.kinds.metric import by_metric_name
from declare.parsing import lookup, parser
from declare.rules.queries.metric_names import _NAME


def _others(annotation: Any, default: Any) -> list[Any]:
    """Return values of a parameter that are not its default."""
    if get_origin(annotation) is Literal:
        return [value for value in get_args(annotation) if value != default]
    return (
        [not default] if isinstance(default, bool) else [default + 1] if isinstance(default, int) else [0.25]
    )


CHANGED = [
    (name, key, value)
    for name in lookup.names("metrics")
    for key, info in lookup.find("metrics", name).model_fields.items()
    for value in _others(info.annotation, info.default)
]


@pytest.mark.parametrize(("name", "key", "value"), CHANGED)
def test_a_parameter_stands_in_the_name(name, key, value):
    """A metric with a parameter of its own has another name than one without, which monitors can state."""
    plain, other = (parser.parse("metrics", {"type": name} | block) for block in ({}, {key: value}))
    assert plain.metric_name() == name
    assert other.metric_name() != name
    assert _NAME.fullmatch(f"val/task/{other.metric_name()}")
    assert list(by_metric_name([plain, other, plain, other])) == [
        name,
        other.metric_name(),
        f"{name}_2",
        f"{other.metric_name()}_2",
    ]


def test_names_are_short():
    """Numbers follow their parameter, words and flags stand for themselves."""
    blocks = [
        {"type": "accuracy", "top": 2},
        {"type": "accuracy", "threshold": 0.25},
        {"type": "f1", "average": "micro"},
    ]
    names = [parser.parse("metrics", block).metric_name() for block in blocks]
    assert names == ["accuracy_top2", "accuracy_threshold0_25", "f1_micro"]
