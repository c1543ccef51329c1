"""Scales: which sizes a step trains at, what the images become, that both ways give the same gradients."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from declare.compiler.pipeline import check
from declare.ir.plan import Plan
from declare.lowering.data.multiscale import Scales, resize_images
from declare.lowering.model.graph import make_graph
from declare.lowering.training.objective import Objective
from declare.nn.running_statistics import StatisticsBySize
from declare.runtime.machine.precision import make_precision
from declare.runtime.step.forward_backward import JointScales, PartTimer, SequentialScales, SingleScale
from declare.runtime.step.strategies.strategy import Strategy

SPEC = """declare: 1
name: scaled
datasets:
  textures: {source: {type: simulated, name: textures, samples: 40, classes: 3, size: 32}, split: {val: 0.2}}
model:
  encoder: {type: cnn, channels: [4, 8], norm: none, input: image}
tasks:
  texture: {type: classification, dataset: textures, target: label}
phases:
  fit: {steps: 12, batch_size: 8, scales: SCALES, optimizer: {type: adamw, lr: 1e-3}}
"""


def planned(folder: Path, scales: str) -> Plan:
    """Return the plan of the spec with these scales."""
    path = folder / "spec.yaml"
    path.write_text(SPEC.replace("SCALES", scales))
    checked = check(path)
    assert checked.plan is not None, [found.title for found in checked.diagnostics]
    return checked.plan


def scales_of(folder: Path, text: str) -> Scales:
    """Return the scales of the only phase."""
    phase = planned(folder, text).phases[0]
    assert phase.scales is not None
    return Scales(phase, phase.scales, 0)


def test_joint_steps_see_every_size_the_largest_first(tmp_path: Path) -> None:
    """All sizes stand in every step."""
    scales = scales_of(tmp_path, "{field: image, sizes: [16, 32, 24]}")
    assert [scales.sizes(step) for step in (0, 11)] == [(32, 24, 16)] * 2


def test_progressive_sizes_share_the_phase(tmp_path: Path) -> None:
    """Without durations each size takes as many steps as the others."""
    scales = scales_of(tmp_path, "{field: image, sizes: [8, 16, 32], mode: progressive}")
    assert [scales.sizes(step)[0] for step in range(12)] == [8] * 4 + [16] * 4 + [32] * 4


def test_durations_say_how_long_each_size_is_trained(tmp_path: Path) -> None:
    """The last size goes on to the end of the phase."""
    text = "{field: image, sizes: [8, 32], mode: progressive, durations: [3 steps]}"
    scales = scales_of(tmp_path, text)
    assert [scales.sizes(step)[0] for step in range(12)] == [8] * 3 + [32] * 9


def test_random_sizes_are_a_function_of_the_step(tmp_path: Path) -> None:
    """A resumed run draws the same sizes, and over many steps all of them."""
    text = "{field: image, sizes: [8, 16, 32], mode: random}"
    first, again = scales_of(tmp_path, text), scales_of(tmp_path, text)
    drawn = [first.sizes(step) for step in range(40)]
    assert drawn == [again.sizes(step) for step in range(40)]
    assert {size for (size,) in drawn} == {8, 16, 32}


def test_images_keep_their_proportion() -> None:
    """The shorter edge gets the size; an image that has it is left alone."""
    images = torch.full((2, 3, 20, 30), 255, dtype=torch.uint8)
    small = resize_images(images, 10)
    assert small.shape == (2, 3, 10, 15)
    assert bool((small == 255).all())
    assert resize_images(images, 20) is images


@pytest.mark.parametrize(("edge", "size"), [(32, 16), (96, 64), (96, 32)])
def test_whole_pixels_are_those_of_pillow(edge: int, size: int) -> None:
    """On a processor, scaling gives Pillow's bilinear filter to the last bit."""
    pixels = np.random.default_rng(0).integers(0, 256, (edge, edge, 3), dtype=np.uint8)
    expected = np.asarray(Image.fromarray(pixels).resize((size, size), Image.Resampling.BILINEAR))
    found = resize_images(torch.from_numpy(pixels).permute(2, 0, 1)[None], size)[0].permute(1, 2, 0)
    assert np.array_equal(found.numpy(), expected)


def test_downscaling_is_antialiased() -> None:
    """A fine checkerboard becomes grey, not a pattern of its own."""
    board = (torch.arange(64).view(8, 8).div(8, rounding_mode="floor") + torch.arange(8)) % 2
    small = resize_images(board[None, None].float(), 3)
    assert float((small - 0.5).abs().max()) < 0.1


def gradients(plan: Plan, batch: dict[str, dict[str, Tensor]]) -> tuple[Tensor, list[Tensor]]:
    """Return parts and gradients of one pass."""
    objective = Objective(plan, plan.phases[0], make_graph(plan)).train()
    statistics = StatisticsBySize(objective.graph, plan.phases[0].scales.sizes, 32)
    single = SingleScale(Strategy(objective), make_precision("fp32", torch.device("cpu")), PartTimer())
    kind = JointScales if objective.scales.eager else SequentialScales
    _, parts = kind(single, objective.scales, statistics)(0, batch, None, 5, last=True)
    return parts, [item.grad for item in objective.graph.parameters() if item.grad is not None]


@pytest.mark.parametrize("comparison", ["kl", "mse"])
def test_one_by_one_gives_the_gradients_of_all_at_once(tmp_path: Path, comparison: str) -> None:
    """On demand differs from eager in memory alone."""
    text = "{field: image, sizes: [16, 24, 32], consistency: {type: KIND, weight: 0.5}, materialize: WAY}"
    text = text.replace("KIND", comparison)
    torch.manual_seed(1)
    images = torch.randint(0, 256, (8, 3, 32, 32), dtype=torch.uint8)
    batch = {"textures": {"image": images, "label": torch.arange(8) % 3}}
    one, other = (
        gradients(planned(tmp_path, text.replace("WAY", way)), batch) for way in ("on_demand", "eager")
    )
    assert float(one[0][-1]) > 0
    torch.testing.assert_close(one[0], other[0])
    for left, right in zip(one[1], other[1], strict=True):
        torch.testing.assert_close(left, right)


def test_the_loss_is_the_mean_over_scales(tmp_path: Path) -> None:
    """A joint step's task loss is the mean of those at each size."""
    images = torch.randint(0, 256, (8, 3, 32, 32), dtype=torch.uint8)
    batch = {"textures": {"image": images, "label": torch.arange(8) % 3}}
    each = [gradients(planned(tmp_path, f"{{field: image, sizes: [{size}]}}"), batch)[0] for size in (16, 32)]
    both = gradients(planned(tmp_path, "{field: image, sizes: [16, 32]}"), batch)[0]
    torch.testing.assert_close(both, torch.stack(each).mean(0))


def test_evaluations_know_no_consistency(tmp_path: Path) -> None:
    """Outside training the loss is that of the stored images alone."""
    torch.manual_seed(2)
    images = torch.randint(0, 256, (8, 3, 32, 32), dtype=torch.uint8)
    batch = {"textures": {"image": images, "label": torch.arange(8) % 3}}
    plan = planned(tmp_path, "{field: image, sizes: [16, 32], consistency: {type: kl, weight: 9.0}}")
    objective = Objective(plan, plan.phases[0], make_graph(plan)).eval()
    loss, parts = objective(batch)
    torch.testing.assert_close(loss, parts[0])


SCENES = """declare: 1
name: scenes
datasets:
  scenes: {source: {type: simulated, name: segmentation, samples: 20, size: 32}, split: {val: 0.2}}
model:
  encoder: {type: cnn, channels: [4, 8], norm: none, input: image}
tasks:
  shapes: {type: segmentation, dataset: scenes, target: mask, head: {type: segmentation, input: encoder.map}}
phases:
  fit:
    steps: 4
    batch_size: 4
    scales: {field: image, sizes: [16, 32], consistency: {type: kl, weight: 0.1}}
    optimizer: {type: adamw, lr: 1e-3}
"""


def test_scores_of_small_images_meet_whole_masks(tmp_path: Path) -> None:
    """Masks keep their size at every scale, so that predictions of all scales can be compared."""
    path = tmp_path / "spec.yaml"
    path.write_text(SCENES)
    plan = check(path).plan
    assert plan is not None
    image = torch.randint(0, 256, (4, 3, 32, 32), dtype=torch.uint8)
    mask = torch.randint(0, 2, (4, 32, 32))
    parts, grads = gradients(plan, {"scenes": {"image": image, "mask": mask}})
    assert torch.isfinite(parts).all()
    assert float(parts[-1]) > 0
    assert grads


TWO = """declare: 1
name: two
datasets:
  one: {source: {type: simulated, name: textures, samples: 40, classes: 3, size: 16}, split: {val: 0.2}}
  two: {source: {type: simulated, name: textures, samples: 40, classes: 3, size: 32}, split: {val: 0.2}}
model:
  encoder: {type: transformer, input: image, patch: 8, dim: 16, depth: 1, heads: 2, positions: learned, per_dataset: true}
tasks:
  texture: {type: classification, datasets: [one, two], target: label}
phases:
  fit: {steps: 12, batch_size: 8, scales: {field: image, sizes: [16]}, optimizer: {type: adamw, lr: 1e-3}}
"""


def test_every_dataset_must_take_every_size(tmp_path: Path) -> None:
    """A size that only the second data set's instance cannot take is found before the run."""
    path = tmp_path / "spec.yaml"
    path.write_text(TWO)
    found = [(item.code, item.path) for item in check(path).diagnostics if item.severity == "error"]
    assert found == [("SHP502", "phases.fit.scales.sizes.0")]
