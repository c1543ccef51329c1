"""Components of resolved blocks: the one place that reads again what a plan or the facts hold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, overload

from declare.parsing.parser import parse
from declare.system import secrets

if TYPE_CHECKING:
    from declare.contract.component import Component
    from declare.contract.kinds.augment import Augment
    from declare.contract.kinds.balance import Balance
    from declare.contract.kinds.field import Field
    from declare.contract.kinds.loss import Loss
    from declare.contract.kinds.metric import Metric
    from declare.contract.kinds.mix import Mix
    from declare.contract.kinds.module import Head, Module, Node
    from declare.contract.kinds.optimizer import Optimizer
    from declare.contract.kinds.probe import Probe
    from declare.contract.kinds.regularizer import Regularizer
    from declare.contract.kinds.sampler import Sampler
    from declare.contract.kinds.schedule import Schedule
    from declare.contract.kinds.source import Source
    from declare.contract.kinds.task import Task
    from declare.contract.kinds.tokenizer import Tokenizer
    from declare.contract.kinds.tracker import Tracker
    from declare.contract.kinds.transform import Transform

Block = Mapping[str, Any] | str
_MOST = 1024
_KNOWN: dict[tuple[str, str], Component] = {}


@overload
def read_component(kind: Literal["augments"], block: Block) -> Augment: ...
@overload
def read_component(kind: Literal["balances"], block: Block) -> Balance: ...
@overload
def read_component(kind: Literal["fields"], block: Block) -> Field: ...
@overload
def read_component(kind: Literal["heads"], block: Block) -> Head: ...
@overload
def read_component(kind: Literal["losses"], block: Block) -> Loss: ...
@overload
def read_component(kind: Literal["metrics"], block: Block) -> Metric: ...
@overload
def read_component(kind: Literal["mixes"], block: Block) -> Mix: ...
@overload
def read_component(kind: Literal["modules"], block: Block) -> Module: ...
@overload
def read_component(kind: Literal["optimizers"], block: Block) -> Optimizer: ...
@overload
def read_component(kind: Literal["probes"], block: Block) -> Probe: ...
@overload
def read_component(kind: Literal["regularizers"], block: Block) -> Regularizer: ...
@overload
def read_component(kind: Literal["samplers"], block: Block) -> Sampler: ...
@overload
def read_component(kind: Literal["schedules"], block: Block) -> Schedule: ...
@overload
def read_component(kind: Literal["sources"], block: Block) -> Source: ...
@overload
def read_component(kind: Literal["tasks"], block: Block) -> Task: ...
@overload
def read_component(kind: Literal["tokenizers"], block: Block) -> Tokenizer: ...
@overload
def read_component(kind: Literal["trackers"], block: Block) -> Tracker: ...
@overload
def read_component(kind: Literal["transforms"], block: Block) -> Transform: ...
@overload
def read_component(kind: Literal["heads", "modules"], block: Block) -> Node: ...
@overload
def read_component(kind: str, block: Block) -> Component: ...
def read_component(kind: str, block: Block) -> Any:
    """Return the component of a resolved block (a component is frozen: equal blocks share one).

    Raises `ProblemError` for a block of a plan that was changed.
    """
    key = (kind, repr(secrets.reveal(block)))
    component = _KNOWN.get(key)
    if component is None:
        component = parse(kind, block)
        if len(_KNOWN) >= _MOST:
            _KNOWN.clear()
        _KNOWN[key] = component
    return component
