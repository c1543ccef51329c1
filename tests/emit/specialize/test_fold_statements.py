"""What becomes of the statements of a function when some of its arguments are known."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

from declare.emit.specialize.abstract_values import Const, Items, NotNone, Tensor, Value
from declare.emit.specialize.finish import finish, function_tree
from declare.emit.specialize.unit_library import Library
from declare.emit.specialize.units import Unit, bind_arguments


def written(function: Callable[..., Any], *arguments: Value) -> str:
    """Return the code of a function that is only called with some arguments."""
    library = Library()
    unit = Unit(function.__name__, function)
    library.call(unit, bind_arguments(unit, arguments, {}))
    library.specialize_all()
    finish(unit)
    return ast.unparse(ast.fix_missing_locations(function_tree(unit)))


def scaled(x, factor, bias=None):
    if factor == 1:
        return x
    if bias is not None:
        x = x + bias
    return x * (factor + 1)


def test_known_arguments_are_put_in_place_and_dead_branches_go() -> None:
    """A known argument is no parameter, nor is one that no caller passes; conditions on them are decided."""
    assert written(scaled, NotNone(), Const(2)) == "def scaled(x):\n    return x * 3"
    assert written(scaled, NotNone(), Const(1)) == "def scaled(x):\n    return x"


def test_unknown_arguments_stay() -> None:
    """A condition on an argument of which nothing is known stays."""
    assert "if factor == 1" in written(scaled, NotNone(), NotNone())


def test_callers_that_disagree_leave_a_parameter() -> None:
    """What two callers pass differently is not known."""
    library = Library()
    unit = Unit("scaled", scaled)
    for factor in (2, 3):
        library.call(unit, bind_arguments(unit, [NotNone(), Const(factor)], {}))
    assert unit.remaining_parameters == ["x", "factor"]


def doubled(*parts):
    values = [2 * part for part in parts]
    return values[0] + values[1]


def test_tuples_of_known_length_are_written_out() -> None:
    """A comprehension over the arguments of `*NAME` becomes a statement for each."""
    text = written(doubled, Tensor(), Tensor())
    assert text.splitlines()[0] == "def doubled(parts_0, parts_1):"
    assert text.splitlines()[-1] == "    return values_0 + values_1"


def rank(x):
    if x.dim() == 2:
        return x.unsqueeze(0).ndim
    return x


def test_ranks_of_tensors_decide_conditions() -> None:
    """The rank of a tensor follows from that of another; without one the condition stays."""
    assert written(rank, Tensor(2)) == "def rank(x):\n    return 3"
    assert "if x.dim() == 2" in written(rank, Tensor())


def refusing(x):
    if x is None:
        raise ValueError("no x")
    return x


def test_checks_that_raise_are_left_out() -> None:
    """A plan is checked: what refuses an argument is not written."""
    assert written(refusing, Tensor()) == "def refusing(x):\n    return x"


def drawing(x, rng):
    noise = rng.normal()  # noqa: F841
    unread = x + 1  # noqa: F841
    return x


def test_values_without_a_reader_go_unless_they_draw() -> None:
    """Random numbers are drawn even where nothing reads them: later draws depend on it."""
    text = written(drawing, Tensor(), NotNone())
    assert "noise = rng.normal()" in text
    assert "unread" not in text


def test_values_agree_where_both_hold() -> None:
    """Two callers of tuples of one length agree on what holds for each item."""
    library = Library()
    unit = Unit("doubled", doubled)
    for rank_of_second in (2, 3):
        library.call(unit, bind_arguments(unit, [Tensor(1), Tensor(rank_of_second)], {}))
    assert unit.known == {"parts": Items((Tensor(1), Tensor(None)))}
