"""torch.compile for a run's graph: where its cache stands, and what happens when it cannot keep up."""

from __future__ import annotations

import os

from torch import nn

from declare.data import cache


def compile_graph(graph: nn.Module) -> None:
    """Compile `graph` in place; what is compiled stays in the user's cache, so that the next run starts fast.

    A graph that needs more recompilations than torch allows is an error, and not a silent return to eager.
    """
    place = cache.folder("inductor")
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", str(place))
    from torch._dynamo import config

    config.fail_on_recompile_limit_hit = True
    graph.compile()


def forget() -> None:
    """Forget what was compiled for another phase: it would count as recompilations of this one."""
    from torch import _dynamo as dynamo

    dynamo.reset()
