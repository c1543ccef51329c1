"""Values of environment variables are hidden in whatever is said, however much of them is left of it."""

import json

import pytest

from declare.system import secrets

VALUE = 'tok-"quo\te"-0123456789-SECRET'


@pytest.fixture(autouse=True)
def _known(monkeypatch):
    monkeypatch.setattr(secrets, "_known", {})
    secrets.remember("TOKEN", VALUE)


@pytest.mark.parametrize("length", range(12, len(VALUE) + 1))
def test_a_value_that_a_message_cuts_is_hidden_to_where_it_is_cut(length):
    """What is left of its start or of its end gives nothing away."""
    for part in (VALUE[:length], VALUE[-length:]):
        said = secrets.hide_values(f"`{part}` is no name, nor is `{part}`")
        assert said == "`${env:TOKEN}` is no name, nor is `${env:TOKEN}`"


@pytest.mark.parametrize(
    "text", [VALUE, f"a {VALUE} b", json.dumps([VALUE]), json.dumps({VALUE: "é"}, ensure_ascii=False)]
)
def test_texts_that_hold_a_value_are_known(text):
    """As it is, inside of another text, and as JSON writes it."""
    assert secrets.occur_in(text)
    assert not secrets.occur_in(text.replace("SECRET", "other"))
