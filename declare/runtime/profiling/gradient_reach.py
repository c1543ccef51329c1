"""Which parameters get a gradient: a few steps of each phase, with everything trained that it ever trains."""

from collections.abc import Iterator

import torch

from declare.contract.problem import Problem
from declare.ir.plan import ModulePlan, Plan
from declare.runtime.setup.auto import AutoSettings
from declare.runtime.setup.builder import PlanBuilder
from declare.runtime.setup.phase import assemble, trainable

_STEPS = 3
_SHOWN = 3


def without_gradient(plan: Plan, device: torch.device) -> list[str]:
    """Return the names of parameters that some phase trains and that get no gradient, or only 0, in any.

    A module that starts at zero hides those before it for one step: there are a few in each phase, and some for
    each of its datasets.
    """
    torch.manual_seed(plan.seed)
    builder = PlanBuilder(plan, None, device)
    trained_names = trainable(builder.graph)
    all_names: dict[str, None] = {}
    names_with_gradient: set[str] = set()
    for phase in plan.phases:
        auto = (AutoSettings(plan, None, device), lambda *_: None)
        setup = assemble(
            plan, builder, phase, trainable_names=trained_names, auto=auto, at_step=phase.steps - 1
        )
        builder.graph.train()
        parameters = {name: item for name, item in builder.graph.named_parameters() if item.requires_grad}
        all_names |= dict.fromkeys(parameters)
        for batch in setup.loader.batches(0, min(phase.steps, _STEPS + len(phase.datasets))):
            setup.train_step(min(phase.warmup_steps, phase.steps - 1), batch)
            names_with_gradient |= {
                name
                for name, item in parameters.items()
                if name not in names_with_gradient and item.grad is not None and bool(item.grad.any())
            }
    return [name for name in all_names if name not in names_with_gradient]


def problems(plan: Plan, names: list[str]) -> Iterator[Problem]:
    """Yield the findings (PHS628) about parameters without a gradient, one for each node of the graph."""
    for node in plan.nodes:
        node_names = [name for name in names if name.startswith(f"{node.path}.")]
        if node_names:
            yield _problem(plan, node, node_names)


def _problem(plan: Plan, node: ModulePlan, names: list[str]) -> Problem:
    some = ", ".join(f"`{name}`" for name in names[:_SHOWN]) + (", ..." if len(names) > _SHOWN else "")
    is_module = node.role == "module"
    tasks = [name for name, task in plan.tasks.items() if task.head == node.path]
    number = "1 parameter" if len(names) == 1 else f"{len(names)} parameters"
    return Problem(
        "PHS628",
        f"{number} of `{node.path}` never {'gets' if len(names) == 1 else 'get'} a gradient",
        at=f"model.{node.name}" if is_module else f"tasks.{(tasks or [node.name])[0]}",
        label="not trained",
        notes=(some, "in none of the phases do losses depend on them"),
        helps=(
            "use its output in a task that a phase trains, or leave the module out",
            "if it must stay as it is, list it under `freeze`",
        ),
    )
