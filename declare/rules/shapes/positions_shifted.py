"""A class for each word needs one position of the head's output for each token of the text."""

from collections.abc import Iterator

from declare.contract.problem import Problem
from declare.rules.queries.fields import field_place, head_node
from declare.rules.spec_parts import get, task_datasets, tasks
from declare.rules.spec_view import View

CODE = "DAT357"
STAGE = "shapes"
_PER_TOKEN = frozenset({"tags", "tokens"})


def check(view: View) -> Iterator[Problem]:
    """Yield each task whose head gives more or fewer positions than its text has tokens."""
    for task in tasks(view):
        node = head_node(view, task.name)
        for dataset in task_datasets(view, task.block) if node is not None else ():
            target = str(get(task.block, "target"))
            facts = view.facts[dataset].fields.get(target) if dataset in view.facts else None
            if facts is None or facts.shape.layout not in _PER_TOKEN or node is None:
                continue
            text = str(view.facts[dataset].blocks[target].get("of") or target)
            length = view.facts[dataset].fields[text].shape.dims[0]
            given_length = next(iter(node.outputs_of(dataset).values())).dims[:1]
            if length is None or given_length in {(), (None,), (length,)}:
                continue
            yield Problem(
                CODE,
                f"the head of `{task.name}` gives {given_length[0]} positions, `{text}` has {length} tokens",
                at=f"{task.path}.head" if get(task.block, "head") is not None else task.path,
                label="not one position for each token",
                also={field_place(view, dataset, text): f"{length} tokens"},
                helps=(
                    "name an output with one position for each token, from modules that do not shorten the text",
                ),
            )
