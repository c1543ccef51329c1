"""What is known of the results of torch's functions and methods, and of the machine that a program runs on."""

from collections.abc import Callable, Sequence

from declare.emit.specialize.abstract_values import Const, Items, Tensor, Value

FALSE_CALLS = frozenset({"torch.compiler.is_compiling()", "torch.are_deterministic_algorithms_enabled()"})
"""Questions about modes of torch that programs never turn on."""
FALSE_COMPARISON = ".device.type == 'mps'"
"""How a question ends about the one kind of device, of those that our code asks for, that no program uses."""

_Rule = Callable[[Tensor, Sequence[Value]], Tensor]


def _same(owner: Tensor, _: Sequence[Value]) -> Tensor:
    return owner


def _any_rank(owner: Tensor, _: Sequence[Value]) -> Tensor:
    return Tensor(None, owner.is_float)


def _flatten(owner: Tensor, arguments: Sequence[Value]) -> Tensor:
    return Tensor(None if arguments else 1, owner.is_float)


def _one_more_dimension(owner: Tensor, _: Sequence[Value]) -> Tensor:
    return Tensor(None if owner.rank is None else owner.rank + 1, owner.is_float)


def _of_floats(owner: Tensor, _: Sequence[Value]) -> Tensor:
    return Tensor(owner.rank, is_float=True)


def _of_integers(owner: Tensor, _: Sequence[Value]) -> Tensor:
    return Tensor(owner.rank, is_float=False)


def _indices(_owner: Tensor, _: Sequence[Value]) -> Tensor:
    return Tensor(None, is_float=False)


_METHODS: dict[str, _Rule] = {
    "flatten": _flatten,
    "reshape": _any_rank,
    "view": _any_rank,
    "transpose": _same,
    "squeeze": _any_rank,
    "unsqueeze": _one_more_dimension,
    "float": _of_floats,
    "double": _of_floats,
    "long": _of_integers,
    "detach": _same,
    "contiguous": _same,
    "clone": _same,
    "masked_fill": _same,
    "argmax": _indices,
    "isnan": _of_integers,
}
_LIKE_FIRST = {"torch.cat", "torch.stack", "torch.full_like", "torch.zeros_like", "torch.ones_like"}
"""Functions whose result has the type of the first tensor."""


def method_result(owner: Tensor, name: str, arguments: Sequence[Value]) -> Value | None:
    """Return what is known of the result of a tensor's method, None if that is nothing."""
    if name == "dim" and owner.rank is not None:
        return Const(owner.rank)
    if name == "is_floating_point" and owner.is_float is not None:
        return Const(owner.is_float)
    return _METHODS[name](owner, arguments) if name in _METHODS else None


def function_result(name: str, arguments: Sequence[Value]) -> Value | None:
    """Return what is known of the result of a function (`torch.cat`), None if that is nothing."""
    if name not in _LIKE_FIRST or not arguments:
        return None
    first = arguments[0]
    if isinstance(first, Items) and first.items:
        first = first.items[0]
    return Tensor(None, first.is_float) if isinstance(first, Tensor) else None
