"""Components of a kind that fit a kind of prediction; imports the whole folder, so only for messages."""

from declare.contract.component import Component
from declare.contract.kinds.loss import Loss
from declare.contract.kinds.metric import Metric
from declare.contract.kinds.task import Task
from declare.parsing.lookup import find, own_names


def compatible_names(kind: str, prediction: str) -> list[str]:
    """Return the names of the losses or metrics that accept `prediction`, or of the tasks that produce it."""
    names = []
    for name in own_names(kind):
        cls = find(kind, name)
        if cls is not None and not cls.trusted_only and prediction in _predictions(cls):
            names.append(name)
    return names


def _predictions(cls: type[Component]) -> frozenset[str]:
    """Return the kinds of prediction that a loss or metric accepts, or a task produces."""
    if issubclass(cls, Loss | Metric):
        return cls.takes
    return frozenset({cls.prediction}) if issubclass(cls, Task) else frozenset()


def join_words(names: list[str], last: str = "or") -> str:
    """Return names as a list in words: "`a`, `b` or `c`"."""
    quoted = [f"`{name}`" for name in names]
    return (
        quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])} {last} {quoted[-1]}" if quoted else ""
    )
