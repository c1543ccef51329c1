"""Spike counts of simulated neurons of the visual cortex in response to videos, with known rates.

Neurons differ in position, orientation, spatial and temporal frequency, phase, size and memory. Their drive
is that of a spatio-temporal Gabor filter (Jones and Palmer 1987), divided by the local contrast (Heeger
1992). Simple cells follow the filter, complex cells its energy (Adelson and Bergen 1985); most are close to
simple, as in the upper layers of mouse visual cortex (Niell and Stryker 2008). Responses saturate, behaviour
scales them, and counts are Poisson.
"""

from typing import Any

_BLOCK = 2000
_SEMISATURATION = 0.3
_LARGEST = 6.0


def make(
    *,
    seed: int,
    samples: int = 3000,
    neurons: int = 17,
    frames: int = 6,
    size: int = 16,
    behaviour: int = 3,
) -> dict[str, Any]:
    """Return columns, fields, the truth, and the expected value of `spikes`.

    Columns: `stimulus` [samples, 1, frames, size, size] (1/f noise that drifts, of unit variance times `contrast`),
    `behaviour` [samples, behaviour], `spikes` and `usable` [samples, neurons], `contrast` [samples]. One neuron in
    twenty is not usable in a sample.
    """
    import numpy as np

    rng = np.random.default_rng([seed, 0x5B1])
    contrast = rng.uniform(0.1, 1.0, samples)
    video = _videos(rng, (samples, frames, size, size))
    video *= contrast[:, None, None, None].astype(np.float32)
    states = rng.standard_normal((samples, behaviour)).astype(np.float32)
    cells = _cells(rng, neurons, size)
    weights = 0.35 * rng.standard_normal((behaviour, neurons)) / np.sqrt(behaviour)
    gain = np.exp(states @ weights)
    response = _responses(video, cells)
    rate = gain * cells["scale"] * (cells["base"] + response)
    usable = rng.random((samples, neurons)) > 0.05
    return {
        "columns": {
            "stimulus": video[:, None],
            "behaviour": states,
            "spikes": rng.poisson(rate).astype(np.float32),
            "usable": usable,
            "contrast": contrast,
        },
        "fields": {
            "stimulus": {"type": "video", "layout": "CTHW"},
            "behaviour": {"type": "vector"},
            "spikes": {"type": "counts"},
            "usable": {"type": "valid"},
            "contrast": {"type": "number"},
        },
        "truth": {"rate": rate, "gain": gain, **cells},
        "expected": {"spikes": rate},
    }


def _videos(rng: Any, form: tuple[int, int, int, int]) -> Any:
    """Return noise [samples, frames, size, size] with the spectrum of natural scenes, each of unit variance."""
    import numpy as np

    samples, frames, size, _ = form
    down, across = np.fft.fftfreq(size)[:, None], np.fft.rfftfreq(size)[None]
    space = 1 / np.maximum(np.hypot(down, across), 1 / size)
    time = 1 / np.sqrt(1 + (3 * np.fft.fftfreq(frames)[:, None, None]) ** 2)
    weight = (space * time).astype(np.float32)
    videos = np.empty(form, np.float32)
    for start in range(0, samples, _BLOCK):
        noise = rng.standard_normal((min(_BLOCK, samples - start), *form[1:]), dtype=np.float32)
        spectrum = np.fft.rfftn(noise, axes=(1, 2, 3)) * weight
        videos[start : start + _BLOCK] = np.fft.irfftn(spectrum, s=form[1:], axes=(1, 2, 3))
    videos -= videos.mean((1, 2, 3), keepdims=True)
    videos /= videos.std((1, 2, 3), keepdims=True)
    return videos


def _cells(rng: Any, neurons: int, size: int) -> dict[str, Any]:
    """Return the parameters of each neuron; lengths in pixels, times in frames, frequencies in cycles."""
    import numpy as np

    return {
        "centre": rng.uniform(0.25, 0.75, (neurons, 2)) * size - 0.5,
        "orientation": rng.uniform(0, np.pi, neurons),
        "frequency": np.exp(rng.uniform(np.log(0.1), np.log(0.2), neurons)),
        "width": rng.uniform(1.2, 2.2, neurons),
        "elongation": rng.uniform(1.0, 1.6, neurons),
        "phase": rng.uniform(0, 2 * np.pi, neurons),
        "drift": rng.choice([-1, 1], neurons) * rng.uniform(0, 0.15, neurons),
        "memory": rng.uniform(1, 2.5, neurons),
        "complexity": rng.uniform(0, 1, neurons) ** 3,
        "base": rng.uniform(0.1, 0.4, neurons),
        "scale": np.exp(0.3 * rng.standard_normal(neurons)),
    }


def _filters(cells: dict[str, Any], form: tuple[int, int, int]) -> tuple[Any, Any, Any]:
    """Return Gabor filters of unit norm and zero mean, their quadrature partners, and windows of unit sum.

    All are [neurons, frames, size, size].
    """
    import numpy as np

    frames, size, _ = form
    filters = {name: values[..., None, None, None] for name, values in cells.items() if name != "centre"}
    down, across = np.mgrid[:size, :size]
    dy = down - cells["centre"][:, 0, None, None, None]
    dx = across - cells["centre"][:, 1, None, None, None]
    cosine, sine = np.cos(filters["orientation"]), np.sin(filters["orientation"])
    along, beside = dx * cosine + dy * sine, dy * cosine - dx * sine
    envelope = np.exp(-(along**2 + (beside / filters["elongation"]) ** 2) / (2 * filters["width"] ** 2))
    # The last frame is the latest; the response to a frame rises and decays.
    lag = np.arange(frames)[::-1, None, None] + 0.5
    course = lag / filters["memory"] * np.exp(1 - lag / filters["memory"])
    angle = 2 * np.pi * (filters["frequency"] * along - filters["drift"] * lag) + filters["phase"]
    window = envelope * course
    axes = (1, 2, 3)
    window = window / window.sum(axes, keepdims=True)
    waves = [window * np.cos(angle + turn) for turn in (0, np.pi / 2)]
    pair = [wave - window * wave.sum(axes, keepdims=True) for wave in waves]
    even, odd = (wave / np.sqrt((wave**2).sum(axes, keepdims=True)) for wave in pair)
    return even, odd, window


def _responses(video: Any, cells: dict[str, Any]) -> Any:
    """Return drives [samples, neurons], not negative and near 1 where the stimulus suits the neuron."""
    import numpy as np

    def project(kernels: Any, pixels: Any) -> Any:
        return pixels.reshape(len(pixels), -1) @ kernels.reshape(len(kernels), -1).astype(np.float32).T

    even, odd, window = _filters(cells, video.shape[1:])
    pool = np.sqrt(_SEMISATURATION**2 + project(window, video**2))
    even, odd = project(even, video) / pool, project(odd, video) / pool
    spread = np.sqrt((even**2).mean(0))
    simple = 1.4 * np.maximum(even / spread, 0)
    complex_ = np.sqrt((even**2 + odd**2) / 2) / spread
    drive = (1 - cells["complexity"]) * simple + cells["complexity"] * complex_
    # Grows with the square and saturates (Albrecht and Hamilton 1982).
    return _LARGEST * drive**2 / (drive**2 + _LARGEST)
