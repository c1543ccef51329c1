"""Recurrent layers in half precision on a CPU."""

from __future__ import annotations

import pytest
import torch
from torch.nn.utils.rnn import pack_sequence

from declare.runtime.machine.precision import HALF, make_precision


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("cell", [torch.nn.LSTM, torch.nn.GRU, torch.nn.RNN])
@pytest.mark.parametrize("name", sorted(HALF))
def test_recurrent_layers_train_in_half_precision(
    name: str, cell: type[torch.nn.RNNBase], packed: bool
) -> None:
    """Outputs are near those of fp32 in both directions, gradients are finite, and oneDNN serves what comes next."""
    torch.manual_seed(0)
    layer = cell(3, 4, bidirectional=True, batch_first=True)
    x = pack_sequence([torch.randn(5, 3), torch.randn(2, 3)]) if packed else torch.randn(2, 5, 3)
    autocast = make_precision(name, torch.device("cpu")).autocast
    assert autocast is not None
    exact = layer(x)[0]
    with autocast:
        output = layer(x)[0]
    output, exact = (output.data, exact.data) if packed else (output, exact)
    torch.testing.assert_close(output.float(), exact.float(), atol=0.02, rtol=0.02)
    output.float().sum().backward()
    assert all(item.grad is not None and item.grad.isfinite().all() for item in layer.parameters())
    assert torch.backends.mkldnn.enabled
