"""The run that the kill harness hunts: every mechanism with a state of its own, in 50 small steps."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

SPEC = """
declare: 1
name: hunted
seed: 5
datasets:
  left:
    source: {type: jsonl, path: left.jsonl}
    fields:
      image: {type: image, channels: 3}
      label: {type: category}
      contrast: {type: number}
    transforms: [{type: random_crop, field: image, size: 12, padding: 1}]
    split: {val: 0.2, test: 0.2, stratify: label}
    cache: none
  right:
    source: {type: jsonl, path: right.jsonl}
    fields: {image: {type: image, channels: 3}, size: {type: number}, contrast: {type: number}}
    split: {val: 0.2}
    cache: none
model:
  encoder: {type: cnn, input: image, channels: [4, 8], dropout: 0.1}
tasks:
  label: {type: classification, dataset: left, target: label}
  size: {type: regression, dataset: right, target: size}
phases:
  first:
    steps: 24
    batch_size: 16
    accumulate: 2
    precision: fp16
    sampler: {type: curriculum, score: contrast, start: 0.7, end: 0.0, over: 60%}
    augment: [mixup]
    ema: {decay: 0.8}
    clip: {norm: 1.0}
    optimizer: {type: adamw, lr: 1e-2}
    schedule: {type: plateau, factor: 0.5, patience: 1, min_delta: 0.2}
    evaluate: {every: 4 steps, best: {metric: val/label/loss, mode: min}}
    early_stop: {metric: val/size/loss, mode: min, patience: 11 steps, min_delta: 0.3}
    checkpoint: {every: 3 steps}
    freeze: [{match: "encoder.*", until: 5 steps}]
  second:
    steps: 14
    batch_size: 16
    init: [{from: "phase:first", modules: [encoder]}]
    balance: uncertainty
    scales: {field: image, sizes: [8, 12], mode: random}
    freeze: [{match: "encoder.*", until: 4 steps}]
    optimizer: {type: adam, lr: 1e-2}
    evaluate: {every: 6 steps, best: {metric: val/size/mae, mode: min}}
    checkpoint: {every: 5 steps}
  third:
    steps: 12
    batch_size: 16
    accumulate: 2
    precision: bf16
    balance: pcgrad
    optimizer: {type: sgd, lr: 1e-2, momentum: 0.9}
    schedule: {type: cosine, warmup: 2 steps}
    evaluate: {every: 5 steps}
    checkpoint: {every: 4 steps, keep: 1}
    on_batch_error: {action: skip, limit: 2}
hardware: {workers: 2, precision: fp32}
tracking: csv
"""


def lay_out(folder: Path) -> None:
    """Write the spec and its data: images in files, so that threads decode them."""
    import numpy as np
    from PIL import Image

    draw = np.random.default_rng(0)
    for name, count in (("left", 60), ("right", 40)):
        (folder / name).mkdir(parents=True)
        lines = []
        for number in range(count):
            label, contrast = number % 3, float(draw.uniform())
            pixels = draw.integers(0, 256, (12, 12, 3)) * (1 - contrast) + 80 * label * contrast
            Image.fromarray(pixels.astype(np.uint8)).save(folder / name / f"{number}.png")
            row = {"image": f"{name}/{number}.png", "label": "abc"[label], "contrast": contrast}
            lines.append(json.dumps(row | {"size": contrast * 3 + label}) + "\n")
        (folder / f"{name}.jsonl").write_text("".join(lines), encoding="utf-8")
    (folder / "spec.yaml").write_text(SPEC, encoding="utf-8")


def fingerprint(place: Path) -> dict[str, Any]:
    """Return hashes and figures of a finished run that must not depend on how often it was killed."""
    from declare.runtime.run_folder.folder import Run

    run = Run(place)
    newest = run.checkpoints()[0]
    rows = [list(row.values()) for row in run.metrics() if not row["metric"].endswith("per_second")]
    found: dict[str, Any] = {"final": run.final, "metrics.csv": rows, "step": newest.step}
    found |= {f"state of {path}": value for path, value in _leaves(newest.skeleton(), "")}
    for which in ("last", *(phase.name for phase in run.plan.phases)):
        found |= _hashes(run.weights_path(which), f"weights of {which}")
    for path in sorted(newest.path.glob("state*.safetensors")):  # those of several processes too
        found |= _hashes(path, path.stem)
    return found


def _leaves(value: Any, path: str) -> list[tuple[str, Any]]:
    """Return the plain values of a state by path, but for those that tell of time."""
    if path.startswith(("/window", "/listeners/metrics")):  # speed stands there, and how long it is written
        return []
    if isinstance(value, Mapping):
        return [leaf for key, item in value.items() for leaf in _leaves(item, f"{path}/{key}")]
    if isinstance(value, list):
        return [leaf for index, item in enumerate(value) for leaf in _leaves(item, f"{path}/{index}")]
    return [(path, value)]


def _hashes(path: Path, what: str) -> dict[str, str]:
    from declare.runtime.checkpoint.safetensors_io import read_tensors

    return {
        f"{what}: {name}": hashlib.sha256(
            f"{tensor.dtype}{list(tensor.shape)}".encode() + _bytes(tensor)
        ).hexdigest()
        for name, tensor in read_tensors(path).items()
    }


def _bytes(tensor: Any) -> bytes:
    import torch

    return tensor.contiguous().reshape(-1).view(torch.uint8).numpy().tobytes() if tensor.numel() else b""


def differences(left: Mapping[str, Any], right: Mapping[str, Any]) -> list[str]:
    """Return the names under which two fingerprints differ."""
    return [name for name in sorted(left.keys() | right.keys()) if left.get(name) != right.get(name)]
