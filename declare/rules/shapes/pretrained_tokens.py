"""Pretrained weights of a language model belong to the tokenizer that they were trained with."""

from collections.abc import Iterator

from declare.contract.problem import Problem
from declare.rules.queries.fields import field_place, read_by
from declare.rules.spec_parts import datasets, get, modules
from declare.rules.spec_view import View

CODE = "SHP545"
STAGE = "shapes"


def check(view: View) -> Iterator[Problem]:
    """Yield a problem for each text that a pretrained model reads by a tokenizer that is trained on this data."""
    for module in modules(view):
        if get(module.block, "pretrained") is not True:
            continue
        for dataset in datasets(view):
            for name in sorted(read_by(view, module.name)):
                shape = view.shapes.get(dataset.name, {}).get(name)
                tokenizer = get(dataset.block, "fields", name, "tokenizer")
                if (
                    shape is None
                    or shape.layout != "tokens"
                    or tokenizer is None
                    or tokenizer.brings_vocabulary
                ):
                    continue
                yield Problem(
                    CODE,
                    f"pretrained `{module.name}` reads `{name[:20]}` by a tokenizer of other tokens",
                    at=f"{field_place(view, dataset.name, name)}.tokenizer",
                    label="its ids are other tokens in the weights",
                    also={f"{module.path}.pretrained": "weights for the tokens of this model"},
                    helps=("use the model's own tokenizer: `tokenizer: {type: file, path: FOLDER}`",),
                )
