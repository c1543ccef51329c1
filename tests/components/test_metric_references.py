"""Every metric against an independent reference, in many situations and however the samples are cut."""

import math
from typing import Literal, get_args, get_origin

import pytest

from declare.contract.kinds.task import Target
from declare.contract.shapes import Shape
from declare.parsing import lookup, parser
from tests.components.metric_references import (
    classes,
    embeddings,
    labels,
    ordered,
    pixels,
    rates,
    reconstructions,
    tokens,
    values,
)

GROUPS = {
    "class_logits": classes,
    "embedding": embeddings,
    "label_logits": labels,
    "ordinal_logits": ordered,
    "pixel_logits": pixels,
    "rates": rates,
    "reconstruction": reconstructions,
    "token_logits": tokens,
    "values": values,
}
NUMBERS = {"top": (1, 2), "threshold": (0.5, 0.3), "bins": (15, 4)}
"""Values tried of parameters that are numbers; of a choice all are tried."""
PAIRS = [
    (name, prediction)
    for name in sorted(lookup.names("metrics"))
    for prediction in sorted(parser.parse("metrics", name).takes)
]


def blocks(name):
    """Yield a metric's block with each value of each of its parameters, the others at their defaults."""
    yield parser.parse("metrics", name)
    for key, field in lookup.find("metrics", name).model_fields.items():
        choices = get_args(field.annotation) if get_origin(field.annotation) is Literal else ()
        choices = (True, False) if field.annotation is bool else choices or NUMBERS.get(key, ())
        for choice in choices:
            if choice != field.default:
                yield parser.parse("metrics", {"type": name, key: choice})


def build(block, prediction):
    """Return a built metric, and what of it processes share."""
    shape = Shape("vector", (4,))
    means = rates.MEANS if prediction == "rates" else (1e9,)
    metric = block.build(
        Target(prediction=prediction, output=shape, classes=("a", "b", "c", "d"), mean=means)
    )
    return metric, getattr(metric, "accumulator", metric)


def in_batches(block, prediction, said, truth, pieces):
    """Return the figure over batches of uneven size."""
    metric, _ = build(block, prediction)
    for part, own in zip(said.tensor_split(pieces), truth.tensor_split(pieces), strict=True):
        if len(own):
            metric.update(part, own)
    return float(metric.compute())


def in_processes(block, prediction, said, truth, cuts):
    """Return the figure of processes that have seen the samples between `cuts`."""
    states = []
    for part, own in zip(said.tensor_split(cuts), truth.tensor_split(cuts), strict=True):
        metric, shared = build(block, prediction)
        if len(own):
            metric.update(part, own)
        states.append(shared.local_state())
    metric, shared = build(block, prediction)
    shared.merge_states(states)
    return float(metric.compute())


def same(value, expected, case):
    """Return whether a figure is the reference's, NaN where that is."""
    if math.isnan(expected):
        return math.isnan(value)
    # A share such as `r2` may come near 0 by cancelling; a figure in units is as small as they are.
    return value == pytest.approx(expected, rel=1e-8, abs=0.0 if case == "tiny" else 1e-9)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("name", "prediction"), PAIRS)
def test_metrics_are_their_references(name, prediction):
    """Whatever the samples are, and however batches and processes cut them, the figure is the reference's."""
    group = GROUPS[prediction]
    assert name in group.REFERENCES, f"write a reference of `{name}` into {group.__name__}"
    for block in blocks(name):
        for case, (said, truth) in group.cases().items():
            own = truth.double() if truth.is_floating_point() else truth
            expected = float(group.REFERENCES[name](block, said.double().numpy(), own.numpy()))
            said_of = f"{block!r} of {prediction}, {case}: {expected}"
            for pieces in (1, 3):
                value = in_batches(block, prediction, said, truth, pieces)
                assert same(value, expected, case), (said_of, value)
            for cuts in ([1], [len(truth) // 2], [len(truth)], [0, len(truth) // 3]):
                value = in_processes(block, prediction, said, truth, cuts)
                assert same(value, expected, case), (said_of, value, cuts)
            low, high = block.bounds
            assert math.isnan(value) or (low is None or value >= low), (said_of, value)
            assert math.isnan(value) or (high is None or value <= high), (said_of, value)


def test_no_reference_is_left_over():
    """References are of metrics that there are."""
    known = set(PAIRS)
    left = [
        (name, prediction)
        for prediction, group in GROUPS.items()
        for name in group.REFERENCES
        if (name, prediction) not in known
    ]
    assert not left
