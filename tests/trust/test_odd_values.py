"""Threat model, lines "names" and "paths": what stands at a parameter is a finding or a value, never an exception."""

from __future__ import annotations

import typing

import pytest

from declare.contract.component import Component
from declare.contract.kinds.source import Source, is_path
from declare.contract.problem import ProblemError
from declare.parsing import lookup
from declare.parsing.lookup import kinds, own_names
from declare.parsing.parser import parse

EVERY = [(kind, name) for kind in kinds() for name in own_names(kind)]
ODD = [
    [],
    {},
    "",
    0,
    -1,
    1e308,
    float("nan"),
    float("inf"),
    10**299,
    True,
    None,
    "\0",
    [[]],
    [None],
    [{}],
    [""],
]
PLACES = [
    "/tmp/" + "x" * 5000,
    "/tmp/" + "x/" * 3000,
    "/tmp/a\0b",
    "/dev/zero",
    "/proc/self/mem",
    "/tmp/\udcff.csv",
]


def outcome(kind: str, block: dict[str, object]) -> Component | None:
    """Read a block and check it; None where it is refused in our words."""
    try:
        component = parse(kind, block)
        list(component.check())
    except ProblemError:
        return None
    return component


@pytest.mark.parametrize(("kind", "name"), EVERY)
def test_any_scalar_and_any_empty_list_is_a_value_or_a_finding(kind, name):
    """Of every parameter of every component."""
    for parameter, field in lookup.find(kind, name).model_fields.items():
        for value in ODD:
            outcome(kind, {"type": name, field.alias or parameter: value})


def _paths(kind: str, name: str) -> list[str]:
    fields = lookup.find(kind, name).model_fields
    metadata = {
        field.alias or parameter: [
            *field.metadata,
            *(item for arg in typing.get_args(field.annotation) for item in getattr(arg, "__metadata__", ())),
        ]
        for parameter, field in fields.items()
    }
    return [parameter for parameter, items in metadata.items() if is_path(items)]


@pytest.mark.parametrize(
    ("kind", "name", "parameter"), [(*item, parameter) for item in EVERY for parameter in _paths(*item)]
)
def test_a_path_that_the_system_refuses_is_a_finding(kind, name, parameter):
    """Names too long, with zeros, of devices and of memory: for every parameter that is a path."""
    for place in PLACES:
        component = outcome(kind, {"type": name, parameter: place})
        if component is None:
            continue
        try:
            if isinstance(component, Source):
                component.fingerprints()
                component.open()
            elif hasattr(component, "stamp"):
                component.stamp()
        except ProblemError:
            continue
