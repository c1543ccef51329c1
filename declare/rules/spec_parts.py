"""The readable parts of a spec; unreadable ones are left out, so that no rule reports on them."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Generic, NamedTuple, TypeVar

from declare.contract.facts import FieldFacts
from declare.contract.kinds.loss import Loss
from declare.contract.kinds.metric import Metric, by_metric_name
from declare.contract.kinds.module import Module
from declare.contract.kinds.task import Task
from declare.language.spec import Dataset, Phase
from declare.parsing.lookup import find
from declare.parsing.poison import POISON
from declare.rules.spec_view import SpecView, View

Block = TypeVar("Block")


class LocatedBlock(NamedTuple, Generic[Block]):
    """A block of the spec with its path and its name."""

    path: str
    name: str
    block: Block


def get(block: Any, *names: str | int) -> Any:
    """Return the value at `names` inside `block`; None if it is absent or unreadable."""
    for name in names:
        if block is None or block is POISON:
            return None
        if isinstance(block, Mapping):
            block = block.get(name)
        elif isinstance(block, list | tuple):
            block = block[name] if isinstance(name, int) and name < len(block) else None
        else:
            block = getattr(block, str(name), None)
    return None if block is POISON else block


def is_unreadable(block: Any, *names: str) -> bool:
    """Return whether one of the values is unreadable, so that rules must not combine them."""
    return block is POISON or any(getattr(block, name, None) is POISON for name in names)


def blocks_of(spec: Any, section: str) -> Iterator[LocatedBlock[Any]]:
    """Yield the readable blocks of a top-level section that maps names to blocks."""
    for name, block in (get(spec, section) or {}).items():
        if block is not POISON:
            yield LocatedBlock(f"{section}.{name}", name, block)


def items(parent: Any, path: str, name: str) -> Iterator[LocatedBlock[Any]]:
    """Yield the readable items of a list, or the single block in its place."""
    value = get(parent, name)
    if isinstance(value, list | tuple):
        entries: Iterable[tuple[str, Any]] = ((f"{path}.{name}.{i}", item) for i, item in enumerate(value))
    else:
        entries = [(f"{path}.{name}", value)]
    yield from (
        LocatedBlock(where, name, item) for where, item in entries if item is not None and item is not POISON
    )


def datasets(view: SpecView) -> Iterator[LocatedBlock[Dataset]]:
    """Yield the datasets."""
    return blocks_of(view.spec, "datasets")


def modules(view: SpecView) -> Iterator[LocatedBlock[Module]]:
    """Yield the modules of the model."""
    return blocks_of(view.spec, "model")


def tasks(view: SpecView) -> Iterator[LocatedBlock[Task]]:
    """Yield the tasks."""
    return blocks_of(view.spec, "tasks")


def tasks_in_part(view: SpecView) -> Iterator[LocatedBlock[Task]]:
    """Yield the tasks, including what is known of those with an unknown type."""
    yield from tasks(view)
    for path, block in view.untyped.items():
        section, _, name = path.partition(".")
        if section == "tasks" and name in (get(view.spec, "tasks") or {}) and isinstance(block, Task):
            yield LocatedBlock(path, name, block)


def phases(view: SpecView) -> Iterator[LocatedBlock[Phase]]:
    """Yield the phases in the order in which they run."""
    return blocks_of(view.spec, "phases")


def dataset_names(view: SpecView) -> tuple[str, ...]:
    """Return every dataset's name, including unreadable ones."""
    return tuple(get(view.spec, "datasets") or {})


def task_names(view: SpecView) -> tuple[str, ...]:
    """Return every task's name, including unreadable ones."""
    return tuple(get(view.spec, "tasks") or {})


def task_datasets(view: SpecView, task: Task) -> tuple[str, ...]:
    """Return the existing datasets of a task; the only dataset if it names none."""
    if is_unreadable(task, "dataset", "datasets"):
        return ()
    known = dataset_names(view)
    stated = [task.dataset] if task.dataset else task.datasets
    if stated is None:
        return known if len(known) == 1 or task.everywhere else ()
    return tuple(name for name in stated if name in known)


def may_be_per_dataset(view: SpecView, task: str) -> bool:
    """Return whether a task's head is, or may be (if unreadable), one for each dataset."""
    block = get(view.spec, "tasks", task)
    head = None if block is None else block.head
    if head is POISON:
        head = view.untyped.get(f"tasks.{task}.head", POISON)
    if isinstance(head, str):
        return head not in task_names(view) and find("heads", head) is None
    return head is POISON or (head is not None and head.per_dataset in {True, POISON})


def has_own_heads(view: SpecView, task: LocatedBlock[Task]) -> bool:
    """Return whether a task has a head for each of several datasets, as far as that can be read."""
    head: Any = task.block.head
    for _ in task_names(view):
        if isinstance(head, str) and head in task_names(view):
            head = get(view.spec, "tasks", head, "head")
    if head is POISON or isinstance(head, str | None):
        return False
    return head.per_dataset is True and len(task_datasets(view, task.block)) > 1


def dataset_place(task: LocatedBlock[Task], dataset: str) -> str:
    """Return the path where a task names a dataset."""
    stated = task.block.datasets
    if task.block.dataset is None and stated and dataset in stated:
        return f"{task.path}.datasets.{stated.index(dataset)}"
    return f"{task.path}.dataset" if task.block.dataset else task.path


def target_facts(view: View, task: Task) -> dict[str, FieldFacts]:
    """Return the facts of a task's target by dataset, for readable data."""
    field = get(task, "target")
    facts = {name: view.facts[name] for name in task_datasets(view, task) if name in view.facts}
    return {name: data.fields[field] for name, data in facts.items() if field in data.fields}


def losses(task: LocatedBlock[Task]) -> list[LocatedBlock[Loss]]:
    """Return the losses that a task states."""
    return list(items(task.block, task.path, "loss"))


def type_place(part: LocatedBlock[Any]) -> str:
    """Return the path of a component's type: its `type`, or the name that replaces its block."""
    return f"{part.path}.type" if part.block.model_fields_set else part.path


def metrics(task: LocatedBlock[Task]) -> list[LocatedBlock[Metric]]:
    """Return the metrics that a task states."""
    return list(items(task.block, task.path, "metrics"))


def metric_classes(task: Task) -> dict[str, type[Metric]] | None:
    """Return a task's metrics by name, stated or by default; None if some are unreadable."""
    if is_unreadable(task, "metrics") or any(is_unreadable(item) for item in task.metrics or ()):
        return None
    if task.metrics is not None:
        return {name: type(metric) for name, metric in by_metric_name(task.metrics).items()}
    classes = {name: find("metrics", name) for name in task.default_metrics}
    return {name: cls for name, cls in classes.items() if cls is not None and issubclass(cls, Metric)}


def number_duplicates(items: Iterable[tuple[str, Block]]) -> dict[str, Block]:
    """Return items by name; a second one of a name gets a number: `f1`, `f1_2`."""
    by_name: dict[str, Block] = {}
    seen: dict[str, int] = {}
    for name, item in items:
        seen[name] = seen.get(name, 0) + 1
        by_name[name if seen[name] == 1 else f"{name}_{seen[name]}"] = item
    return by_name


def phase_tasks(view: SpecView, phase: Phase) -> dict[str, float] | None:
    """Return the existing tasks that a phase trains, with weights; None if unreadable."""
    if is_unreadable(phase, "tasks"):
        return None
    known = {task.name: get(task.block, "weight") for task in tasks(view)}
    stated = phase.tasks
    if stated is None:
        return {name: 1.0 if weight is None else weight for name, weight in known.items()}
    if isinstance(stated, dict):
        return {
            name: weight for name, weight in stated.items() if name in known and not is_unreadable(weight)
        }
    return {name: 1.0 if known[name] is None else known[name] for name in stated if name in known}


def phase_datasets(view: SpecView, phase: Phase) -> tuple[str, ...]:
    """Return the datasets that a phase trains on, in the order of the spec; none if some are unknown."""
    trained = trained_blocks(view, phase)
    if trained is None:
        return ()
    used: set[str] = set()
    for block in trained:
        names = task_datasets(view, block) if block is not None else ()
        unclear = (
            block is None or is_unreadable(block, "dataset", "datasets") or block.dataset or block.datasets
        )
        if not names and unclear:
            names = dataset_names(view)
            if len(names) != 1:
                return ()
        used |= set(names)
    return tuple(name for name in dataset_names(view) if name in used)


def trained_blocks(view: SpecView, phase: Phase) -> list[Any] | None:
    """Return the tasks that a phase trains; unreadable ones as what is known of them, or None.

    None if the tasks themselves are unreadable.
    """
    known, stated = get(view.spec, "tasks"), get(phase, "tasks")
    if known is None or is_unreadable(phase, "tasks"):
        return None
    names = list(known) if stated is None else [name for name in stated if name is not POISON]
    if len(names) < len(stated or ()) or any(name not in known for name in names):
        return None
    blocks = ((known[name], view.untyped.get(f"tasks.{name}")) for name in names)
    return [partial if block is POISON else block for block, partial in blocks]
