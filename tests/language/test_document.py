"""The composed tree is walked by dotted paths."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from declare.diagnostics.diagnostic import Source
from declare.language.document import Document, Text
from declare.language.yaml.parse_file import parse

TEXT = """\
phases:
  fit:
    freeze:
      - {match: "encoder.*"}
    rename: {encoder.0: body.0}
empty:
"""


@pytest.fixture
def document():
    source = Source("spec.yaml", TEXT)
    return Document(parse(source, Text(Path())).node, (source,))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("phases.fit.freeze.0.match", "encoder.*"),
        ("phases.fit.rename.encoder.0", "body.0"),
        ("phases.fit.freeze", [{"match": "encoder.*"}]),
        ("empty", None),
    ],
)
def test_at(document, path, value):
    """A path leads through maps, list indexes and keys that hold dots."""
    assert document.plain(path) == value


@pytest.mark.parametrize(
    "path", ["fit", "phases.fit.freeze.1", "phases.fit.freeze.x", "empty.x", "phases..fit", "phases."]
)
def test_not_there(document, path):
    """A path that leads nowhere has no node and no span."""
    assert document.at(path) is None
    assert document.span(path) is None
    with pytest.raises(LookupError):
        document.plain(path)


@pytest.mark.parametrize(
    ("path", "ancestor"),
    [
        ("phases.fit.optimizer.lr", "phases.fit"),
        ("phases.fit.freeze.3", "phases.fit.freeze"),
        ("model.encoder", ""),
        ("phases.fit", "phases.fit"),
        ("", ""),
    ],
)
def test_nearest(document, path, ancestor):
    """The nearest ancestor is the deepest one that exists."""
    node, found = document.nearest(path)
    assert found == ancestor
    assert node is document.at(ancestor)


def test_span(document):
    """A value's span and its key's span are told apart; list items have no key."""
    assert document.span("phases.fit.rename").text == "{encoder.0: body.0}"
    assert document.span("phases.fit.rename", on="key").text == "rename"
    assert document.span("phases.fit.freeze.0", on="key").text == '{match: "encoder.*"}'


def test_walk_and_at_agree(document):
    """Every path that the walk yields leads back to its node, parents before children."""
    paths = [path for path, _ in document.walk()]
    assert paths[:3] == ["", "phases", "phases.fit"]
    assert all(document.at(path) is node for path, node in document.walk())


def test_empty_document():
    """A document without a tree has no nodes, and says so."""
    empty = Document(None, ())
    assert list(empty.walk()) == []
    assert empty.at("") is None
    with pytest.raises(LookupError):
        empty.nearest("a")


def test_poison_stands_in(document):
    """A failed value is replaced by what the caller wants to see in its place."""
    document.at("phases.fit.freeze").poison = True
    assert document.plain("phases.fit", poison="failed")["freeze"] == "failed"


@given(st.text(st.sampled_from("abphases.fit01"), max_size=20))
def test_any_path(path):
    """Any path either leads to a node or to an ancestor of it that is a prefix."""
    source = Source("spec.yaml", TEXT)
    document = Document(parse(source, Text(Path())).node, (source,))
    node, found = document.nearest(path)
    assert path.startswith(found)
    assert document.at(found) is node
