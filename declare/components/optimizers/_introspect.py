"""Reads the optimizers of the installed torch and timm: names, parameters and defaults.

Each listed optimizer has made steps on parameters of every rank, in groups with different learning rates, and
resumed from its saved state; those that cannot (second-order rules, kernels of other libraries) are left out.
Names of torch and of declare take precedence over timm's.
"""

import inspect
import warnings
from collections.abc import Iterator
from typing import Any

from declare.contract.torch_types import TorchOptimizer
from declare.parsing.lookup import own_names

_OURS = {"params", "lr", "weight_decay"}
_INNER = {"foreach", "maximize", "capturable", "differentiable", "fused", "verbose", "bias_correction_impl"}
_SECOND_ORDER = {"lbfgs", "sparseadam", "adahessian"}


def records() -> dict[str, dict[str, Any]]:
    """Return name -> {library, module, class, summary, weight_decay, parameters: {name: [type, default]}}.

    `weight_decay` is the library's default, null if the rule has none.
    """
    entries: dict[str, dict[str, Any]] = {}
    own_types = set(own_names("optimizers"))
    for library, name, rule, summary, preset in _rules():
        if name in entries or name in own_types or name in _SECOND_ORDER:
            continue
        parameters = _parameters(rule, preset)
        if _works(rule, preset):
            entries[name] = {
                "library": library,
                "module": rule.__module__,
                "class": rule.__name__,
                "summary": summary,
                "weight_decay": _decay(rule, preset),
                "parameters": parameters,
            }
    return entries


def _rules() -> Iterator[tuple[str, str, type[TorchOptimizer], str, dict[str, Any]]]:
    """Yield library, name, class, a one-line summary, and the arguments that the name implies."""
    import torch
    from timm.optim._optim_factory import get_optimizer_info, list_optimizers

    for name, rule in vars(torch.optim).items():
        if isinstance(rule, type) and issubclass(rule, torch.optim.Optimizer) and name != "Optimizer":
            yield "torch", name.lower(), rule, f"torch.optim.{name}.", {}
    for entry in list_optimizers():
        name = str(entry)
        info = get_optimizer_info(name)
        if isinstance(info.opt_class, type):
            summary = _ascii(info.description.rstrip(".")) + "."
            yield "timm", name, info.opt_class, summary, dict(info.defaults or {})


def _ascii(text: str) -> str:
    return text.replace("\u00b2", "^2").replace("\u03b2", "beta").encode("ascii", "ignore").decode()


def _parameters(rule: type[Any], preset: dict[str, Any]) -> dict[str, list[Any]]:
    """Return the parameters that a spec can state, with the kind of value and the default."""
    parameters = {}
    for name, parameter in inspect.signature(rule).parameters.items():
        if name in _OURS | _INNER or parameter.default is parameter.empty:
            continue
        default = preset.get(name, parameter.default)
        kind = _kind(default, str(parameter.annotation))
        if kind is not None:
            parameters[name] = [kind, list(default) if isinstance(default, tuple) else default]
    return parameters


def _decay(rule: type[Any], preset: dict[str, Any]) -> float | None:
    parameter = inspect.signature(rule).parameters.get("weight_decay")
    return None if parameter is None else float(preset.get("weight_decay", parameter.default))


def _kind(default: Any, annotation: str) -> str | None:
    """Return the kind of a parameter: a word, `numbers N` for tuples, with `?` if null is allowed."""
    if isinstance(default, tuple | list) and all(isinstance(item, int | float) for item in default):
        return f"numbers {len(default)}"
    if isinstance(default, bool):
        return "bool"
    if isinstance(default, str):
        return "str"
    optional = "?" if "None" in annotation or "Optional" in annotation else ""
    if isinstance(default, int | float):
        return ("int" if "int" in annotation and "float" not in annotation else "float") + optional
    if default is None:
        return next((f"{word}?" for word in ("float", "int", "bool", "str") if word in annotation), None)
    return None


def _works(rule: type[Any], preset: dict[str, Any]) -> bool:
    """Return whether the rule changes parameters of every rank to finite values, before and after a save."""
    import torch

    from declare.nn.optimizer_steps import step_and_resume

    matrix, vector = torch.nn.Parameter(torch.ones(4, 3)), torch.nn.Parameter(torch.ones(4))
    groups = [
        {"params": [matrix], "lr": 1e-3, "weight_decay": 0.01},
        {"params": [vector], "lr": 1e-3, "weight_decay": 0.0},
    ]
    try:
        with warnings.catch_warnings(), torch.compiler.set_stance("force_eager"):
            warnings.simplefilter("ignore")
            step_and_resume(lambda parameters: rule(parameters, lr=1e-3, **preset), 1e-3, 0.01)
            optimizer = rule(groups, lr=1e-3, **preset)
            for _ in range(3):
                optimizer.zero_grad()
                torch.autograd.backward(((matrix @ torch.arange(3.0) - vector) ** 2).sum())
                optimizer.step()
    except Exception:  # noqa: BLE001 - whatever the reason, it cannot be offered
        return False
    moved = bool((matrix != 1).any()) and bool((vector != 1).any())
    return moved and bool(torch.isfinite(matrix).all()) and bool(torch.isfinite(vector).all())
