"""Truncated texts lose their tokens after `max_length`."""

from collections.abc import Iterator

from declare.contract.problem import Problem
from declare.rules.queries.fields import field_place, fields
from declare.rules.spec_parts import get, task_datasets, tasks
from declare.rules.spec_view import View

CODE = "DAT366"
STAGE = "facts"
_SHARE = 0.1
_LOSING = frozenset({"cut", "tail"})


def check(view: View) -> Iterator[Problem]:
    """Yield a problem for each text field of which at least a tenth of the training texts are truncated."""
    for dataset, name, facts in fields(view):
        block = view.facts[dataset].blocks.get(name, {})
        tokens = facts.extra.get("tokens", {})
        train = view.facts[dataset].splits.get("train", 0)
        overlong = tokens.get("overlong", 0)
        if block.get("overlong") not in _LOSING or not train or overlong < _SHARE * train:
            continue
        length, longest = facts.shape.dims[0], tokens["longest"]
        yield Problem(
            CODE,
            f"{overlong / train:.0%} of the texts of `{name}` are truncated to {length} tokens",
            at=field_place(view, dataset, name),
            label=f"the longest has {longest}",
            notes=_notes(view, dataset, name),
            helps=(f"raise `max_length` up to {longest}", *_instead(str(block["overlong"]))),
        )


def _instead(overlong: str) -> tuple[str, ...]:
    return ("or state `overlong: tail` to keep the ends",) if overlong == "cut" else ()


def _notes(view: View, dataset: str, name: str) -> tuple[str, ...]:
    """Return a note if a text is generated from a truncated one, so that the pair no longer matches."""
    for task in tasks(view):
        written = get(task.block, "target")
        if task.block.generates and not task.block.prompted and dataset in task_datasets(view, task.block):
            other = f"`{written}` is not truncated" if written != name else "its input is not truncated"
            return (f"task `{task.name}` learns from pairs: {other}",)
    return ()
