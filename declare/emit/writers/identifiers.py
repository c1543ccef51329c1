"""Names of a spec that cannot be names in Python code."""

import keyword
from collections.abc import Iterator

from declare.contract.code import NotWrittenError
from declare.emit.model.forward import TAKEN
from declare.ir.plan import ModulePlan, Plan

_OF_MODULES = frozenset(
    [
        "add_module",
        "apply",
        "bfloat16",
        "buffers",
        "call_super_init",
        "children",
        "compile",
        "cpu",
        "cuda",
        "double",
        "dump_patches",
        "eval",
        "extra_repr",
        "float",
        "forward",
        "get_buffer",
        "get_extra_state",
        "get_parameter",
        "get_submodule",
        "half",
        "heads",
        "ipu",
        "load_state_dict",
        "modules",
        "mtia",
        "named_buffers",
        "named_children",
        "named_modules",
        "named_parameters",
        "parameters",
        "register_buffer",
        "register_module",
        "register_parameter",
        "requires_grad_",
        "set_extra_state",
        "set_submodule",
        "share_memory",
        "state_dict",
        "to",
        "to_empty",
        "train",
        "training",
        "type",
        "xpu",
        "zero_grad",
    ]
)
"""What every module of torch has: no other module may be called so."""
_OF_DICTS = _OF_MODULES | {"clear", "items", "keys", "pop", "update", "values"}
"""What `nn.ModuleDict`, which holds heads and the modules of datasets, has besides."""
_OF_TRAINING = TAKEN.union(
    ["add_up", "data", "distributed", "evaluate", "folder", "json"],
    ["load_file", "load_state", "loss", "losses", "metrics", "model"],
    ["optimizer", "parameters", "part", "rank", "rate", "save_file"],
    ["save_state", "state", "totals", "weights", "world"],
)
"""What functions use that have a variable for the batch of each of several datasets."""


def refuse_names(plan: Plan) -> None:
    """Raise `NotWrittenError` for a name that Python code cannot have."""
    for name in _names(plan):
        if not name.isidentifier() or keyword.iskeyword(name):
            raise NotWrittenError(f"the name `{name}`, which is none in Python")
    for name in plan.datasets if len(plan.datasets) > 1 else ():
        if name in _OF_TRAINING:
            raise NotWrittenError(f"a dataset called `{name}`, as something that the code uses")
    for node in plan.nodes:
        _refuse_attributes(node)


def _refuse_attributes(node: ModulePlan) -> None:
    """Raise `NotWrittenError` for a module called as an attribute of what holds it."""
    if node.role == "module" and node.path in _OF_MODULES:
        raise NotWrittenError(f"a module called `{node.path}`, as something that every module of torch has")
    datasets = node.variants if node.per_dataset else ()
    for name in (*node.path.split(".")[1:], *datasets):
        if name in _OF_DICTS:
            raise NotWrittenError(f"the name `{name}`, as something that `nn.ModuleDict` has")


def _names(plan: Plan) -> Iterator[str]:
    yield from plan.tasks
    yield from (phase.name for phase in plan.phases)
    yield from (node.name for node in plan.nodes)
    for name, dataset in plan.datasets.items():
        yield from (name, *dataset.fields)
