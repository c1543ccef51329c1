"""A mask must have one value for each sample, or one for each entry of the target."""

from collections.abc import Iterator

from declare.contract.kinds.task import Task
from declare.contract.problem import Problem
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
