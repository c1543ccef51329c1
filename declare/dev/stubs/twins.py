"""The plain PyTorch of a new component: the file in `declare/nn`, and how `build` uses it."""

from typing import NamedTuple


class Twin(NamedTuple):
    """The text of the file and the last lines of `build`; `CLASS` and `NAME` are the component's.

    `METHODS` are those of the protocol `protocol` in the kind's contract.
    """

    text: str
    build: str = "\nreturn Real()"
    protocol: str = ""


_HEAD = '"""`NAME` in plain PyTorch; say the shapes."""\n\n'
_DOC = '    """Say what it computes, its shapes and its source."""\n\n'
_OPEN = "        raise NotImplementedError\n"


def _method(signature: str, doc: str) -> str:
    return f'    def {signature}:\n        """{doc}"""\n{_OPEN}'


def _module(imports: str, *methods: tuple[str, str], base: str = "nn.Module", build: str = "") -> Twin:
    body = "\n".join(_method(*method) for method in methods)
    text = f"{_HEAD}{imports}\n\n\nclass CLASS({base}):\n{_DOC}{body}"
    return Twin(text, f"\n{build or 'return Real()'}")


_TENSORS = "from torch import Tensor, nn"
_TASK = (
    f"{_HEAD}from collections.abc import Mapping\n\nimport torch\n{_TENSORS}\n\n\nclass CLASS:\n{_DOC}"
    "    module: nn.Module | None = None\n\n"
    "    def __init__(self, *, target: str) -> None:\n        self._target = target\n\nMETHODS"
)
_METRIC = (
    _HEAD + "from torch import Tensor\n\nfrom declare.nn.metrics.metric import Accumulator\n\n\n"
    "class CLASS(Accumulator):\n"
    + _DOC
    + '    key = "NAME"\n\n'
    + _method("sums(self, prediction: Tensor, target: Tensor) -> Tensor", "Return the sums of a batch.")
    + '\n\ndef metric_of_sums(sums: Tensor) -> Tensor:\n    """Return the metric, a scalar."""\n'
    "    raise NotImplementedError\n"
)

TWINS: dict[str, Twin] = {
    "augments": _module(
        "from collections.abc import Mapping\n\nfrom torch import Generator, Tensor, nn",
        (
            "forward(self, fields: Mapping[str, Tensor], generator: Generator | None = None) -> dict[str, Tensor]",
            "Return the fields of a batch, changed.",
        ),
    ),
    "balances": _module(
        "from torch import Tensor\n\nfrom declare.nn.balances.balance import Balance",
        ("factors(self) -> Tensor | None", "Return the current factor of each task; None means 1."),
        base="Balance",
        build="return Real(task_indices, loss_weights, num_tasks)",
    ),
    "heads": _module(_TENSORS, ("forward(self, values: Tensor) -> Tensor", "Return what the target needs.")),
    "losses": _module(
        "from torch import Tensor\n\nfrom declare.nn.losses.summed_loss import SummedLoss",
        (
            "forward(self, output: Tensor, target: Tensor) -> tuple[Tensor, Tensor | int]",
            "Return (sum, weight).",
        ),
        ("count(self, target: Tensor) -> Tensor | int", "Return the weight, known from the target alone."),
        base="SummedLoss",
    ),
    "metrics": Twin(
        _METRIC,
        "from declare.nn.metrics.metric import AccumulatedMetric\n"
        "from declare.nn.metrics.NAME import metric_of_sums\n\n"
        "return AccumulatedMetric(Real(), metric_of_sums)",
    ),
    "modules": _module(_TENSORS, ("forward(self, values: Tensor) -> Tensor", "Return the output.")),
    "probes": _module(
        "from collections.abc import Callable\n\n" + _TENSORS,
        (
            "fit(self, features: Tensor, loss: Callable[[Tensor], Tensor]) -> None",
            "Learn from features [N, width]; draws nothing.",
        ),
        ("forward(self, features: Tensor) -> Tensor", "Return the output for features [N, width]."),
    ),
    "regularizers": _module(
        "from collections.abc import Sequence\n\n" + _TENSORS,
        ("forward(self, parameters: Sequence[Tensor]) -> Tensor", "Return the unweighted penalty, a scalar."),
    ),
    "tasks": Twin(_TASK, '\nreturn Real(target=self.target or "")', protocol="TaskAdapter"),
}
