"""Parts of one file or recording in two splits make validation look better than it is."""

from collections.abc import Iterator

from declare.contract.problem import Problem
from declare.rules.spec_parts import datasets, is_unreadable, task_datasets, tasks
from declare.rules.spec_view import View

CODE = "DAT338"
STAGE = "facts"


def check(view: View) -> Iterator[Problem]:
    """Yield a problem for each dataset with a file or recording of which samples are in training and elsewhere."""
    used = {name for task in tasks(view) for name in task_datasets(view, task.block)}
    for dataset in datasets(view):
        facts = view.facts.get(dataset.name)
        items = facts.split_items if facts else {}
        if not items or dataset.name not in used or is_unreadable(dataset.block, "split"):
            continue
        column, stated = items["column"], "split" in dataset.block.model_fields_set
        helps = (
            f"state the field `{column}: {{type: id}}` beside the others, and `split.by: {column}`"
            if column
            else "add a column with the name of the recording, read it as `type: id`, and state it as `split.by`"
        )
        yield Problem(
            CODE,
            f"{items['shared']} of {items['number']} {'files' if column == 'file' else 'sequences'} "
            "are divided between training and another split",
            at=f"{dataset.path}.split" if stated else dataset.path,
            on="value" if stated else "key",
            label="may separate parts of one recording",
            notes=(f"samples of `{items['first'][-40:]}` are in both",),
            helps=(helps,),
        )
