"""The trivial predictor of a regression: means of what is learned, judged in the data's own units."""

import numpy as np
import pytest
import torch

from declare.build.evaluation import Evaluator
from declare.build.graph import make_graph
from declare.build.store import Tables
from tests.build.test_own_targets import compiled

SPEC = """
declare: 1
datasets:
  d:
    source: {type: npz, path: data.npz}
    fields: {x: {type: vector}, y: {type: KIND}, known: {type: valid}, often: {type: number}, part: {type: category}}
    transforms: [TRANSFORMS]
    split: {column: part}
model:
  encoder: {type: mlp, input: x, hidden: [3]}
tasks:
  y: {type: regression, target: y, mask: known, loss: LOSS, metrics: [mae, rmse, r2]}
phases:
  fit:
    steps: 2
    batch_size: 8
    sampler: {type: weighted, field: often}
    optimizer: {type: adamw, lr: 1e-3}
"""


def data(outputs: int) -> dict[str, np.ndarray]:
    """Return amounts of very different sizes [60, outputs], a fourth of them missing, and samples that do not count."""
    draws = np.random.default_rng(7)
    y = np.exp(draws.normal(size=(60, outputs))) * 10.0 ** np.arange(outputs)
    y[draws.random(y.shape) < 0.25] = np.nan
    return {
        "x": draws.normal(size=(60, 4)).astype(np.float32),
        "y": y if outputs > 1 else y[:, 0],
        "known": draws.random(60) < 0.8,
        "often": draws.integers(1, 9, 60).astype(float),
        "part": np.array(["train"] * 35 + ["val"] * 25),
    }


@pytest.mark.parametrize("outputs", [1, 3])
@pytest.mark.parametrize(
    ("transforms", "forth", "back"),
    [
        ("", lambda y: y, lambda y: y),
        ("{type: log, fields: [y], offset: 1}", lambda y: np.log(y + 1), lambda y: np.exp(y) - 1),
        ("{type: standardize, fields: [y]}", lambda y: y, lambda y: y),
    ],
    ids=["plain", "log", "standardize"],
)
@pytest.mark.parametrize("loss", ["mse", "mae"])
def test_the_mean_is_that_of_counted_training_targets(
    tmp_path, monkeypatch, outputs, transforms, forth, back, loss
):
    """Each output has one, learned after transforms; missing and masked labels have no part in it, nor has a sampler."""
    monkeypatch.chdir(tmp_path)
    raw = data(outputs)
    np.savez("data.npz", **raw)
    text = SPEC.replace("KIND", "vector" if outputs > 1 else "number").replace("LOSS", loss)
    plan = compiled(tmp_path, text.replace("TRANSFORMS", transforms))
    judge = Evaluator(plan, make_graph(plan), Tables.fit(plan), torch.device("cpu"))
    judge.run("val")
    found = judge.trivial("val")

    y = np.where(raw["known"][:, None], raw["y"].reshape(60, outputs), np.nan)
    train, val = y[:35], y[35:]
    mean, spread = np.nanmean(forth(train), axis=0), np.nanstd(forth(train), axis=0)
    error = (val - back(mean))[~np.isnan(val)]
    units = ((forth(val) - mean) / spread)[~np.isnan(val)]
    total = (val - np.nanmean(val, axis=0))[~np.isnan(val)]
    assert found["val/y/mae"] == pytest.approx(np.abs(error).mean(), rel=1e-5)
    assert found["val/y/rmse"] == pytest.approx(np.sqrt((error**2).mean()), rel=1e-5)
    assert found["val/y/loss"] == pytest.approx(
        (units**2 if loss == "mse" else np.abs(units)).mean(), rel=1e-5
    )
    if outputs == 1:
        assert found["val/y/r2"] == pytest.approx(1 - (error**2).sum() / (total**2).sum(), abs=1e-5)
