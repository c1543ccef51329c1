"""What holds for components of every kind: they are read and written alike, and each kind has its laws."""

from __future__ import annotations

from pathlib import Path

import pytest

from declare.parsing import parser
from declare.parsing.describe import card
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
    page = card(kind, name)
    assert page is not None
    assert page.summary.endswith(".")
    assert page.text.isascii()
