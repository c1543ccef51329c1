"""`contrastive`: similar embeddings for samples of one group, different ones for other groups."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

from pydantic import Field as Param

from declare.contract.facts import FieldFacts
from declare.contract.kinds.field import Pairing
from declare.contract.kinds.task import Target, Task, TaskAdapter
from declare.contract.prediction import Prediction
from declare.contract.problem import Problem
from declare.contract.shapes import Dim, Layout, Shape


class Contrastive(Task):
    """Learns an embedding in which samples of the same group are close, such as one stimulus seen by two subjects.

    It has no target. Samples that agree in all fields of `same` and differ in `different` are positives of
    each other; if neither is stated, the pairs of the `pairs` sampler of a phase that trains the task are
    used. Samples with a missing group are ignored. A task has one dataset, since groups of two datasets
    cannot be compared.

    ```yaml
    tasks:
      movie: {type: contrastive, dataset: hbn, same: [movie, stamp], different: subject}
    ```
    """

    also_called: ClassVar[tuple[str, ...]] = ("simclr", "contrastive_learning", "clip")

    targets: ClassVar[tuple[Layout, ...]] = ()
    prediction: ClassVar[Prediction] = "embedding"
    fewest_rows: ClassVar[int] = 3  # a pair, and a sample to distinguish it from
    default_head: ClassVar[str] = "projection"
    default_loss: ClassVar[str] = "info_nce"
    default_metrics: ClassVar[tuple[str, ...]] = ("alignment", "uniformity", "isc", "retrieval")

    same: list[str] | None = Param(
        None, min_length=1, description="fields in which positives agree; default: those of the sampler"
    )
    different: str | None = Param(
        None, description="a field in which positives differ; default: that of the sampler"
    )

    def check(self) -> Iterable[Problem]:
        """Yield a problem for several datasets, or for fields that contradict each other."""
        if self.datasets is not None and len(self.datasets) > 1:
            title = f"`contrastive` learns from one dataset, not from {len(self.datasets)}"
            helps = ("use one task for each dataset; they can share a head",)
            yield Problem("LOS425", title, at="datasets", label="groups cannot be compared", helps=helps)
        if self.different is not None and self.different in (self.same or ()):
            title = "positives must agree in `same` and differ in `different`, but the two contradict"
            yield Problem("LOS425", title, at="same", helps=("use other fields",))

    def drawn_by(self, samplers: Sequence[Any]) -> Task | Problem:
        """Return the task with the positives of the phase's `pairs` sampler, if it states none."""
        if self.same is not None:
            return self
        paired = [pairing for sampler in samplers if (pairing := sampler.pairing()) is not None]
        if paired:
            return self.model_copy(update={"same": list(paired[0][0]), "different": paired[0][1]})
        return Problem(
            "LOS425",
            "`contrastive` needs to know which samples are positives",
            on="key",
            label="neither `same` nor a `pairs` sampler",
            helps=(
                "add `sampler: {type: pairs, same: [...], different: ...}` to its phase",
                "or state `same: [...]` in the task",
            ),
        )

    def pairing(self) -> Pairing | None:
        """Return the fields in which positives agree and differ."""
        return (tuple(self.same), self.different) if isinstance(self.same, list) else None

    def fields(self) -> tuple[str, ...]:
        """Return the fields that define groups."""
        return (*(self.same or ()), *((self.different,) if self.different else ()))

    def link(self, facts: Mapping[str, FieldFacts]) -> Target | Problem:
        """Return a target of an embedding, whose width the head defines."""
        return Target(prediction=self.prediction, output=Shape("vector", (None,)))

    def target_dims(self, shape: Shape) -> tuple[Dim, ...]:
        """Return that the target of a sample is its group and its origin."""
        return (2,)

    def build(self, target: Target) -> TaskAdapter:
        """Return the adapter."""
        from declare.nn.tasks.contrastive import Contrastive as Real

        return Real(same=self.same or (), different=self.different)
