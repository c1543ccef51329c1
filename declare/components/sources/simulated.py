"""Deterministic example data with known ground truth, one generator for each kind of problem."""

import hashlib
import importlib
import inspect
import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Literal

from pydantic import Field as Param

from declare.contract import strict_json
from declare.contract.code import Code
from declare.contract.facts import Reader
from declare.contract.kinds.source import Source
from declare.contract.problem import Problem

_COMMON = frozenset({"name", "seed"})


class Simulated(Source):
    """Data generated from a seed, with known ground truth.

    Each name has its own parameters (`dcl describe simulated` lists them); parameters of another name are
    errors. The same parameters give the same data on every machine.

    Example:
        ```yaml
        source: {type: simulated, name: pain, samples: 600, subjects: 30, classes: 5, channels: 6, length: 40}
        ```
    """

    name: Literal[
        "corpus",
        "eeg",
        "multilabel",
        "pain",
        "pairs",
        "regression",
        "reviews",
        "segmentation",
        "spikes",
        "stimulus",
        "table",
        "tagged",
        "textures",
    ] = Param(description="the generator")
    seed: int = Param(0, ge=0, lt=2**32, description="seed of the generator")
    samples: int | None = Param(None, ge=1, le=50_000_000, description="number of samples")
    subjects: int | None = Param(None, ge=1, description="number of subjects that the samples come from")
    classes: int | None = Param(None, ge=1, le=100_000, description="number of classes or labels")
    channels: int | None = Param(None, ge=1, le=100_000, description="number of channels of a series")
    length: int | None = Param(
        None, ge=1, le=10_000_000, description="time steps of a series, words of a text"
    )
    missing: float | None = Param(None, ge=0, lt=1, description="fraction of labels that are missing")
    size: int | None = Param(None, ge=4, le=4096, description="height and width in pixels")
    features: int | None = Param(None, ge=1, le=1_000_000, description="number of features of the vector")
    noise: float | None = Param(None, ge=0, le=1e6, description="standard deviation of the noise")
    rate: float | None = Param(None, gt=0, le=1e9, description="sampling rate of a series (Hz)")
    seconds: float | None = Param(None, gt=0, le=1e9, description="duration of a series in seconds")
    movies: int | None = Param(None, ge=1, description="number of movies that every subject saw")
    stamps: int | None = Param(None, ge=1, description="number of time stamps in each movie")
    neurons: int | None = Param(None, ge=1, le=1_000_000, description="number of recorded neurons")
    frames: int | None = Param(None, ge=1, le=10_000, description="number of frames of a video")
    behaviour: int | None = Param(None, ge=1, le=10_000, description="number of behavioural variables")

    def check(self) -> Iterable[Problem]:
        """Yield a problem for parameters of another name, and for data too large for memory."""
        allowed = parameters(self.name)
        for key in self._generator_arguments():
            if key not in allowed:
                yield Problem(
                    "DAT330",
                    f"`{self.name}` has no parameter `{key}`",
                    at=key,
                    on="key",
                    label="belongs to other simulated data",
                    also={},
                    helps=(f"remove it; `{self.name}` takes {', '.join(f'`{name}`' for name in allowed)}",),
                )

        numbers = self._elements()
        if numbers > _MOST:
            yield Problem(
                "DAT330",
                f"{numbers:.2g} numbers are more than simulated data may have ({_MOST:.0e})",
                at="samples",
                label="too many",
                helps=("ask for fewer or smaller samples",),
            )

    def _elements(self) -> float:
        """Return the approximate number of values that are simulated."""
        settings = _defaults(self.name) | self._generator_arguments()
        side = settings.get("size") or 1
        length = settings.get("length") or (settings.get("seconds") or 1) * (settings.get("rate") or 1)
        num_elements = (settings.get("channels") or 1) * length + side * side * 3 * (
            settings.get("frames") or 1
        )
        num_elements += sum(settings.get(key) or 0 for key in ("features", "neurons", "behaviour", "classes"))
        num_elements += _BESIDE
        crossed = [settings.get(key) or 1 for key in ("subjects", "movies", "stamps")]
        return float(num_elements) * (settings.get("samples") or math.prod(crossed))

    def _generator_arguments(self) -> dict[str, Any]:
        return {key: value for key, value in dict(self).items() if key not in _COMMON and value is not None}

    def fingerprint(self) -> str:
        """Return a hash of the parameters and of the generators' version."""
        settings = _defaults(self.name) | self._generator_arguments()
        text = strict_json.dumps([_VERSION, self.name, self.seed, settings], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()

    def code(self, columns: Sequence[str]) -> Code:
        """Return the generator's code."""
        arguments = {"seed": self.seed, **self._generator_arguments()}
        return Code("{call}", function=_maker(self.name), arguments=arguments, arguments_name=self.name)

    def open(self) -> Reader:
        """Generate the data."""
        from declare.components.sources._arrays import ArrayReader

        tables = _maker(self.name)(seed=self.seed, **self._generator_arguments())
        return ArrayReader(
            tables["columns"],
            fields=tables["fields"],
            origin=f"the simulated `{self.name}`",
            truth=tables["truth"],
            expected=tables.get("expected"),
        )


_MOST = 100_000_000
_BESIDE = 50
"""Number of values as which names, labels and texts of a sample count."""
_VERSION = 3
"""Increased whenever a generator's output changes, so that cached facts are computed again."""


def _maker(name: str) -> Callable[..., dict[str, Any]]:
    module = importlib.import_module(f"declare.components.sources._simulated.{name}")
    make: Callable[..., dict[str, Any]] = module.make
    return make


def _defaults(name: str) -> dict[str, Any]:
    signature = inspect.signature(_maker(name))
    return {key: item.default for key, item in signature.parameters.items() if key != "seed"}


def parameters(name: str) -> tuple[str, ...]:
    """Return the parameters of the generator called `name`, without `seed`."""
    return tuple(_defaults(name))
