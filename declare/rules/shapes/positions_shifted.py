"""A class for each word needs one output position of the head for each token of the text."""

from collections.abc import Iterator

from declare.contract.kinds.task import Task
from declare.contract.problem import Problem
from declare.ir.plan import ModulePlan
from declare.rules.queries.fields import field_place, head_node
from declare.rules.queries.sample_lengths import lengths_on_the_way, spans
from declare.rules.spec_parts import LocatedBlock, get, task_datasets, tasks
from declare.rules.spec_view import View

CODE = "DAT357"
STAGE = "shapes"
_PER_TOKEN = frozenset({"tags", "tokens"})


def check(view: View) -> Iterator[Problem]:
    """Yield a problem for each task whose head gives more or fewer positions than its text has tokens."""
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
            shifted = length is not None and given_length not in {(), (None,), (length,)}
            if facts.shape.layout == "tags" and not shifted and not _reads_text(view, node, dataset, text):
                yield _other_text_problem(view, task, dataset, text)
            if not shifted:
                continue
            yield Problem(
                CODE,
                (
                    f"the head of `{task.name}` gives {given_length[0]} positions, but `{text}` has "
                    f"{length} tokens"
                ),
                at=f"{task.path}.head" if get(task.block, "head") is not None else task.path,
                label="not one position for each token",
                also={field_place(view, dataset, text): f"{length} tokens"},
                helps=(
                    (
                        "use an output with one position for each token, from modules that do not shorten "
                        "the text"
                    ),
                ),
            )


def _reads_text(view: View, node: ModulePlan, dataset: str, text: str) -> bool:
    """Return whether the steps of a head's output are the tokens of a text, as far as that is known."""
    expected = spans(view, dataset).get(text)
    visit = next(
        (item for name, item in lengths_on_the_way(view) if name == dataset and item.node is node), None
    )
    if expected is None:
        return True
    if visit is None:
        return False
    span = next(iter(visit.outputs.values()))
    return span is None or (span.field == text and span.counts == expected.counts)


def _other_text_problem(view: View, task: LocatedBlock[Task], dataset: str, text: str) -> Problem:
    return Problem(
        CODE,
        f"the head of `{task.name}` does not give one position for each token of `{text}`",
        at=f"{task.path}.head" if get(task.block, "head") is not None else task.path,
        label=f"reads other steps than those of `{text}`",
        also={field_place(view, dataset, text): "the classes are of these words"},
        helps=(f"name an output with one position for each token of `{text}`",),
    )
