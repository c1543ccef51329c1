"""What the plain PyTorch modules compute, beyond their shapes."""

from __future__ import annotations

import pytest
import torch

from declare.nn.heads.segmentation import Segmentation
from declare.nn.modules.cnn import CNN
from declare.nn.modules.concat import Concat
from declare.nn.modules.conv1d import Conv1d
from declare.nn.modules.mlp import MLP
from declare.nn.modules.rnn import RNN
from declare.nn.modules.tabular import Tabular
from declare.nn.modules.timm import Timm
from declare.nn.modules.torchvision import Torchvision
from declare.nn.modules.upsample import Upsample


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


def test_mlp_joins_numbers_and_vectors():
    """Numbers count as one feature beside vectors, in the order of the inputs."""
    module = MLP(4, [5])
    number, vector = torch.randn(3), torch.randn(3, 3)
    expected = torch.relu(module[0](torch.cat([number[:, None], vector], 1)))
    torch.testing.assert_close(module(number, vector), expected)


def test_mlp_treats_the_steps_of_a_sequence_alike():
    """With batch norm in evaluation mode each step is what it would be alone."""
    module = MLP(4, [5], norm="batch").train()
    module(torch.randn(8, 7, 4))
    sequence = torch.randn(2, 7, 4)
    module.eval()
    torch.testing.assert_close(module(sequence)[:, 3], module(sequence[:, 3]))


def test_mlp_batch_norm_uses_batch_and_time():
    """In training the statistics of a sequence are those over samples and steps together."""
    module = MLP(4, [5], norm="batch")
    sequence = torch.randn(6, 7, 4)
    torch.testing.assert_close(module(sequence).flatten(0, 1), module(sequence.flatten(0, 1)))


def test_tabular_reads_missing_numbers_as_zero_and_says_so():
    """A missing number gives a finite row that differs from the row of a true zero."""
    module = Tabular([(1, 0), (2, 4)], 8).eval()
    category = torch.tensor([1, 1])
    rows = module(torch.tensor([float("nan"), 0.0]), category)
    assert rows.isfinite().all()
    assert not torch.equal(rows[0], rows[1])


def test_tabular_gradients_survive_missing_numbers():
    """A batch with gaps trains: no gradient is NaN."""
    module = Tabular([(2, 0), (2, 3)], 4)
    module(torch.tensor([[float("nan"), 1.0], [2.0, float("nan")]]), torch.tensor([-1, 2])).sum().backward()
    assert all(weight.grad.isfinite().all() for weight in module.parameters())


def test_tabular_has_an_embedding_for_missing_categories():
    """A missing category reads row 0, which no class uses."""
    module = Tabular([(2, 3)], 4)
    module(torch.tensor([-1])).sum().backward()
    used = module.embeddings[0].weight.grad.abs().sum(1) > 0
    assert used.tolist() == [True, False, False, False]


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_rnn_last_state_has_seen_the_whole_series(cell):
    """Both directions' vectors depend on both ends of the series."""
    module = RNN(3, 4, cell=cell, bidirectional=True)
    series = torch.randn(1, 9, 3, requires_grad=True)
    for half in (slice(0, 4), slice(4, 8)):
        (gradient,) = torch.autograd.grad(module(series)["output"][0, half].sum(), series)
        assert gradient[0, 0].abs().sum() > 0
        assert gradient[0, -1].abs().sum() > 0


def test_rnn_reads_one_way_only():
    """Without `bidirectional` no step sees the future."""
    module = RNN(3, 4)
    series = torch.randn(1, 9, 3)
    changed = series.clone()
    changed[:, 5:] += 1
    torch.testing.assert_close(module(series)["sequence"][:, :5], module(changed)["sequence"][:, :5])


def test_layout_of_time_does_not_matter():
    """A series and the same values as a sequence give the same outputs."""
    series = torch.randn(2, 3, 16)
    torch.manual_seed(1)
    first = Conv1d(3, [4]).eval()
    second = Conv1d(3, [4], features_last=True).eval()
    second.load_state_dict(first.state_dict())
    torch.testing.assert_close(first(series)["output"], second(series.transpose(1, 2))["output"])


def test_cnn_pools_its_map():
    """The vector is the mean of the map."""
    found = CNN(1, [4, 6])(torch.randn(2, 1, 9, 11))
    torch.testing.assert_close(found["output"], found["map"].mean((2, 3)))


def test_concat_keeps_the_order_of_inputs():
    """Channels of the first input come first."""
    a, b = torch.randn(2, 3, 5, 5), torch.randn(2, 1, 5, 5)
    joined = Concat(1)(a, b)
    assert torch.equal(joined[:, :3], a)
    assert torch.equal(joined[:, 3:], b)


def test_upsample_follows_the_size_of_like():
    """The output has the size of `like` in the very batch, whatever it is."""
    module = Upsample(4, [3]).eval()
    for size in ((17, 23), (8, 8)):
        assert module(torch.randn(2, 4, 4, 4), torch.zeros(2, *size)).shape == (2, 3, *size)


def test_segmentation_scores_are_local():
    """A head without hidden layer scores each place from its own features alone."""
    head = Segmentation(3, 2, (6, 6))
    features = torch.randn(1, 3, 6, 6)
    changed = features.clone()
    changed[..., 0, 0] += 1
    different = (head(features) != head(changed)).any(1)[0]
    assert different.nonzero().tolist() == [[0, 0]]


def test_timm_maps_have_channels_first():
    """A model that keeps its channels last gives its map channels first, as all others."""
    module = Timm("swin_tiny_patch4_window7_224", 1, depths=(1, 1, 1, 1)).eval()
    with torch.no_grad():
        found = module(torch.randn(2, 1, 224, 224))
    assert found["map"].shape == (2, 768, 7, 7)
    torch.testing.assert_close(found["map"].mean((2, 3)), found["output"], rtol=1e-4, atol=1e-4)


def test_torchvision_takes_any_number_of_channels_and_keeps_no_map():
    """The first convolution is replaced; nothing of a batch stays in the module after the call."""
    module = Torchvision("resnet18", 5)
    found = module(torch.randn(2, 5, 40, 40))
    assert {name: tuple(value.shape) for name, value in found.items()} == {
        "output": (2, 512),
        "map": (2, 512, 2, 2),
    }
    assert module._map is None
    torch.testing.assert_close(found["map"].mean((2, 3)), found["output"])


def test_torchvision_compiles_with_its_map():
    """The hook that keeps the map is traced: compiled in one graph, the outputs are the same."""
    module = Torchvision("resnet18", 3).eval()
    images = torch.randn(2, 3, 32, 32)
    with torch.no_grad():
        torch.testing.assert_close(
            torch.compile(module, backend="eager", fullgraph=True)(images), module(images)
        )
