"""Asks the installed torchmetrics for its metrics: what they take, which way is better, parameters and defaults.

Each one has given a single figure for random predictions; curves, confusion matrices and what needs further
inputs is left out, and so is what has a file of its own here.
"""

from __future__ import annotations

import inspect
import re
import warnings
from typing import Any

from declare.contract.lookup import own_names

_KINDS = {"Multiclass": "class_logits", "Multilabel": "label_logits"}
_INNER = {
    "num_classes",
    "num_labels",
    "num_outputs",
    "ignore_index",
    "validate_args",
    "sync_on_compute",
    "thresholds",
    "multidim_average",
}
_OURS = {
    "f1_score",
    "jaccard_index",
    "mean_absolute_error",
    "mean_squared_error",
    "normalized_root_mean_squared_error",
    "pearson_corrcoef",
    "r2_score",
    "spearman_corrcoef",
}
_MORE_IS_BETTER = {"specificity", "negative_predictive_value"}
"""torchmetrics leaves it open."""
_BOUNDS: dict[str, list[float | None]] = {
    "cohen_kappa": [-1.0, 1.0],
    "concordance_corrcoef": [-1.0, 1.0],
    "exact_match": [0.0, 1.0],
    "explained_variance": [None, 1.0],
    "hamming_distance": [0.0, 1.0],
    "matthews_corrcoef": [-1.0, 1.0],
    "negative_predictive_value": [0.0, 1.0],
    "ranking_average_precision": [0.0, 1.0],
    "specificity": [0.0, 1.0],
}
"""torchmetrics' own are those of its plots, and not always right; an error is at least 0."""


def records() -> dict[str, dict[str, Any]]:
    """Return name -> {classes, summary, mode, bounds, parameters: {name: [type, default]}}."""
    import torchmetrics.classification as classes
    import torchmetrics.regression as values

    found: dict[str, dict[str, Any]] = {}
    for kind, module in [("Multiclass", classes), ("Multilabel", classes), ("", values)]:
        for name in module.__all__:
            if name.startswith(kind):
                _add(found, getattr(module, name), snake(name.removeprefix(kind)), _KINDS.get(kind, "values"))
    return found


def _add(found: dict[str, dict[str, Any]], rule: Any, name: str, prediction: str) -> None:
    """Add a metric under its name, for one kind of prediction."""
    taken = {*own_names("metrics"), *_OURS}
    better = True if name in _MORE_IS_BETTER else rule.higher_is_better
    if name in taken or better is None or not _works(rule, prediction):
        return
    parameters = _parameters(rule)
    record = found.setdefault(
        name,
        {
            "classes": {},
            "summary": _summary(rule),
            "mode": "max" if better else "min",
            "bounds": _BOUNDS.get(name, [None if better else 0.0, None]),
            "parameters": parameters,
        },
    )
    record["classes"][prediction] = rule.__name__
    # A parameter counts only where every class behind the name has it.
    record["parameters"] = {key: value for key, value in record["parameters"].items() if key in parameters}


def snake(name: str) -> str:
    """Return a class name in words: `MatthewsCorrCoef` is `matthews_corrcoef`."""
    name = name.replace("CorrCoef", "Corrcoef").replace("FBeta", "Fbeta").replace("LogAUC", "LogAuc")
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def _summary(rule: Any) -> str:
    text = inspect.getdoc(rule) or rule.__name__
    first = re.sub(
        r"`+(?:\w+:)?~?([^`<]*?)\s*(?:<[^>]*>)?`+_?", r"\1", " ".join(text.partition("\n\n")[0].split())
    )
    first = re.sub(r"^(Compute|Computes|Calculate|Calculates|Calculating) (the )?", "", first)
    first = re.sub(r" for (multiclass|multilabel) tasks", "", first).split(". ")[0].rstrip(".:,")
    first = re.sub(r"\s*\[\d\]", "", first).encode("ascii", "ignore").decode()
    return f"{first[:1].upper()}{first[1:]}."


def _parameters(rule: Any) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for name, parameter in inspect.signature(rule).parameters.items():
        default = parameter.default
        if name in _INNER or default is parameter.empty:
            continue
        if isinstance(default, bool | str):
            found[name] = [type(default).__name__, default]
        elif isinstance(default, int | float):
            kind = "float" if "float" in str(parameter.annotation) else "int"
            found[name] = [kind, default]
    return found


def _works(rule: Any, prediction: str) -> bool:
    """Whether the metric gives one finite figure."""
    import torch

    generator = torch.Generator().manual_seed(0)
    probability = torch.rand(20, 3, generator=generator)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if prediction == "values":
                metric, inputs = rule(), (probability[:, 0], probability[:, 1])
            elif prediction == "class_logits":
                metric = rule(num_classes=3, ignore_index=-1)
                inputs = (probability.softmax(1), torch.randint(0, 3, (20,), generator=generator))
            else:
                metric = rule(num_labels=3, ignore_index=-1)
                inputs = (probability, torch.randint(0, 2, (20, 3), generator=generator))
            metric.update(*inputs)
            value = metric.compute()
    except Exception:  # noqa: BLE001 - whatever the reason, it cannot be offered
        return False
    return isinstance(value, torch.Tensor) and value.numel() == 1 and bool(torch.isfinite(value).all())
