"""Files of weights that modules start from, compared with the modules by their headers before anything runs."""

from collections.abc import Iterator
from pathlib import Path

from declare.compiler.parameters.parameter_names import names, paths_of_instances
from declare.contract.files.weight_files import state_in
from declare.contract.kinds.module import Module
from declare.contract.problem import Problem
from declare.ir.plan import ModulePlan
from declare.nn.tensor_facts import TensorFacts
from declare.nn.weight_headers import UnreadableError, read_facts


def pretrained_files(module: object, node: ModulePlan) -> Iterator[Problem]:
    """Yield why the file that a node's module starts from does not hold its weights (paths inside its block)."""
    path = module.weights_file() if isinstance(module, Module) else None
    if not isinstance(module, Module) or path is None:
        return
    try:
        file = state_in(read_facts(path), TensorFacts)
    except FileNotFoundError:
        return  # reported where its inputs are checked
    except UnreadableError as error:
        yield _unreadable(path, str(error))
        return
    known = names(node)
    for place in paths_of_instances(node) if known is not None else ():
        root = f"{place}.{module.weights_root}." if module.weights_root else f"{place}."
        assert known is not None
        tensors = {
            name.removeprefix(root): item for name, item in known.state.items() if name.startswith(root)
        }
        problem = module.check_weights(tensors, file, path)
        if problem is not None:
            yield problem
            return


def _unreadable(path: Path, reason: str) -> Problem:
    return Problem(
        "RES840",
        f"no weights can be read from {path.name[:40]}",
        at="pretrained",
        label="not readable",
        notes=(f"`{path}`: {reason}",),
        helps=("use a .safetensors file, or a .pt file that contains only tensors",),
    )
