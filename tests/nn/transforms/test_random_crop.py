"""Pieces of images."""

import numpy as np
import pytest
import torch

from declare.nn.transforms.random_crop import RandomCrop


@pytest.mark.parametrize("shape", [(10, 3, 8, 9), (10, 8, 9), (10, 2, 4, 8, 9)])
def test_slices_and_gathers_cut_the_same_pieces(shape):
    """What a processor does sample by sample is what a device does at once."""
    crop = RandomCrop((5, 6), padding=(1, 1, 2, 2), mode="constant", fill=0)
    keys = np.random.default_rng(0).integers(0, 2**63, 10).astype(np.uint64)
    values = torch.arange(int(np.prod(shape))).reshape(shape)
    sliced = crop(values, keys)
    crop._crop_by_slices = crop._crop_by_gather
    assert sliced.shape == (*shape[:-2], 5, 6)
    assert torch.equal(sliced, crop(values, keys))


def test_a_piece_follows_its_key():
    """A sample's piece is the same in any batch, and other keys take other pieces."""
    crop = RandomCrop((3, 3), padding=(0, 0, 0, 0), mode="constant", fill=0)
    values = torch.arange(900).reshape(1, 1, 30, 30).expand(20, 1, 30, 30)
    keys = np.random.default_rng(1).integers(0, 2**63, 20).astype(np.uint64)
    pieces = crop(values, keys)
    assert torch.equal(pieces[5:8], crop(values[5:8], keys[5:8]))
    assert len({piece[0, 0, 0].item() for piece in pieces}) > 15
