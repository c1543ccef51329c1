"""A mask must have one value for each sample, or one for each entry of the target, before and after transforms."""

from collections.abc import Iterator

from declare.contract.kinds.task import Task
from declare.contract.kinds.transform import Transform
from declare.contract.problem import Problem
from declare.contract.shapes import Shape
from declare.parsing.poison import contains_poison
from declare.rules.queries.fields import field_place
from declare.rules.spec_parts import LocatedBlock, get, target_facts, tasks
from declare.rules.spec_view import View

CODE = "DAT352"
STAGE = "facts"
_OF_TEXTS = frozenset({"tags", "tokens"})


def check(view: View) -> Iterator[Problem]:
    """Yield a problem for each mask whose shape is not a prefix of its target's."""
    for task in tasks(view):
        mask = get(task.block, "mask")
        for name, target in target_facts(view, task.block).items() if mask else ():
            facts = view.facts[name].fields.get(mask)
            if facts is None or facts.shape.layout != "valid":
                continue
            wide, whole = facts.shape.dims, target.shape.dims
            if wide and target.shape.layout in _OF_TEXTS:
                yield from _of_words(view, task, name, str(mask))
                continue
            if None not in wide and wide == whole[: len(wide)]:
                yield from _left_behind(view, task, name, (str(mask), facts.shape))
                continue
            yield Problem(
                CODE,
                f"mask `{mask}` is {facts.shape} but target `{task.block.target}` is {target.shape} in `{name}`",
                at=f"{task.path}.mask",
                label=f"{facts.shape}",
                also={field_place(view, name, str(task.block.target)): f"{target.shape}"},
                helps=("give the mask one value for each sample, or one for each entry of the target",),
            )


def _of_words(view: View, task: LocatedBlock[Task], dataset: str, mask: str) -> Iterator[Problem]:
    """Yield a problem for a mask with several values that are not aligned with the target's words."""
    target = str(task.block.target)
    blocks = view.facts[dataset].blocks
    text = blocks.get(target, {}).get("of")
    if text is not None and blocks.get(mask, {}).get("of") == text:
        return
    fix = f"state `of: {text}` on `{mask}`: its values are then aligned with the words" if text else None
    yield Problem(
        CODE,
        f"the values of mask `{mask}` are not aligned with the words of target `{target}`",
        at=f"{task.path}.mask",
        label="not aligned",
        also={field_place(view, dataset, mask): "several values for each sample"},
        helps=tuple(filter(None, (fix, "give the mask one value for each sample"))),
    )


def _left_behind(
    view: View, task: LocatedBlock[Task], dataset: str, mask: tuple[str, Shape]
) -> Iterator[Problem]:
    """Yield a problem for the first transform after which the entries of the target are others than the mask's."""
    (name, valid), target = mask, str(task.block.target)
    known = view.facts[dataset].fields
    shape = known[target].shape
    for index, transform in enumerate(get(view.spec, "datasets", dataset, "transforms") or ()):
        if not isinstance(transform, Transform) or contains_poison(transform):
            return
        if not valid.dims or target not in {transform.field, *(transform.fields or ())}:
            continue
        after = transform.resolve(known).infer(shape)
        if isinstance(after, Problem):
            return
        # Pixels move along the last two axes.
        moves = (transform.moves or transform.moves_alone) and len(valid.dims) > len(shape.dims) - 2
        if moves or after.dims[: len(valid.dims)] != valid.dims:
            yield Problem(
                CODE,
                f"`{transform.type_name()}` changes the entries of target `{target}`, but not those of mask `{name}`",
                at=f"{task.path}.mask",
                label=f"{valid}",
                also={f"datasets.{dataset}.transforms.{index}": f"{shape} becomes {after}"},
                helps=(
                    "give the mask one value for each sample",
                    "or change the target, and its mask, before the data are read",
                ),
            )
            return
        shape = after
