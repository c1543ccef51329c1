"""Every name of every library list: it works once, its state is saved, and it goes on from what was loaded."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import pytest
import torch

from declare.components.optimizers._library import TABLE as OPTIMIZERS
from declare.components.transforms._library import TABLE as TRANSFORMS
from declare.contract.component import Component
from declare.contract.problem import Problem
from declare.contract.shapes import Shape
from declare.nn import state_tree
from declare.nn.optimizer_steps import step_and_resume
from declare.parsing import parser
from declare.parsing.lookup import find, kinds, names, names_of_libraries, own_names

IMAGES = (
    Shape("image", (3, 64, 48), "uint8"),
    Shape("image", (1, 64, 48), "uint8"),
    Shape("video", (3, 2, 64, 48), "uint8"),
    Shape("mask", (64, 48), "int64", 3),
    Shape("image", (3, 64, 48)),
)


def samples(component: Component) -> Iterator[Any]:
    """Yield samples of each sort that the component takes."""
    if component.kind() == "optimizers":
        yield None
        return
    assert component.kind() == "transforms", "say here what parts of another kind are tried on"
    for shape in IMAGES:
        if not isinstance(component.infer(shape), Problem):  # type: ignore[attr-defined]
            yield list(shape)


def block(kind: str, name: str) -> dict[str, Any]:
    """Return a block with what the name needs alone."""
    record = getattr(find(kind, name), "record", {})
    needed = {"lr": 1e-2} if kind == "optimizers" else {"field": "image"} | record["example"]
    return {"type": name} | needed


@pytest.mark.filterwarnings("ignore:It is highly recommended to have 'opt_einsum'")
@pytest.mark.parametrize(
    ("kind", "name"), [(kind, name) for kind in kinds() for name in names_of_libraries(kind)]
)
def test_every_name_works(kind: str, name: str) -> None:
    """With the parameters that it must have and the library's own defaults, on all that it takes."""
    component = parser.parse(kind, block(kind, name))
    tried = list(samples(component))
    assert tried
    for sample in tried:
        component.try_out(sample)


@pytest.mark.parametrize("name", own_names("optimizers"))
def test_own_optimizers_work_too(name: str) -> None:
    """They step, save and resume as those of libraries do."""
    optimizer: Any = parser.parse("optimizers", {"type": name, "lr": 1e-2})
    step_and_resume(optimizer.build, 1e-2, 0.0)


def test_every_optimizer_has_been_tried() -> None:
    """What is asked of a table for its default parameters is what the test above does."""
    for name in names("optimizers"):
        component = parser.parse("optimizers", {"type": name, "lr": 1e-2})
        assert component.is_proven(None)


class Unsavable(torch.optim.SGD):
    def __init__(self, groups: Any) -> None:
        super().__init__(groups)
        self.param_groups[0]["device"] = torch.device("cpu")


class Exploding(torch.optim.SGD):
    def step(self, closure: Any = None) -> None:
        super().step()
        with torch.no_grad():
            self.param_groups[0]["params"][0].fill_(float("nan"))


@pytest.mark.parametrize(
    ("rule", "error", "says"), [(Unsavable, TypeError, "checkpoint"), (Exploding, ValueError, "finite")]
)
def test_a_rule_that_does_not_work_fails(rule: Any, error: type[Exception], says: str) -> None:
    """A state that no checkpoint can hold, weights that are no numbers."""
    with pytest.raises(error, match=says):
        step_and_resume(rule, 1e-2, 0.0)


def test_types_are_saved() -> None:
    """A dtype among an optimizer's settings comes back as it was."""
    tensors, skeleton = state_tree.encode({"dtype": torch.bfloat16, "x": torch.ones(1)})
    assert state_tree.decode(skeleton, tensors)["dtype"] is torch.bfloat16
    with pytest.raises(TypeError):
        state_tree.decode({"$": "dtype", "value": "nn"}, {})


RANGED = [
    (kind, name, key)
    for kind in kinds()
    for name in names_of_libraries(kind)
    for key in sorted(getattr(find(kind, name), "record", {}).get("ranges", {}))
]


@pytest.mark.skipif(
    not (OPTIMIZERS.is_current() and TRANSFORMS.is_current()), reason="other versions were measured"
)
def test_tables_hold_ranges() -> None:
    """Those of the versions that they were made of say what most parameters take."""
    assert len(RANGED) > 200


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("kind", "name", "key"), random.Random(3).sample(RANGED, min(len(RANGED), 30)))
def test_ranges_are_true(kind: str, name: str, key: str) -> None:
    """At both ends the part works, without a trial; beyond a bound a reader refuses."""
    known = find(kind, name).record["ranges"][key]  # type: ignore[union-attr]
    for value in known.get("works", known.get("values", ()))[:2]:
        component = parser.parse(kind, block(kind, name) | {key: value})
        for sample in list(samples(component))[:1]:
            if not find(kind, name).record.get("example"):  # type: ignore[union-attr]
                assert component.is_proven(sample)
            component.try_out(sample)
    for side, bound in known.get("bounds", {}).items():
        beyond = bound - 1 if side.startswith("g") else bound + 1
        _, problems = parser.read(kind, block(kind, name) | {key: beyond})
        assert [problem.code for problem in problems] == ["SCH108"]
