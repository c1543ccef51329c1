"""Tasks over tokens: shifting, hiding, writing; and the figures of both."""

from __future__ import annotations

import math

import pytest
import torch

from declare.contract.facts import FieldFacts
from declare.contract.shapes import Shape
from declare.nn.metrics.tokens import TokenSums, exact_match, perplexity, token_accuracy
from declare.nn.tasks.next_token import NextToken, Sampling
from declare.parsing import parser

SPECIAL = {"bos": 0, "eos": 1, "mask": 2, "unk": 3}
FACTS = FieldFacts(shape=Shape("tokens", (6,), "int64", 10), extra={"special": SPECIAL})
TOKENS = torch.tensor([[4, 5, 6, 1, -1, -1], [7, 8, 9, 4, 5, 1]])


def built(name, **block):
    task = parser.parse("tasks", {"type": name, "target": "text", **block})
    return task.build(task.link({"corpus": FACTS}))


@pytest.mark.parametrize("name", ["causal_lm", "seq2seq", "masked_lm"])
def test_heads_score_the_whole_vocabulary(name):
    """The head's width is the size of the vocabulary, at every position."""
    task = parser.parse("tasks", {"type": name, "target": "text"})
    assert task.output(FACTS) == Shape("sequence", (None, 10))
    assert task.link({"corpus": FACTS}).special == SPECIAL
    assert task.link({"corpus": FACTS}).length == 6


@pytest.mark.parametrize("name", ["causal_lm", "seq2seq"])
def test_the_model_sees_the_text_shifted_and_the_targets_are_the_text(name):
    """`bos` stands in front, the last token is not shown, padding stays where it was."""
    adapter = built(name)
    shown = adapter.mask_inputs({"text": TOKENS}, torch.Generator())["text"]
    assert shown.tolist() == [[0, 4, 5, 6, -1, -1], [0, 7, 8, 9, 4, 5]]
    assert torch.equal(adapter.target({"text": TOKENS}), TOKENS)


def test_masking_is_that_of_bert():
    """Of the chosen tokens eight in ten are shown as `mask`, one as another, one as it is; padding never."""
    adapter = built("masked_lm", ratio=0.2)
    tokens = torch.randint(4, 10, (200, 50))
    tokens[:, 40:] = -1
    view = adapter.mask_inputs({"text": tokens}, torch.Generator().manual_seed(0))
    hidden, shown = view["text.hidden"], view["text"]
    assert hidden.sum(1).tolist() == [8] * 200
    assert not hidden[:, 40:].any()
    assert torch.equal(shown[~hidden], tokens[~hidden])
    masked = (shown[hidden] == 2).float().mean()
    kept = (shown[hidden] == tokens[hidden]).float().mean()
    assert float(masked) == pytest.approx(0.81, abs=0.03)
    assert float(kept) == pytest.approx(0.11, abs=0.03)
    target = adapter.target({"text": tokens, "text.hidden": hidden})
    assert torch.equal(target >= 0, hidden)


def test_every_text_hides_a_token_and_never_a_special_one():
    """A text of one token hides it; marks are never what is to be predicted."""
    adapter = built("masked_lm")
    tokens = torch.tensor([[5, -1, -1], [6, 1, -1], [1, -1, -1]])
    hidden = adapter.mask_inputs({"text": tokens}, torch.Generator().manual_seed(1))["text.hidden"]
    assert hidden.tolist() == [[True, False, False], [True, False, False], [False, False, False]]


@pytest.mark.parametrize(("unigrams", "code"), [([9, 9, 0, 9, 0], "DAT362"), ([9, 9, 0, 9, 1], None)])
def test_a_text_of_special_tokens_alone_hides_nothing(unigrams, code):
    """Words that the tokenizer does not know are one special token, of which none is ever hidden."""
    extra = {"special": SPECIAL, "unigrams": unigrams}
    task, _ = parser.read("tasks", {"type": "masked_lm", "target": "text"})
    linked = task.link({"corpus": FieldFacts(shape=Shape("tokens", (6,), "int64", 5), extra=extra)})
    assert getattr(linked, "code", None) == code


def test_the_baseline_of_hidden_tokens_gives_special_ones_no_more_than_an_unseen_token():
    """`masked_lm` never hides the ends of texts: their number is no frequency of what is predicted."""
    extra = {"special": SPECIAL, "unigrams": [0, 90, 0, 7, 5, 4]}
    task, _ = parser.read("tasks", {"type": "masked_lm", "target": "text"})
    target = task.link({"corpus": FieldFacts(shape=Shape("tokens", (6,), "int64", 6), extra=extra)})
    found = task.build(target).baseline_prediction(torch.zeros(2, 3, 6), {}, torch.Generator())
    counts = torch.tensor([1.0, 1, 1, 1, 6, 5])
    torch.testing.assert_close(found, (counts / counts.sum()).log().expand(2, 3, 6))


def counting(fields):
    """Return logits of a model that says one more than each id it sees, `eos` after 9."""
    following = torch.where(fields["text"] >= 9, 1, fields["text"] + 1).clamp_min(1)
    return torch.nn.functional.one_hot(following, 10).float() * 9


def test_texts_go_on_from_their_own_ends():
    """Beginnings of different lengths in one batch each get what follows them, until `eos`."""
    adapter = NextToken(target="text", special=SPECIAL, length=20)
    start = torch.tensor([[4, 5, -1], [6, 7, 8]])
    found = adapter.generate(counting, {"text": start}, Sampling(max_new_tokens=6))["text"]
    assert found.tolist() == [[6, 7, 8, 9, -1, -1], [9, -1, -1, -1, -1, -1]]


def test_long_texts_go_on_from_what_the_model_can_see():
    """A model of four positions is never shown more than four."""
    adapter = NextToken(target="text", special=SPECIAL, length=4)
    widths = []

    def run(fields):
        widths.append(fields["text"].shape[1])
        return counting(fields)

    start = torch.tensor([[4, 5, -1, -1, -1], [4, 5, 4, 5, 4]])
    found = adapter.generate(run, {"text": start}, Sampling(max_new_tokens=3))["text"]
    assert found.tolist() == [[6, 7, 8], [5, 6, 7]]
    assert max(widths) == 4


def test_writing_afresh_needs_no_beginning():
    """Without a beginning a text starts from `bos` alone; special tokens are never written."""
    adapter = NextToken(target="text", special=SPECIAL, length=3, afresh=True)
    logits = torch.zeros(2, 4, 10)
    logits[..., 2] = 9.0
    logits[..., 6] = 5.0
    fields = {"text": torch.full((2, 1), -1)}
    found = adapter.generate(lambda shown: logits[:, : shown["text"].shape[1]], fields, Sampling())
    assert found["text"].tolist() == [[6, 6, 6]] * 2


def test_sampling_draws_from_the_best_by_the_seed():
    """The same seed draws the same text, always from the `top_k` likeliest tokens."""
    adapter = NextToken(target="text", special=SPECIAL, length=30)
    logits = torch.zeros(1, 40, 10)
    logits[..., 5], logits[..., 6] = 3.0, 2.0
    fields = {"text": torch.tensor([[4]])}

    def write(seed):
        sampling = Sampling(25, 1.0, 2, seed)
        return adapter.generate(lambda shown: logits[:, : shown["text"].shape[1]], fields, sampling)["text"]

    assert set(write(0).unique().tolist()) == {5, 6}
    assert torch.equal(write(3), write(3))
    assert not torch.equal(write(3), write(4))


def test_loss_is_per_token_that_counts():
    """The sum over real tokens, and their number; padding changes nothing."""
    task = parser.parse("tasks", {"type": "causal_lm", "target": "text"})
    loss = parser.parse("losses", "cross_entropy").build(task.link({"corpus": FACTS}))
    logits = torch.randn(2, 6, 10)
    total, weight = loss(logits, TOKENS)
    valid = TOKENS >= 0
    expected = torch.nn.functional.cross_entropy(logits[valid], TOKENS[valid], reduction="sum")
    torch.testing.assert_close(total, expected)
    assert int(weight) == int(loss.count(TOKENS)) == 10


def test_figures_leave_padding_out():
    """A model that knows nothing wavers between all tokens; one that knows all but one is right as often."""
    sums = TokenSums()
    sums.update(torch.zeros(2, 6, 10), TOKENS)
    assert float(perplexity(sums.total())) == pytest.approx(10.0)
    right = torch.nn.functional.one_hot(TOKENS.clamp_min(0), 10).float() * 20
    right[1, 0] = 0
    sums.reset()
    sums.update(right, TOKENS)
    assert float(token_accuracy(sums.total())) == pytest.approx(0.9)
    assert float(exact_match(sums.total())) == pytest.approx(0.5)
    assert math.isnan(float(perplexity(torch.zeros(5).double())))
