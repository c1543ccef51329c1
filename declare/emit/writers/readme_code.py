"""Writes `README.md` and `requirements.txt` of a program."""

import ast
import re
import sys
from collections.abc import Iterable, Mapping
from importlib.metadata import requires

from declare.ir.plan import Plan

_PACKAGES = {"sklearn": "scikit-learn"}
"""Modules whose package has another name."""
_FILES = {
    "model.py": "the modules, wired",
    "data.py": "reading, splits, transforms, the order of samples",
    "losses.py": "losses and metrics",
    "train.py": "the phases as loops, evaluation, going on after a stop",
    "predict.py": "predictions for a split",
    "splits.json": "the rows of each split",
    "statistics.json": "means and deviations of the training split",
    "spec.yaml": "the spec that this was written from",
    "plan.json": "the spec with every default resolved",
}


def requirements(files: Mapping[str, str]) -> str:
    """Return the packages that files import, with our own lower bounds."""
    bounds = {
        re.split(r"[^\w-]", item, maxsplit=1)[0].lower(): item.partition(";")[0].strip()
        for item in requires("declare-trainer") or ()
    }
    names = {_PACKAGES.get(name, name) for name in _imports(files)}
    return "".join(f"{_lower_bound(bounds.get(name, name))}\n" for name in sorted(names))


def _lower_bound(requirement: str) -> str:
    """Return a requirement without extras and upper bounds."""
    name = re.split(r"[^\w-]", requirement, maxsplit=1)[0]
    bound = re.search(r">=\s*([\w.]+)", requirement)
    return f"{name}>={bound[1]}" if bound else name


def _imports(files: Mapping[str, str]) -> Iterable[str]:
    for name, text in files.items():
        for node in ast.walk(ast.parse(text)) if name.endswith(".py") else ():
            modules = [item.name for item in node.names] if isinstance(node, ast.Import) else []
            modules += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            for module in modules:
                top = module.partition(".")[0]
                if top not in sys.stdlib_module_names and f"{top}.py" not in files:
                    yield top


def readme(plan: Plan, names: Iterable[str], notes: Iterable[str]) -> str:
    """Return the page that describes the files and how to run them."""
    tasks = ", ".join(f"`{name}`" for name in plan.tasks)
    lines = [f"# {plan.name}", "", plan.description or f"A model for {tasks}, as plain PyTorch.", "", "```sh"]
    lines += ["pip install -r requirements.txt", "python train.py --run-dir runs/first"]
    lines += ["torchrun --nproc-per-node 2 train.py --run-dir runs/second"]
    lines += ["python predict.py --run-dir runs/first"] if "predict.py" in names else []
    lines += ["```", "", "| file | what it is |", "| --- | --- |"]
    lines += [f"| `{name}` | {what} |" for name, what in _FILES.items() if name in names]
    lines += [
        "",
        "`train.py` writes `weights.safetensors` and `metrics.json`; called again it continues where it was",
    ]
    lines += [
        "stopped. It computes on the CPU, and there gives the same weights as the spec's own run, bit for bit."
    ]
    for note in notes:
        lines += ["", note]
    return "\n".join(lines) + "\n"
