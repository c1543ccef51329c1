"""Convolutions and recurrent layers in half precision on a CPU: the same bits each time, near those of single precision."""

from __future__ import annotations

from itertools import product

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_sequence

from declare.nn.cpu_autocast import guard_cpu_autocast
from declare.runtime.machine.precision import HALF, make_precision

PLAIN = {1: nn.Conv1d, 2: nn.Conv2d, 3: nn.Conv3d}
TRANSPOSED = {1: nn.ConvTranspose1d, 2: nn.ConvTranspose2d, 3: nn.ConvTranspose3d}
CPU = torch.device("cpu")
HOW = {
    "plain": {"kernel_size": 5, "padding": 2},
    "strided": {"kernel_size": 3, "padding": 1, "stride": 2},
    "smaller than the stride": {"kernel_size": 1, "stride": 3},
    "grouped": {"kernel_size": 5, "padding": 2, "groups": 16},
    "dilated": {"kernel_size": 3, "padding": 4, "dilation": 4},
    "same": {"kernel_size": 5, "padding": "same"},
}


def gradients(layer: nn.Module, x: Tensor, precision: str) -> list[Tensor]:
    """Return output and gradients of one pass, made between tensors full of rubbish."""
    for size in (16, 256, 4096, 65536):
        torch.full((size,), torch.nan)
    layer.zero_grad()
    shown = x.clone().requires_grad_()
    autocast = make_precision(precision, CPU).autocast
    if autocast is None:
        output = layer(shown)
    else:
        with autocast:
            output = layer(shown)
        assert output.dtype == HALF[precision]
    output.float().square().sum().backward()
    found = [output, shown.grad, *(item.grad for item in layer.parameters())]
    return [item.detach().float().clone() for item in found if item is not None]


@pytest.mark.parametrize("precision", HALF)
@pytest.mark.parametrize(
    ("how", "dims"), [*product(HOW, (1, 2, 3)), *product(("plain", "strided"), (-1, -2, -3))]
)
def test_small_maps_give_the_same_bits_each_time(precision: str, how: str, dims: int) -> None:
    """Maps smaller than kernel or stride (by all axes, or one): finite, equal in every pass, near fp32."""
    torch.manual_seed(0)
    layer = (PLAIN if dims > 0 else TRANSPOSED)[abs(dims)](16, 32, **HOW[how])
    for size in ([2] * abs(dims), [6] * (abs(dims) - 1) + [1]):
        x = torch.randn(2, 16, *size)
        expected = gradients(layer, x, "fp32")
        first, *others = (gradients(layer, x, precision) for _ in range(3))
        for again in others:
            assert all(map(torch.equal, first, again))
        for value, wanted in zip(first, expected, strict=True):
            assert (value - wanted).norm() <= 0.03 * wanted.norm() + 1e-3


def test_other_maps_are_computed_in_half_precision() -> None:
    """A map that its kernel fits into gets what autocast gives without us, bit by bit; doubles stay doubles."""
    torch.manual_seed(0)
    x = torch.randn(2, 16, 9, 9)
    for layer in (nn.Conv2d(16, 8, 3, padding=1), nn.ConvTranspose2d(16, 8, 3, stride=2)):
        half = (
            nn.ConvTranspose2d(16, 8, 3, stride=2)
            if isinstance(layer, nn.ConvTranspose2d)
            else nn.Conv2d(16, 8, 3, padding=1)
        )
        half.load_state_dict(layer.state_dict())
        wanted = half.bfloat16()(x.bfloat16())
        guard_cpu_autocast()
        with torch.autocast("cpu", torch.bfloat16), torch.no_grad():
            assert torch.equal(layer(x), wanted)
            assert layer.double()(x.double()).dtype == torch.float64


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
    autocast = make_precision(name, CPU).autocast
    assert autocast is not None
    exact = layer(x)[0]
    with autocast:
        output = layer(x)[0]
    output, exact = (output.data, exact.data) if packed else (output, exact)
    torch.testing.assert_close(output.float(), exact.float(), atol=0.02, rtol=0.02)
    output.float().sum().backward()
    assert all(item.grad is not None and item.grad.isfinite().all() for item in layer.parameters())
    assert torch.backends.mkldnn.enabled
