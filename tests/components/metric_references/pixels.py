"""Metrics of pixels: logits [N, K, H, W] and indices [N, H, W], -1 where nothing is labelled; each is a sample."""

import numpy as np
import torch

from tests.components.metric_references import classes


def cases():
    """Return name -> (logits, indices)."""
    generator = torch.Generator().manual_seed(1)
    logits = torch.randn(5, classes.K, 3, 4, generator=generator)
    truth = torch.randint(-1, classes.K, (5, 3, 4), generator=generator)
    return {
        "plain": (logits, truth),
        "saturated": (logits * 60, truth),
        "offset": (logits * 64 + 1e6, truth),
        "ties": (logits.round(), truth),
        "absent class": (logits, truth.masked_fill(truth == 3, 0)),
        "one class": (logits, torch.ones_like(truth)),
        "nothing labelled": (logits, torch.full_like(truth, -1)),
        "one image": (logits[:1], truth[:1]),
        "empty": (logits[:0], truth[:0]),
    }


def _each_pixel(reference):
    def of_pixels(block, prediction, truth):
        return reference(block, np.moveaxis(prediction, 1, -1).reshape(-1, classes.K), truth.reshape(-1))

    return of_pixels


_NAMES = ("accuracy", "calibration_error", "dice", "f1", "iou", "precision", "recall")
REFERENCES = {name: _each_pixel(classes.REFERENCES[name]) for name in _NAMES}
