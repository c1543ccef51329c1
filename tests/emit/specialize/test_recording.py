"""What is written down of modules that are made without torch."""

from __future__ import annotations

from declare.emit.specialize.member_lookup import config_key
from declare.emit.specialize.recording import STATEMENTS, Container, Expression, Module, source_of


class Linear(Module):
    """A layer."""


def test_operations_are_source_text() -> None:
    """What is done to a value of torch is the text of an expression."""
    torch = Expression("torch")
    assert (
        source_of(torch.arange(3, dtype=torch.float) * 2 - 1)
        == "((torch.arange(3, dtype=torch.float) * 2) - 1)"
    )
    assert source_of(2 / torch.pi) == "(2 / torch.pi)"


def test_calls_in_place_are_statements() -> None:
    """A call whose name ends in `_` is kept with the number of its module."""
    layer = Linear(3, 4)
    layer.weight.normal_(0, 0.02)
    number = layer.__dict__["_created"]
    assert STATEMENTS[-1][1] == f"<{number}>.weight.normal_(0, 0.02)"


def test_modules_of_one_configuration_have_one_key() -> None:
    """Arguments and children tell configurations apart."""
    assert config_key(Linear(3, 4)) == config_key(Linear(3, 4)) != config_key(Linear(4, 3))
    first, second = Module(), Module()
    first.layers, second.layers = Container([Linear(3, 4)]), Container([Linear(3, 5)])
    assert config_key(first) != config_key(second)


def test_modules_with_equal_buffers_have_one_key() -> None:
    """A buffer counts by how it is made, so that equal modules share one class."""
    modules = [Module() for _ in range(3)]
    for module, size in zip(modules, (4, 4, 5), strict=True):
        module.register_buffer("mask", Expression("torch").ones(size))
    first, second, third = map(config_key, modules)
    assert first == second != third
