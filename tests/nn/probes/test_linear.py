"""A linear probe goes to the minimum of its loss, the same way every time."""

import torch
from torch.nn import functional

from declare.nn.probes.linear import LinearProbe


def squared(target):
    return lambda output: functional.mse_loss(output, target)


def features(*size, seed=0):
    return torch.randn(size, generator=torch.Generator().manual_seed(seed))


def test_ridge_regression_in_closed_form():
    """With a squared loss the fit is ridge regression on features in standard units."""
    x = features(60, 5) * 3 + 2
    y = x @ torch.tensor([1.0, -2.0, 0.0, 0.5, 3.0]) + 0.1 * features(60, seed=1)
    probe = LinearProbe(5, (), l2=0.1)
    probe.fit(x, squared(y))
    known = ((x - x.mean(0)) / x.std(0, correction=0)).double()
    centred = (y - y.mean()).double()
    exact = torch.linalg.solve(known.T @ known / 60 + 0.1 * torch.eye(5), known.T @ centred / 60)
    torch.testing.assert_close(probe(x), (known @ exact).float() + y.mean(), atol=1e-3, rtol=1e-3)


def test_same_features_same_fit():
    """Nothing is drawn: two fits agree to the last bit, whatever torch's own generator holds."""
    x, y = features(40, 4), features(40, 3, seed=1)
    found = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        probe = LinearProbe(4, (3,))
        probe.fit(x, squared(y))
        found.append(probe(x).detach())
    assert torch.equal(*found)


def test_constant_feature_counts_for_nothing():
    """A feature that is the same in all of the training split moves no prediction."""
    x = torch.cat([features(30, 2), torch.full((30, 1), 5.0)], 1)
    probe = LinearProbe(3, ())
    probe.fit(x, squared(x[:, 0]))
    other = x.clone()
    other[:, 2] = 500.0
    assert torch.equal(probe(x), probe(other))


def test_classes_that_a_line_parts():
    """Classes that a line parts are told apart, with the shape of logits that a task asks for."""
    x = features(80, 2)
    label = (x[:, 0] > 0).long()
    probe = LinearProbe(2, (2,))
    probe.fit(x, lambda output: functional.cross_entropy(output, label))
    assert probe(x).shape == (80, 2)
    assert (probe(x).argmax(1) == label).float().mean() > 0.95
