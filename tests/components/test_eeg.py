"""What EEG needs: adapters of montages, hidden blocks, positives, embeddings."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from declare.contract.problem import Problem, ProblemError
from declare.contract.shapes import Shape
from declare.nn.losses.pairs import InfoNce, InterSubject, negatives, positives
from declare.nn.metrics import embeddings
from declare.nn.tasks.contrastive import Contrastive
from declare.nn.tasks.reconstruction import Reconstruction
from declare.parsing.parser import parse

SMALL, LARGE = ({"input": (Shape("series", (count, 40)),)} for count in (4, 9))


@pytest.mark.parametrize("name", ["channel_perceiver", "channel_project", "channel_pad"])
def test_one_adapter_serves_two_montages(name):
    """One instance gives the same number of channels for both montages, and counts its parameters right."""
    component = parse("modules", {"type": name, "channels": 10})
    each = {"train": SMALL, "hbn": LARGE}
    real = component.build_each(each)
    for dataset, count in (("train", 4), ("hbn", 9)):
        assert real(torch.randn(3, count, 40), dataset=dataset).shape == (3, 10, 40)
    assert sum(item.numel() for item in real.parameters()) == component.costs_each(each).parameters


def test_perceiver_follows_its_channels():
    """A filter belongs to channels, not to places: swapped with their identities, channels give the same output."""
    real = parse("modules", {"type": "channel_perceiver", "channels": 5}).build(SMALL)
    x, order = torch.randn(2, 4, 40), torch.tensor([2, 0, 3, 1])
    before = real(x)
    assert not torch.allclose(real(x[:, order]), before, atol=1e-3)
    with torch.no_grad():
        real.identity.of(None).copy_(real.identity.of(None)[order])
    torch.testing.assert_close(real(x[:, order]), before)


def test_pad_refuses_what_it_would_cut():
    """More channels than it gives are refused."""
    found = parse("modules", {"type": "channel_pad", "channels": 5}).infer(LARGE)
    assert isinstance(found, Problem)
    assert found.code == "SHP523"


@pytest.mark.parametrize(
    ("shape", "first"), [((6, 40), True), ((3, 8, 12), True), ((40, 6), False), ((16,), False)]
)
@pytest.mark.parametrize("each", [False, True])
def test_hiding_covers_its_share_in_blocks(shape, first, each):
    """The share of hidden elements is that of blocks; what is shown stays; the loss sees hidden elements alone."""
    task = Reconstruction(target="x", ratio=0.5, block=4, channels_first=first, per_channel=each)
    x = torch.randn(5, *shape)
    seen = task.mask_inputs({"x": x}, torch.Generator().manual_seed(0))
    hidden = seen["x.hidden"]
    assert hidden.float().mean() == 0.5
    torch.testing.assert_close(seen["x"][~hidden], x[~hidden])
    assert not seen["x"][hidden].any()
    target = task.target({"x": x, "x.hidden": hidden})
    assert torch.equal(target.isnan(), ~hidden)
    if first and not each:
        assert torch.equal(hidden[:, 0], hidden[:, -1])


def test_decoder_puts_patches_back():
    """A decoder that copies gives the image and the series that were cut into patches."""
    image = torch.arange(2 * 1 * 4 * 6.0).reshape(2, 1, 4, 6)
    patches = torch.nn.functional.unfold(image, 2, stride=2).transpose(1, 2)
    head = parse("heads", {"type": "decoder"})
    for given_, target, wanted in (
        (patches, Shape("image", (1, 4, 6)), image),
        (torch.arange(24.0).reshape(1, 6, 4), Shape("series", (2, 12)), None),
    ):
        real = head.build({"input": (Shape("sequence", tuple(given_.shape[1:])),)}, target)
        with torch.no_grad():
            real.layers[0].weight.copy_(torch.eye(4))
            real.layers[0].bias.zero_()
        found = real(given_)
        assert found.shape[1:] == target.dims
        if wanted is not None:
            torch.testing.assert_close(found, wanted)
        else:
            assert found[0, 0, :4].tolist() == [0, 1, 4, 5]


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**16), st.integers(4, 60), st.integers(1, 6), st.integers(2, 6))
def test_pairs_stand_side_by_side(seed, number, movies, subjects):
    """Neighbours agree and differ as asked; the order is a function of the generator's key alone."""
    drawn = np.random.default_rng(seed)
    columns = {"movie": drawn.integers(-1, movies, number), "subject": drawn.integers(0, subjects, number)}
    sampler = parse("samplers", {"type": "pairs", "same": ["movie"], "different": "subject"})
    known = [(m, s) for m, s in zip(columns["movie"], columns["subject"], strict=True) if m >= 0]
    exists = any(a[0] == b[0] and a[1] != b[1] for a in known for b in known)
    if not exists:
        with pytest.raises(ProblemError) as caught:
            sampler.order(number, columns, np.random.default_rng(1), 0.0)
        assert caught.value.problem.code == "DAT353"
        return
    found, again = (sampler.order(number, columns, np.random.default_rng(1), 0.0) for _ in range(2))
    assert found.tolist() == again.tolist()
    assert len(found) == -(-number // 2) * 2
    first, second = found.reshape(-1, 2).T
    assert (columns["movie"][first] == columns["movie"][second]).all()
    assert (columns["movie"][first] >= 0).all()
    assert (columns["subject"][first] != columns["subject"][second]).all()


TARGET = torch.tensor([[0, 0], [0, 1], [1, 0], [1, 1], [-1, 2]])


def test_positives_and_negatives():
    """Positives are of one group and two origins; explicit negatives share the origin; the unknown are neither."""
    assert positives(TARGET).nonzero().tolist() == [[0, 1], [1, 0], [2, 3], [3, 2]]
    assert negatives(TARGET).sum() == 8
    assert negatives(TARGET, explicit=True).nonzero().tolist() == [[0, 2], [1, 3], [2, 0], [3, 1]]


@pytest.mark.parametrize("explicit", [False, True])
def test_info_nce_is_cross_entropy(explicit):
    """With one positive for each row the loss is the cross entropy over it and its negatives."""
    values = torch.randn(5, 3)
    total, weight = InfoNce(0.5, explicit=explicit)(values, TARGET)
    unit = torch.nn.functional.normalize(values, dim=-1)
    logits = unit @ unit.t() / 0.5
    shown = positives(TARGET) | negatives(TARGET, explicit=explicit)
    logits = logits.masked_fill(~shown, -torch.inf)
    expected = torch.nn.functional.cross_entropy(logits[:4], torch.tensor([1, 0, 3, 2]), reduction="sum")
    assert weight == InfoNce().count(TARGET) == 4
    torch.testing.assert_close(total, expected)


def test_pairs_are_compared_in_half_precision_too():
    """What is no negative is far below every number of fp16."""
    values = torch.randn(len(TARGET), 4, generator=torch.Generator().manual_seed(0))
    with torch.autocast("cpu", torch.float16):
        total, _ = InfoNce(0.5)(values, TARGET)
    assert float(total) == pytest.approx(float(InfoNce(0.5)(values, TARGET)[0]), rel=1e-2)


def test_losses_without_a_positive_are_nothing():
    """A batch without a positive gives a sum and a gradient of zero."""
    for loss in (InfoNce(), InterSubject()):
        values = torch.randn(3, 2, requires_grad=True)
        total, weight = loss(values, torch.tensor([[0, 0], [1, 0], [2, 1]]))
        total.backward()
        assert (total.item(), int(weight)) == (0.0, 0)
        assert values.grad is None or not values.grad.any()


def test_inter_subject_correlation_is_pearsons():
    """With one pair for each group, taken both ways, the correlation is that of numpy."""
    a, b = torch.randn(20), torch.randn(20)
    values = torch.cat([torch.stack([a, b], 1).flatten()[:, None]], 1)
    target = torch.stack([torch.arange(20).repeat_interleave(2), torch.arange(2).repeat(20)], 1)
    total, weight = InterSubject()(values, target)
    expected = np.corrcoef(np.r_[a, b], np.r_[b, a])[0, 1]
    assert float(1 - total / weight) == pytest.approx(expected, abs=1e-5)


def test_inter_subject_correlation_is_that_of_what_is_predicted():
    """The metric is the correlation of embeddings of unit length, feature by feature, as predictions have them."""
    values = (
        torch.randn(40, 3, generator=torch.Generator().manual_seed(3)) * torch.linspace(0.1, 9, 40)[:, None]
    )
    target = torch.stack([torch.arange(20).repeat_interleave(2), torch.arange(2).repeat(20)], 1)
    unit = Contrastive(same=["movie"]).predict(values)["embedding"].double()
    a, b = unit[::2], unit[1::2]
    pairs = zip(torch.cat([a, b]).T, torch.cat([b, a]).T, strict=True)
    expected = np.mean([np.corrcoef(left, right)[0, 1] for left, right in pairs])
    assert float(embeddings.isc(torch.cat([values, target], 1).double())) == pytest.approx(expected, abs=1e-6)


def test_figures_of_perfect_and_of_random_embeddings():
    """Equal positives have alignment 0 and are all found; random ones lie about 2 apart."""
    target = torch.stack([torch.arange(30).repeat_interleave(2), torch.arange(60)], 1)
    perfect = torch.randn(30, 16).repeat_interleave(2, 0)
    rows = torch.cat([perfect, target], 1).double()
    assert float(embeddings.alignment(rows)) == pytest.approx(0, abs=1e-6)
    assert float(embeddings.retrieval(rows)) == 1
    rows = torch.cat([torch.randn(60, 16), target], 1).double()
    assert float(embeddings.alignment(rows)) == pytest.approx(2, abs=0.4)
    assert -4 < float(embeddings.uniformity(rows)) < -2
    same = torch.cat([torch.ones(60, 16), target], 1).double()
    assert float(embeddings.uniformity(same)) == pytest.approx(0, abs=1e-6)


def test_groups_are_those_of_all_fields():
    """A row belongs to a group where every field is known, and groups differ where one field differs."""
    batch = {
        "movie": torch.tensor([0, 0, 1, -1]),
        "stamp": torch.tensor([2, 2, 2, 2]),
        "who": torch.arange(4),
    }
    found = Contrastive(same=["movie", "stamp"], different="who").target(batch)
    assert found[0, 0] == found[1, 0] != found[2, 0]
    assert found[3, 0] == -1
    assert found[:, 1].tolist() == [0, 1, 2, 3]
