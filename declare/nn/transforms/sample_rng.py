"""Random numbers of samples, independent of batch, order, device and thread."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch.overrides import TorchFunctionMode

Keys = np.ndarray[Any, Any]

_PLAIN = {torch.rand, torch.randn, torch.randint, torch.randperm, torch.normal}
_LIKE = {torch.rand_like, torch.randn_like, torch.randint_like, torch.bernoulli, torch.multinomial}
_INPLACE = {
    torch.Tensor.uniform_,
    torch.Tensor.normal_,
    torch.Tensor.random_,
    torch.Tensor.bernoulli_,
    torch.Tensor.exponential_,
    torch.Tensor.multinomial,
    torch._sample_dirichlet,  # noqa: SLF001 - torchvision draws AugMix by it
}


def uniform(keys: Keys, salt: int, number: int) -> Keys:
    """Return float64 [len(keys), number] in [0, 1), by splitmix64 of keys and salt.

    Source: Steele, Lea and Flood 2014, https://doi.org/10.1145/2660193.2660195.
    """
    with np.errstate(over="ignore"):
        steps = np.arange(1, number + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        state = _mix_bits(keys.astype(np.uint64) ^ np.uint64(salt))[:, None] + steps
        draws: Keys = (_mix_bits(state) >> np.uint64(11)) * 2.0**-53
    return draws


def _mix_bits(state: Keys) -> Keys:
    state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return state ^ (state >> np.uint64(31))


class Drawing(TorchFunctionMode):
    """Inside it, torch's random functions use separate generators, in this thread only.

    torch's global generators are neither read nor moved: another thread may be training with dropout.
    """

    def __init__(self) -> None:
        super().__init__()
        self._seed = 0
        self._generators: dict[torch.device, torch.Generator] = {}
        self._fresh: set[torch.device] = set()

    def seed(self, seed: int) -> None:
        """Start all draws from `seed` again."""
        self._seed = seed & 0x7FFFFFFFFFFFFFFF
        self._fresh.clear()

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Give random functions a generator; all others run as they are."""
        stated = dict(kwargs or {})
        if func in _PLAIN:
            stated["generator"] = self._generator(torch.device(stated.get("device") or "cpu"))
        elif func in _LIKE or func in _INPLACE:
            stated["generator"] = self._generator(args[0].device)
        return func(*args, **stated)

    def _generator(self, device: torch.device) -> torch.Generator:
        generator = self._generators.get(device)
        if generator is None:
            generator = self._generators[device] = torch.Generator(device)
        if device not in self._fresh:
            generator.manual_seed(self._seed)
            self._fresh.add(device)
        return generator
