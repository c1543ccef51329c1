"""Python code that does what a component does, for programs that run without this one."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Literal, NamedTuple

RawKind = Literal["array", "texts", "values"]
"""What a column is before it is encoded: a numpy array, a list of texts (None: missing), or of any values of JSON."""


class RawColumn(NamedTuple):
    """The code of a column's values, what they are, and the type of an array, or of the first value (`uint8`).

    `encoded` has what each distinct value becomes, None apart, where that is one number: a class, a number or NaN.
    """

    code: str
    kind: RawKind
    dtype: str = ""
    encoded: Mapping[Any, float] = {}


class Code(NamedTuple):
    """An expression, with the lines that come before it.

    `{call}` in the expression is replaced by a call of `function`, a plain function of ours that is written out with
    `arguments` in their places and called after `arguments_name`. `files` are text files beside the program, by name.
    """

    expression: str
    lines: tuple[str, ...] = ()
    imports: tuple[str, ...] = ()
    definitions: tuple[str, ...] = ()
    kind: RawKind = "array"
    function: Callable[..., Any] | None = None
    arguments: Mapping[str, Any] = {}
    arguments_name: str = ""
    files: Mapping[str, str] = {}


def text_literal(text: str) -> str:
    """Return a text as Python source: in double quotes if it is plain, else with escapes; always one line."""
    return f'"{text}"' if text.isprintable() and not {'"', "\\"} & set(text) else repr(text)


class NotWrittenError(Exception):
    """Raised if a component has no code to write out; the text names it, `at` is the place in the spec."""

    at = ""


@contextmanager
def code_at(path: str) -> Iterator[None]:
    """While inside, what has no code is at a path of the spec, or deeper within."""
    try:
        yield
    except NotWrittenError as error:
        error.at = error.at or path
        raise
