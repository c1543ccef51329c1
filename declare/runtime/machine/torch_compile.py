"""torch.compile for a run's graph: the folder of its cache, and what happens when compilation fails."""

import os

from torch import nn

from declare.contract.problem import Problem
from declare.runtime.machine.sealed_cache import open_sealed
from declare.system import user_cache

_VARIABLE = "TORCHINDUCTOR_CACHE_DIR"

_EACH = 8
"""Versions of a function that a node may need: training or not, with gradients or without, each size alone or any."""


def compile_graph(graph: nn.Module) -> None:
    """Compile `graph` in place; what is compiled stays in the user's cache, so that the next run starts fast.

    A graph that needs more recompilations than torch allows is an error, and not a silent return to eager. If the
    trace breaks (a recurrent module asks how long samples are), torch compiles function by function, and counts each
    node that passes through one: the limit grows with the number of nodes.
    """
    if _VARIABLE not in os.environ:
        place = user_cache.writable_folder("inductor")
        open_sealed(place)
        os.environ[_VARIABLE] = str(place)
    from torch._dynamo import config

    nodes = 1 + sum(1 for _ in graph.modules())
    config.recompile_limit = max(config.recompile_limit, _EACH * nodes)
    config.accumulated_recompile_limit = max(config.accumulated_recompile_limit, 4 * _EACH * nodes)
    config.fail_on_recompile_limit_hit = True
    graph.compile()


def compile_problem(error: BaseException) -> Problem | None:
    """Return the finding that a model could not be compiled; None for any other error."""
    if not any(
        item.__module__.startswith(("torch._dynamo", "torch._inductor")) for item in type(error).__mro__
    ):
        return None
    words = (str(error).strip() or type(error).__name__).splitlines()[0]
    return Problem(
        "PHS655",
        "torch.compile could not compile the model",
        at="hardware.compile",
        notes=(f"{type(error).__name__}: {words}",),
        helps=("train without it: `hardware: {compile: false}` gives the same numbers",),
    )


def reset_compiled() -> None:
    """Forget what was compiled for another phase: it would count as recompilations of this one."""
    from torch import _dynamo as dynamo

    dynamo.reset()
