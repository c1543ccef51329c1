"""Counts and what explains them: fields, tasks, losses, metrics, readouts, modulators, simulated neurons."""

import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from torch.nn import functional

from declare.contract.facts import FieldFacts
from declare.contract.problem import Problem, ProblemError
from declare.contract.shapes import Shape
from declare.nn.heads.gaussian_readout import GaussianReadout
from declare.nn.metrics.metric import AccumulatedMetric
from declare.nn.metrics.spikes import Likelihoods
from declare.nn.modules.conv3d import Conv3d, SpaceTime
from declare.nn.modules.predictive_coding import PredictiveCoding
from declare.nn.tasks.counts import offsets, rates
from declare.parsing import parser

NAN = math.nan
LINKS = ("softplus", "exp", "elu")
COUNTS = Shape("counts", (2,))


def field(**block):
    """Return a counts field."""
    return parser.parse("fields", {"type": "counts", **block})


def facts(means=(0.5, 3.0), **extra):
    """Return facts of a counts field with these mean rates."""
    return FieldFacts(
        shape=Shape("counts", (len(means),)), mean=1.0, maximum=9.0, extra={"means": {"": means, **extra}}
    )


def task(**block):
    """Return a counts task on `spikes`."""
    return parser.parse("tasks", {"type": "counts", "target": "spikes", **block})


@pytest.mark.parametrize(
    ("value", "whole", "fine"), [(-1, False, False), (1.5, True, False), (1.5, False, True)]
)
def test_what_is_no_count_is_refused(value, whole, fine):
    """Negative counts are refused, fractions unless the field allows them; NaN is a gap, not an error."""
    values = np.array([[0, 2], [NAN, 1], [3, value]], np.float32)
    if fine:
        assert field(whole=whole).infer_facts(values).shape == COUNTS
        return
    with pytest.raises(ProblemError) as caught:
        field(whole=whole).infer_facts(values)
    assert (caught.value.problem.code, caught.value.problem.row) == ("DAT351", 2)


def test_mean_rates_leave_out_what_does_not_count():
    """Means are over recorded counts, and by mask over those that it lets count; a silent unit gets half an event."""
    values = np.array([[1, 0, 5], [3, 0, NAN], [8, 0, 1]], np.float32)
    usable = np.array([[1, 1, 1], [1, 1, 1], [0, 1, 1]], bool)
    found = field().summary(values, {"usable": usable, "other": np.ones((3, 9), bool), "trial": usable[:, 0]})
    assert found["means"][""] == pytest.approx([4, 0.5 / 3, 3])
    assert found["means"]["usable"] == pytest.approx([2, 0.5 / 3, 3])
    assert found["means"]["trial"] == pytest.approx([2, 0.25, 5])
    assert "other" not in found["means"]


@pytest.mark.parametrize("link", LINKS)
def test_a_head_that_gives_zero_predicts_the_mean_rate(link):
    """Rates are each unit's mean, so that it gains no bit, and grow with the score."""
    means = [0.01, 0.7, 1.0, 40.0]
    offset, expected = offsets(means, link), torch.tensor(means, dtype=torch.float64)
    trivial = rates(torch.zeros(1, 4), offset, link)
    torch.testing.assert_close(trivial[0], expected, rtol=1e-12, atol=0)
    gained, _ = Likelihoods(means).sums(trivial, torch.tensor([[0.0, 1.0, 7.0, 900.0]]))
    assert gained.abs().max() < 1e-9
    assert (rates(torch.ones(1, 4), offset, link) > rates(torch.zeros(1, 4), offset, link)).all()
    assert (rates(torch.full((1, 4), -1000.0), offset, link) >= 0).all()


@pytest.mark.parametrize("link", LINKS)
def test_poisson_nll_is_torchs_on_what_counts(link):
    """The loss is that of torch for the rates of the valid counts; what is missing gives no gradient."""
    target = task(nonlinearity=link, mask="usable").link({"lab": facts(usable=(0.6, 2.0))})
    loss = parser.parse("losses", "poisson_nll").build(target)
    output = torch.randn(5, 2, generator=torch.Generator().manual_seed(0)).requires_grad_()
    adapter = task(nonlinearity=link, mask="usable").build(target)
    usable = torch.tensor([[1, 1], [0, 1], [1, 0], [1, 1], [0, 0]], dtype=torch.bool)
    batch = {"spikes": torch.tensor([[0, 1.0], [3, 2], [4, 0], [1, 1], [2, 2]]), "usable": usable}
    total, weight = loss(output, adapter.target(batch))
    rate, counts = adapter.scores(output, batch)
    known = ~counts.isnan()
    assert known.tolist() == usable.tolist()
    expected = functional.poisson_nll_loss(rate[known], counts[known], log_input=False, eps=0)
    torch.testing.assert_close(total / weight, expected.float())
    assert float(weight) == float(loss.count(adapter.target(batch))) == 6
    total.backward()
    assert torch.equal(output.grad != 0, usable)
    assert adapter.predict(output)["rate"].shape == (5, 2)


def test_bits_per_spike_is_the_gain_over_mean_rates():
    """It is the difference of scipy's log likelihoods in bits over the spikes that count; the mean rate gets 0."""
    target = task().link({"lab": facts((0.5, 3.0))})
    rng = np.random.default_rng(0)
    rate, counts = rng.uniform(0.2, 4, (40, 2)), rng.poisson(1.5, (40, 2)).astype(float)
    mean = np.broadcast_to([0.5, 3.0], rate.shape)
    counts[3, 1] = NAN
    known = ~np.isnan(counts)
    gain = stats.poisson.logpmf(counts[known], rate[known]) - stats.poisson.logpmf(counts[known], mean[known])
    expected = gain.sum() / math.log(2) / counts[known].sum()
    metric = parser.parse("metrics", "bits_per_spike").build(target)
    for rows in np.array_split(np.arange(40), 3):
        metric.update(torch.tensor(rate[rows]), torch.tensor(counts[rows]))
    assert float(metric.compute()) == pytest.approx(expected, rel=1e-5)
    metric.reset()
    metric.update(torch.tensor(mean.copy()), torch.tensor(counts))
    assert float(metric.compute()) == pytest.approx(0, abs=1e-6)


def test_units_may_weigh_the_same():
    """`average: units` is the mean over neurons of their own bits per spike."""
    target = task().link({"lab": facts((1.0, 1.0))})
    rate, counts = torch.tensor([[2.0, 1.0], [1.0, 0.5]]), torch.tensor([[4.0, 0.0], [1.0, 1.0]])
    block = {"type": "bits_per_spike", "average": "units"}
    each = []
    for unit in range(2):
        own = task().link({"lab": facts((1.0,))})
        metric = parser.parse("metrics", "bits_per_spike").build(own)
        metric.update(rate[:, unit : unit + 1], counts[:, unit : unit + 1])
        each.append(float(metric.compute()))
    metric = parser.parse("metrics", block).build(target)
    metric.update(rate, counts)
    assert float(metric.compute()) == pytest.approx(np.mean(each))


def test_correlation_is_by_neuron():
    """The mean over neurons of scipy's correlation, a neuron that never varies left out."""
    target = task().link({"lab": facts((1.0, 1.0, 1.0))})
    rng = np.random.default_rng(1)
    rate, counts = rng.uniform(0, 4, (30, 3)), rng.poisson(2, (30, 3)).astype(float)
    counts[:, 2] = 1
    metric = parser.parse("metrics", "correlation").build(target)
    metric.update(torch.tensor(rate), torch.tensor(counts))
    expected = np.mean([stats.pearsonr(rate[:, unit], counts[:, unit])[0] for unit in range(2)])
    assert float(metric.compute()) == pytest.approx(expected)


def test_figures_of_several_recordings_are_those_of_all_their_neurons():
    """Bits of 1 and of 2 neurons together are those of 3 neurons side by side."""
    generator = torch.Generator().manual_seed(2)
    rate = torch.rand(20, 3, generator=generator) + 0.2
    counts = torch.poisson(rate * 2, generator=generator)
    for name in ("bits_per_spike", "correlation"):
        parts, whole = [], None
        for units in (slice(0, 1), slice(1, 3), slice(0, 3)):
            means = tuple(counts.mean(0)[units].tolist())
            metric = parser.parse("metrics", name).build(task().link({"lab": facts(means)}))
            metric.update(rate[:, units], counts[:, units])
            parts, whole = [*parts, metric], metric
        assert float(AccumulatedMetric.combine(parts[:2])) == pytest.approx(float(whole.compute()))


@settings(max_examples=20, deadline=None)
@given(st.sampled_from([(6, 6, 3), (6, 1, 3), (6, 4, 1), (1, 1, 3)]), st.booleans(), st.integers(0, 99))
def test_space_time_convolutions_are_torchs(form, pad, seed):
    """However it is computed, the result is that of a plain three-dimensional convolution."""
    frames, taken, side = form
    torch.manual_seed(seed)
    layer = SpaceTime(2, 3, (taken, side, side), padding=(0, side // 2, side // 2) if pad else 0)
    x = torch.randn(2, 2, frames, 7, 6)
    expected = functional.conv3d(x, layer.weight, layer.bias, padding=layer.padding)
    torch.testing.assert_close(layer(x), expected, rtol=1e-4, atol=1e-5)


def test_stages_are_stacked_at_the_same_places():
    """Stacked features of an unpadded core are cut so that each place and frame belongs to the same pixel."""
    torch.manual_seed(0)
    core = Conv3d(1, [2, 3], [(3, 3, 3), (2, 3, 3)], norm="none", activation="none", pad=False).eval()
    x = torch.randn(1, 1, 6, 9, 9)
    found = core(x)
    assert found.shape == (1, 5, 3, 5, 5)
    first = core.stages[0](x)
    torch.testing.assert_close(found[:, :2], first[:, :, 1:, 1:-1, 1:-1])
    torch.testing.assert_close(found[:, 2:], core.stages[1](first))


@pytest.mark.parametrize(
    ("block", "at"),
    [({"kernel": [7, 3, 3]}, "kernel.0"), ({"kernel": [3, 3, 19]}, "kernel.2"), ({"kernel": 7}, "kernel"),
     ({"kernel": [4, 3, 3], "hidden_kernel": [4, 3, 3]}, "hidden_kernel.0")],
)  # fmt: skip
def test_a_kernel_larger_than_what_it_sees_is_refused(block, at):
    """The finding names the side of the kernel that is too large."""
    core = parser.parse("modules", {"type": "conv3d", "channels": [2, 2], **block})
    found = core.infer({"input": (Shape("video", (1, 6, 16, 16)),)})
    assert isinstance(found, Problem)
    assert (found.code, found.at) == ("SHP518", at)


def test_a_kernel_that_leaves_frames_gives_a_video():
    """A map comes out where one frame is left, else a video of what is left."""
    shape = Shape("video", (1, 6, 8, 8))
    for frames, expected in ((6, Shape("image", (4, 8, 8))), (4, Shape("video", (4, 3, 8, 8)))):
        core = parser.parse("modules", {"type": "conv3d", "channels": [4], "kernel": [frames, 3, 3]})
        assert core.infer({"input": (shape,)})["output"] == expected


def test_readouts_read_at_their_mean_in_evaluation():
    """In evaluation a unit at a pixel reads that pixel exactly, and nothing is drawn; in training places vary."""
    readout = GaussianReadout(2, 3).eval()
    x = torch.randn(4, 2, 5, 7, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        readout.mean.copy_(torch.tensor([[-1.0, -1.0], [1.0, 0.0], [0.0, 1.0]]))
    pixels = torch.stack([x[:, :, 0, 0], x[:, :, 2, 6], x[:, :, 4, 3]], 1)
    torch.testing.assert_close(readout(x), (pixels * readout.weight).sum(2) + readout.bias)
    readout.train()
    assert not torch.equal(readout(x), readout(x))


def test_readouts_find_where_to_look():
    """Gradients move a unit to the pixel that drives it, from a third of the map away."""
    torch.manual_seed(0)
    readout = GaussianReadout(1, 1, within=0.0)
    with torch.no_grad():
        readout.weight.fill_(1.0)
    optimizer = torch.optim.Adam(readout.parameters(), lr=0.03)
    for _ in range(150):
        x = functional.avg_pool2d(torch.randn(64, 1, 11, 11), 5, 1, 2)
        loss = (readout(x)[:, 0] - x[:, 0, 2, 7]).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    where = (readout.mean[0].detach() + 1) * 5
    assert (where - torch.tensor([7.0, 2.0])).abs().max() < 0.7


def test_untrained_modulators_change_nothing():
    """Gain, shift and correction start at 1, 0 and 0."""
    x, state = torch.randn(3, 4, 5, 5), torch.randn(3, 2)
    for name in ("film", "predictive_coding"):
        module = parser.parse("modules", {"type": name})
        port = module.ports[1].name
        built = module.build({"input": (Shape("image", (4, 5, 5)),), port: (Shape("vector", (2,)),)})
        found = built(x, state)
        torch.testing.assert_close(found["output"] if isinstance(found, dict) else found, x)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 999), st.floats(0.1, 10))
def test_inference_goes_down_the_energy(seed, scale):
    """More steps of inference never explain the features worse, whatever the weights."""
    torch.manual_seed(seed)
    x, state = scale * torch.randn(4, 3, 2, 2), torch.randn(4, 2)
    torch.manual_seed(seed)
    errors = []
    for steps in (1, 2, 5, 20):
        torch.manual_seed(seed)
        module = PredictiveCoding(3, 2, causes=2, steps=steps, prior=0.0)
        with torch.no_grad():
            module.predict.weight.mul_(scale)
            errors.append(float(module(x, state)["prediction_error"].sum()))
    assert all(later <= earlier * (1 + 1e-4) for earlier, later in pairwise(errors))


def test_prediction_errors_do_not_teach_the_core():
    """The error has no gradient in the features, and one in the prediction; the output has both."""
    x, state = torch.randn(3, 4, 5, 5, requires_grad=True), torch.randn(3, 2)
    module = PredictiveCoding(4, 2)
    module(x, state)["prediction_error"].sum().backward()
    assert x.grad is None
    assert module.predict.weight.grad.abs().sum() > 0
    module(x, state)["output"].sum().backward()
    assert x.grad.abs().sum() > 0


def test_smoothness_and_group_lasso_know_space_time_kernels():
    """Neighbours are those in time and space, groups are output channels or what they read."""
    weight = torch.randn(2, 3, 4, 5, 6)
    rows = [weight.diff(dim=axis).square().sum() for axis in (2, 3, 4)]
    smooth = parser.parse("regularizers", {"type": "smoothness", "match": "x", "weight": 1.0}).build()
    torch.testing.assert_close(smooth([weight]), sum(rows))
    for by, axis in (("output", 0), ("input", 1)):
        block = {"type": "group_lasso", "match": "x", "weight": 1.0, "by": by}
        groups = weight.movedim(axis, 0).flatten(1)
        expected = groups.norm(dim=1).sum() * groups.shape[1] ** 0.5
        torch.testing.assert_close(parser.parse("regularizers", block).build()([weight]), expected)


def test_simulated_neurons_are_as_hard_as_real_ones():
    """Sparse counts, rates that the stimulus explains better than the mean, gain by behaviour, the same each time."""
    block = {"type": "simulated", "name": "spikes", "samples": 300, "neurons": 6, "frames": 4, "size": 10}
    reader = parser.parse("sources", block).open()
    rows = np.arange(300)
    rate, spikes = reader.expectation("spikes", rows), reader.read("spikes")
    assert reader.expectation("stimulus", rows) is None
    np.testing.assert_array_equal(spikes, parser.parse("sources", block).open().read("spikes"))
    assert ((rate > 0) & (rate < 60)).all()
    # Counts are Poisson about the rates.
    assert abs((spikes - rate).mean()) < 0.1
    assert np.var((spikes - rate) / np.sqrt(rate)) == pytest.approx(1, abs=0.15)
    assert (spikes == 0).mean() > 0.3
    mean = spikes.mean(0)
    bits = (spikes * np.log2(rate / mean) - (rate - mean) / math.log(2)).sum() / spikes.sum()
    assert 0.2 < bits < 1.5
    gain = reader.truth["gain"]
    assert 0.1 < np.log(gain).std() < 0.8
    # Contrast scales the stimulus.
    spread = reader.read("stimulus").reshape(300, -1).std(1)
    np.testing.assert_allclose(spread, reader.read("contrast"), rtol=1e-3)
