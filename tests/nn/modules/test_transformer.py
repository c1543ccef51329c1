"""Transformers: what each position sees, and that padding changes nothing."""

from __future__ import annotations

import pytest
import torch

from declare.nn.modules.attention import rotary
from declare.nn.modules.transformer import Transformer
from declare.nn.modules.transformer_decoder import TransformerDecoder

TOKENS = torch.tensor([[3, 1, 4, 1, 5], [2, 6, -1, -1, -1]])


def encoder(**settings):
    torch.manual_seed(0)
    return Transformer("tokens", 9, 16, depth=2, heads=2, length=8, **settings).eval()


@pytest.mark.parametrize("positions", ["rotary", "learned", "none"])
@pytest.mark.parametrize("causal", [True, False])
def test_padding_changes_nothing(positions, causal):
    """A text gives the same alone as beside a longer one."""
    model = encoder(positions=positions, causal=causal)
    both, alone = model(TOKENS), model(TOKENS[1:, :2])
    torch.testing.assert_close(both["output"][1, :2], alone["output"][0], atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(both["pooled"][1], alone["pooled"][0], atol=1e-5, rtol=1e-4)
    assert both["mask"].tolist() == (TOKENS >= 0).tolist()


@pytest.mark.parametrize("causal", [True, False])
def test_causal_positions_never_see_later_ones(causal):
    """Changing the last token changes earlier outputs only where all see all."""
    model, other = encoder(causal=causal, positions="rotary"), TOKENS[:1].clone()
    other[0, -1] = 7
    before, after = model(TOKENS[:1])["output"], model(other)["output"]
    same = torch.allclose(before[:, :-1], after[:, :-1], atol=1e-6)
    assert same is causal
    assert not torch.allclose(before[:, -1], after[:, -1], atol=1e-4)


@pytest.mark.parametrize("positions", ["rotary", "learned"])
def test_the_order_of_tokens_matters(positions):
    """With positions a text read backwards is another text; without them its mean is the same."""
    flipped = TOKENS[:1].flip(1)
    model = encoder(positions=positions)
    assert not torch.allclose(model(TOKENS[:1])["pooled"], model(flipped)["pooled"], atol=1e-4)
    bare = encoder(positions="none")
    torch.testing.assert_close(bare(TOKENS[:1])["pooled"], bare(flipped)["pooled"], atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("features", [2, 4, 6])
def test_rotated_queries_are_contiguous(features):
    """Of other strides torch's attention keeps all scores [T, T], also with two features in each head."""
    x_BTD = torch.randn(2, 5, 4 * features)
    assert rotary(x_BTD.unflatten(-1, (4, features)).transpose(1, 2)).is_contiguous()


def test_an_empty_text_is_a_number():
    """A text of padding alone gives finite values, and so do its gradients."""
    model = encoder(positions="learned")
    found = model(torch.full((2, 3), -1))
    found["output"].sum().backward()
    assert found["output"].isfinite().all()
    assert found["pooled"].tolist() == [[0.0] * 16] * 2
    assert all(weight.grad is None or weight.grad.isfinite().all() for weight in model.parameters())


def test_texts_longer_than_the_learned_positions_share_the_last():
    """A position beyond the table is no error."""
    model = encoder(positions="learned")
    assert model(torch.randint(0, 9, (1, 20)))["output"].shape == (1, 20, 16)


def decoder():
    torch.manual_seed(0)
    return TransformerDecoder(9, 12, 16, depth=2, heads=2).eval()


def test_a_decoder_never_sees_later_tokens():
    """The output at a position depends on tokens up to it, and on all of the memory."""
    model, memory = decoder(), torch.randn(1, 4, 12)
    other = TOKENS[:1].clone()
    other[0, -1] = 7
    before = model(TOKENS[:1], memory)["output"]
    torch.testing.assert_close(before[:, :-1], model(other, memory)["output"][:, :-1])
    changed = memory.clone()
    changed[0, -1] += 1
    assert not torch.allclose(before[:, 0], model(TOKENS[:1], changed)["output"][:, 0], atol=1e-5)


def test_a_decoder_leaves_padded_memory_alone():
    """What the mask of the memory hides changes nothing."""
    model, memory = decoder(), torch.randn(1, 4, 12)
    mask = torch.tensor([[True, True, False, False]])
    changed = memory.clone()
    changed[0, 2:] = 99.0
    first, second = (model(TOKENS[:1], item, mask)["output"] for item in (memory, changed))
    torch.testing.assert_close(first, second)
    torch.testing.assert_close(first, model(TOKENS[:1], memory[:, :2])["output"], atol=1e-5, rtol=1e-4)


def test_images_and_series_are_cut_into_patches():
    """Squares of an image and stretches of a series are positions."""
    image = Transformer("image", 3, 16, depth=1, heads=2, patch=4, positions="learned", length=12)
    assert image(torch.randn(2, 3, 12, 16))["output"].shape == (2, 12, 16)
    series = Transformer("series", 5, 16, depth=1, heads=2, patch=10)
    assert series(torch.randn(2, 5, 45))["output"].shape == (2, 4, 16)
