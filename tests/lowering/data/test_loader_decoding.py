"""Feeds that decode while training give the batches that whole data give."""

import pytest
import torch
from PIL import Image

from declare.compiler import pipeline
from declare.lowering.data.loader import evaluation_batches, make_loader
from declare.lowering.data.tables import Tables

SPEC = """
declare: 1
name: images
datasets:
  lab:
    source: {{type: image_folder, path: images}}
    transforms: [{{type: random_horizontal_flip, field: image}}, {{type: color_jitter, field: image, brightness: 0.5}}]
    split: {{val: 0.2, stratify: label}}
    cache: {cache}
model:
  encoder: {{type: cnn, channels: [4], input: image}}
tasks:
  label: {{type: classification, dataset: lab, target: label}}
phases:
  fit: {{epochs: 3, batch_size: 8, optimizer: {{type: sgd, lr: 0.1}}}}
hardware: {{workers: {workers}}}
"""


@pytest.fixture
def opened(tmp_path):
    generator = torch.Generator().manual_seed(0)
    for number in range(30):
        folder = tmp_path / "images" / "ab"[number % 2]
        folder.mkdir(parents=True, exist_ok=True)
        pixels = torch.randint(0, 256, (6, 5, 3), generator=generator, dtype=torch.uint8)
        Image.fromarray(pixels.numpy()).save(folder / f"{number}.png")

    def make(cache="memory", workers="auto"):
        path = tmp_path / "spec.yaml"
        path.write_text(SPEC.format(cache=cache, workers=workers))
        checked = pipeline.check(path)
        assert checked.plan, [found.title for found in checked.diagnostics]
        return checked.plan, Tables.fit(checked.plan)

    return make


def batches(opened, start, **settings):
    plan, tables = opened(**settings)
    found = list(
        make_loader(plan, plan.phases[0], tables, torch.device("cpu")).batches(start, plan.phases[0].steps)
    )
    return [batch["lab"] for batch in found]


def same(left, right):
    return len(left) == len(right) and all(
        torch.equal(one[name], other[name]) for one, other in zip(left, right, strict=True) for name in one
    )


@pytest.mark.parametrize(
    "settings",
    [{"cache": "disk"}, {"cache": "none"}, {"cache": "none", "workers": 1}, {"cache": "none", "workers": 5}],
)
def test_batches_are_the_same_however_they_are_made(opened, settings):
    """Neither the cache nor the number of threads changes a bit, random transforms included."""
    torch.manual_seed(1)
    first = batches(opened, 0)
    torch.manual_seed(2)
    assert same(first, batches(opened, 0, **settings))
    assert same(first[4:], batches(opened, 4, **settings))


def test_a_feed_leaves_the_global_generator_alone(opened):
    """What a model draws does not depend on how data are read."""
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    batches(opened, 0, cache="none")
    assert torch.equal(torch.rand(3), expected)


def test_evaluation_sees_images_as_they_are(opened):
    """Random transforms change training images, not those of an evaluation."""
    _, tables = opened()
    found = torch.cat(
        [batch["image"] for batch in evaluation_batches(tables, "lab", "val", 4, torch.device("cpu"))]
    )
    assert torch.equal(found, torch.from_numpy(tables.table("lab", "val").array("image")))
    trained = torch.cat([batch["image"] for batch in batches(opened, 0)])
    whole = {
        tuple(image.flatten().tolist())
        for image in torch.from_numpy(tables.table("lab", "train").array("image"))
    }
    changed = sum(tuple(image.flatten().tolist()) not in whole for image in trained)
    assert changed > len(trained) / 2


def test_stopping_early_leaves_no_thread_behind(opened):
    """A feed that is given up shuts its threads down."""
    import threading

    plan, tables = opened(cache="none")
    running = threading.active_count()
    feed = make_loader(plan, plan.phases[0], tables, torch.device("cpu")).batches(0, 9)
    next(feed)
    feed.close()
    assert threading.active_count() == running
