"""What holds for components of every kind: they are read and written alike, and each kind has its laws."""

from __future__ import annotations

from pathlib import Path

import pytest

from declare.parsing import parser
from declare.parsing.annotation import fields as parameters
from declare.parsing.describe import component_page
from declare.parsing.lookup import find, kinds, own_names
from tests.components.conformance import component

EVERY = [(kind, name) for kind in kinds() for name in own_names(kind)]


def test_every_kind_has_its_laws():
    """A file of laws beside this one stands for each folder of components."""
    here = Path(__file__).parent
    assert [kind for kind in kinds() if not (here / f"test_{kind}.py").is_file()] == []


@pytest.mark.parametrize(("kind", "name"), EVERY)
def test_examples_are_read_and_written_alike(kind, name):
    """The example of a page is read without a finding, and reads again as the same from what it dumps."""
    first = component(kind, name)
    assert (first.kind(), first.type_name()) == (kind, name)
    assert parser.parse(kind, first.dump()) == first


@pytest.mark.parametrize(("kind", "name"), EVERY)
def test_every_parameter_and_component_is_described(kind, name):
    """Parameters say what they are (those that a whole kind has may be plain); pages begin with a sentence."""
    fields = find(kind, name).model_fields
    shared = {key for parent in find(kind, name).__mro__[1:] for key in getattr(parent, "model_fields", {})}
    assert [key for key, info in fields.items() if key not in shared and not info.description] == []
    page = component_page(kind, name)
    assert page is not None
    assert page.summary.endswith(".")
    assert page.text.isascii()


EMPTY_MEANS_NONE = {"metrics"}
REFUSED_BY_A_RULE = {"datasets"}


@pytest.mark.parametrize(("kind", "name"), EVERY)
def test_an_empty_list_is_refused_where_nothing_stated_means_something_else(kind, name):
    """A parameter whose default is no list has no meaning for an empty one: it is a finding at its place."""
    for key, (info, item) in parameters(find(kind, name)).items():
        takes_list = any(option.origin is list for option in item.options)
        if not takes_list or isinstance(info.default, list) or key in EMPTY_MEANS_NONE | REFUSED_BY_A_RULE:
            continue
        problems = parser.read(kind, {"type": name, key: []})[1]
        assert [problem.code for problem in problems if problem.at == key], key
