"""Pretrained image models expect images normalised like their pretraining data."""

from collections.abc import Iterator

from declare.contract.kinds.module import Module
from declare.contract.problem import Problem
from declare.rules.queries.fields import field_place, read_by
from declare.rules.spec_parts import LocatedBlock, datasets, get, items, modules, task_datasets, tasks
from declare.rules.spec_view import View

CODE = "SHP509"
STAGE = "shapes"


def check(view: View) -> Iterator[Problem]:
    """Yield a problem for each image field that a pretrained model reads without normalisation."""
    used = {name for task in tasks(view) for name in task_datasets(view, task.block)}
    for module in modules(view):
        if not module.block.expects_normalised or not get(module.block, "pretrained"):
            continue
        for dataset in datasets(view):
            for name in read_by(view, module.name) if dataset.name in used else ():
                shape = view.shapes.get(dataset.name, {}).get(name)
                scaled = any(
                    item.block.normalises
                    and name in (get(item.block, "field"), *(get(item.block, "fields") or ()))
                    for item in items(dataset.block, dataset.path, "transforms")
                )
                if shape is not None and shape.layout == "image" and not scaled:
                    yield _problem(view, module, dataset.name, name)


def _problem(view: View, module: LocatedBlock[Module], dataset: str, field: str) -> Problem:
    return Problem(
        CODE,
        f"pretrained `{module.name}` reads `{field}` of `{dataset}` without normalisation",
        at=f"{module.path}.pretrained",
        label="weights expect normalised images",
        also={field_place(view, dataset, field): "values as stored"},
        helps=(
            f"add `{{type: normalize, field: {field}, mean: [...], std: [...]}}` to its transforms",
            "take mean and std from the page of the weights",
        ),
    )
