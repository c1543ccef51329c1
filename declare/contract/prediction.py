"""Kinds of prediction: the meaning of a head's output, by which losses and metrics declare what they accept."""

from typing import Literal

Prediction = Literal[
    "class_logits",  # one score for each class [B, K]
    "label_logits",  # one score for each label [B, K], independent of each other
    "ordinal_logits",  # one score for each step from a class to the next [B, K - 1]
    "pixel_logits",  # one score for each class and pixel [B, K, H, W]
    "token_logits",  # one score for each token of a vocabulary and position [B, T, V]
    "values",  # numbers in the units of the loss [B, ...]
    "rates",  # expected counts, through the target's link [B, N]
    "reconstruction",  # the input again, where parts of it were hidden
    "embedding",  # a vector that is compared with those of other samples [B, D]
    "cost",  # a scalar that a module computes itself [B]
]
"""Shapes: B batch, K classes or labels, V tokens, T positions, H x W pixels, N units, D features."""
