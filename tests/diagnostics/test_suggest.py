"""Did you mean: slips, other libraries' names and beginnings are understood, junk is not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from declare.diagnostics.suggest import did_you_mean, osa, suggest

KEYS = [
    "batch_size",
    "optimizer",
    "weight_decay",
    "classes",
    "lr",
    "epochs",
    "steps",
    "schedule",
    "warmup",
    "phases",
    "datasets",
]
MODELS = [
    "davit_tiny",
    "swin_tiny_patch4_window7_224",
    "swin_tiny",
    "resnet18",
    "resnet50",
    "vit_base_patch16_224",
]


@pytest.mark.parametrize(
    ("word", "best"),
    [
        ("clases", "classes"),
        ("optimzer", "optimizer"),
        ("Batch-Size", "batch_size"),
        ("batchsize", "batch_size"),
        ("batch", "batch_size"),
        ("optim", "optimizer"),
        ("wd", "weight_decay"),
        ("n_classes", "classes"),
        ("num_classes", "classes"),
        ("learning_rate", "lr"),
        ("rl", "lr"),
        ("epcohs", "epochs"),
        ("num_train_epochs", "epochs"),
        ("max_steps", "steps"),
        ("lr_scheduler", "schedule"),
        ("pahses", "phases"),
        ("dataset", "datasets"),
    ],
)
def test_keys(word, best):
    """The likeliest key stands first."""
    assert suggest(word, KEYS)[0] == best


@pytest.mark.parametrize("word", ["xyz", "foo_bar", "lx", "q", "", "zzzzzzzzzzzz", "\x1b[31m"])
def test_junk(word):
    """Nothing is suggested for what resembles nothing."""
    assert suggest(word, KEYS) == []
    assert did_you_mean(word, KEYS) is None


def test_beginnings():
    """A word that begins a long name suggests it, the shortest first."""
    models = [name for name in MODELS if name != "swin_tiny"]
    assert suggest("swin_tiny", models) == ["swin_tiny_patch4_window7_224"]
    assert suggest("resnet", MODELS) == ["resnet18", "resnet50"]


def test_limit_and_sentence():
    """At most three are named, joined into a question."""
    names = ["val_a", "val_b", "val_c", "val_d"]
    assert len(suggest("val_x", names)) == 3
    assert suggest("val_x", names, limit=1) == ["val_a"]
    assert did_you_mean("val_x", names) == "did you mean `val_a`, `val_b` or `val_c`?"
    assert did_you_mean("clases", KEYS) == "did you mean `classes`?"


def test_the_word_itself_is_no_suggestion():
    """A word is not suggested to itself."""
    assert suggest("lr", ["lr"]) == []


WORDS = st.text("abc", max_size=7)


@given(WORDS, WORDS)
def test_distance_against_the_definition(left, right):
    """The bounded distance is the recursive definition of optimal string alignment."""

    def slow(i, j):
        if not i or not j:
            return i + j
        best = min(slow(i - 1, j) + 1, slow(i, j - 1) + 1, slow(i - 1, j - 1) + (left[i - 1] != right[j - 1]))
        if i > 1 and j > 1 and left[i - 1] == right[j - 2] and left[i - 2] == right[j - 1]:
            best = min(best, slow(i - 2, j - 2) + 1)
        return best

    left, right = left[:5], right[:5]
    distance = slow(len(left), len(right))
    for limit in range(6):
        assert osa(left, right, limit) == (distance if distance <= limit else None)


@given(st.text(max_size=20), st.lists(st.text(max_size=20), max_size=6))
def test_suggestions_are_candidates(word, candidates):
    """Whatever the words, suggestions are distinct candidates."""
    found = suggest(word, candidates)
    assert set(found) <= set(candidates)
    assert len(found) == len(set(found)) <= 3
