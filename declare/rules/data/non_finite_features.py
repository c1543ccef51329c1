"""Inputs that are not finite turn the loss, and then every weight, into NaN."""

from __future__ import annotations

from collections.abc import Iterator

from declare.contract.problem import Problem
from declare.rules.fields import field_place, fields, input_fields, read_by
from declare.rules.parts import given, items, modules, named
from declare.rules.view import View

CODE = "DAT316"
STAGE = "shapes"

_HANDLERS = frozenset({"impute", "fill", "fill_missing", "clean"})
_MODULES = frozenset({"tabular"})


def check(view: View) -> Iterator[Problem]:
    """Yield each input field with NaN or infinite values that nothing on its way handles."""
    for dataset, name, facts in fields(view):
        if not facts.num_nonfinite or name not in input_fields(view, dataset):
            continue
        if _handled(view, dataset, name):
            continue
        readers = [module for module in modules(view) if name in read_by(view, module.name)]
        also = {readers[0].path + ".input": f"`{readers[0].name}` reads it"} if readers else {}
        yield Problem(
            CODE,
            f"input `{name}` of `{dataset}` has {facts.num_nonfinite} values that are NaN or infinite",
            at=field_place(view, dataset, name),
            label=f"{facts.num_nonfinite} values are not finite",
            also=also,
            helps=(
                f"add a transform that fills them: `{{type: impute, field: {name}}}`",
                "let a `tabular` module read the field: it learns what a gap means",
            ),
        )


def _handled(view: View, dataset: str, name: str) -> bool:
    for block in named(view.spec, "datasets"):
        for transform in items(block.block, block.path, "transforms") if block.name == dataset else ():
            touched = [given(transform.block, "field"), *(given(transform.block, "fields") or ())]
            if transform.block.type_name() in _HANDLERS and name in touched:
                return True
    readers = [module for module in modules(view) if name in read_by(view, module.name)]
    return bool(readers) and all(module.block.type_name() in _MODULES for module in readers)
